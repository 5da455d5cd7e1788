import shutil
from pathlib import Path

import pytest

from tests.copied import copy_manifests
from tests.run.outside import ROOT, SUITE

PARTS = ("conftest.py", "pyproject.toml", "fixtures", "manifests", "suites", "takeover")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project without the atlas, to be broken.

    Of what Python has compiled it has all but what pytest rewrites, which tells where it was compiled: to compile it
    all again takes seconds in each process of a run.
    """
    for part in PARTS:
        if part == "manifests":
            copy_manifests(tmp_path / part)
        elif (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("*-pytest-*.pyc"))
        else:
            shutil.copy(ROOT / part, tmp_path / part)
    return tmp_path


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite file of its own, in a folder of its own."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(SUITE)
    return tmp_path
