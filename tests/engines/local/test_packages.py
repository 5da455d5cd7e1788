"""Our own programs for Pods are compiled once, not in each Pod."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from takeover.engines.images import PEERS_FOLDER
from takeover.engines.local import packages

OURS = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, of which nothing is compiled."""
    copy = tmp_path / "peers"
    shutil.copytree(PEERS_FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(packages, "PEERS_FOLDER", copy)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return copy


def root_with(python: str, folder: Path) -> Path:
    (folder / "usr/bin").mkdir(parents=True)
    (folder / "usr/bin/python3").symlink_to(python)
    return folder


def compiled(programs: Path) -> list[Path]:
    return sorted(each for each in programs.rglob("*.py") if Path(importlib.util.cache_from_source(each)).exists())


def test_all_of_them_are_compiled_and_what_is_changed_is_compiled_again(programs: Path, tmp_path: Path) -> None:
    root = root_with(OURS, tmp_path / "root")
    packages.compile_programs(root)
    assert compiled(programs) == sorted(programs.rglob("*.py"))

    source = programs / "packages.py"
    cached = Path(importlib.util.cache_from_source(source))
    before = cached.read_bytes()
    packages.compile_programs(root)
    assert cached.read_bytes() == before
    source.write_text(f"{source.read_text()}\nMORE = 1\n")
    packages.compile_programs(root)
    assert b"MORE" in cached.read_bytes()


def test_nothing_is_compiled_for_another_python(programs: Path, tmp_path: Path) -> None:
    packages.compile_programs(root_with("python3.2", tmp_path / "root"))
    assert compiled(programs) == []


def test_nothing_is_compiled_where_python_is_told_to_write_no_bytecode(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    packages.compile_programs(root_with(OURS, tmp_path / "root"))
    assert compiled(programs) == []
