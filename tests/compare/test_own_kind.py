"""A kind of difference that comes from outside the package, by registration alone."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from takeover.base.errors import BadInputError
from takeover.compare.kinds import Kind, register
from takeover.model.document import Document

TOY = """
from takeover.compare.kinds import Change, Kind, register

def slower(old, new):
    if len(new.envoy.commit) > len(old.envoy.commit):
        yield Change("longer-commit", "", "", "commit", old.envoy.commit, new.envoy.commit)

register(Kind("longer-commit", "the commit's name is longer", fails_by_default=True, find=slower), after="status")
"""


@pytest.fixture
def compare(tmp_path: Path, document: Callable[..., Document]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """`takeover compare` of two documents that differ in this alone, in a process that knows the kind or not."""
    (tmp_path / "toy_kind.py").write_text(TOY)
    old, new = document("1.0"), document("2.0")
    new.envoy.commit += "def"
    for each in (old, new):
        (tmp_path / f"{each.envoy.name}.json").write_bytes(msgspec.json.encode(each))

    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", "import sys; from takeover.cli.main import main; sys.exit(main())", *options]
        documents = ["compare", "./1.0.json", "./2.0.json"]
        return subprocess.run([*command, *documents], cwd=tmp_path, capture_output=True, text=True, timeout=600)

    return run


def test_it_is_found_listed_and_fails(compare: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    result = compare("-p", "toy_kind")
    assert result.returncode == 1, result.stderr
    assert "commit: abc → abcdef" in result.stdout
    assert result.stdout.startswith("! longer-commit")


def test_without_the_module_nobody_looks_for_it(compare: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    result = compare()
    assert (result.returncode, "no difference from 1.0 in 2.0" in result.stdout) == (0, True)


def test_a_module_that_is_not_there_is_one_line(compare: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    result = compare("-p", "no_such_kind")
    assert (result.returncode, result.stderr) == (2, "takeover: -p no_such_kind: No module named 'no_such_kind'\n")


@pytest.mark.parametrize(("name", "after"), [("status", "route"), ("new", "no-such")])
def test_a_name_that_is_taken_or_a_place_that_is_not_there_is_refused(name: str, after: str) -> None:
    with pytest.raises(BadInputError, match=f"kind {name}: the name is taken, or there is no kind '{after}'"):
        register(Kind(name, "about"), after)
