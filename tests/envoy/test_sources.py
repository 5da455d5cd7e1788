"""Sources of Envoys that are registered from outside the package."""

import os
import re
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.envoy import sources
from takeover.envoy.pypi import installed
from takeover.envoy.releases import resolve
from takeover.envoy.sources import Tell, release_of
from takeover.model.release import Release
from tests.run.outside import one_line, run

FORMS = "version, latest, all, github:VERSION, image:REFERENCE, toy:…"
PLUGIN = """
from takeover.envoy import sources
from takeover.envoy.pypi import installed


class Toy:
    def releases(self, item, tell):
        return [sources.release_of(item, installed()[1])]


sources.register("toy", Toy())
"""


class Toy:
    """Gives the installed Envoy under each of the names that are asked for, parted by +."""

    def releases(self, item: str, tell: Tell) -> list[Release]:
        tell(f"making {item}")
        return [release_of(name, installed()[1]) for name in item.split("+") if name]


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_registered", {})
    sources.register("toy", Toy())


def test_a_registered_source_is_asked_for_what_follows_its_prefix() -> None:
    told: list[str] = []
    one, two, named, version = resolve(f"toy:one+two, mine=toy:three,{installed()[0]}", told.append)

    assert [each.name for each in (one, two, named, version)] == ["one", "two", "mine", installed()[0]]
    assert {each.path for each in (one, two, named, version)} == {installed()[1]}
    assert told == ["making one+two", "making three"]
    # What chooses each again.
    assert [each.chosen_by for each in (one, two, named)] == ["toy:one+two", "toy:one+two", "mine=toy:three"]
    assert [each.chosen_by for each in (version, *resolve(None))] == [installed()[0], ""]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("newest", f"'newest' is no {FORMS} or PATH (each but all may have a name, NAME=…), nor a file here"),
        ("other:anything", f"'other:anything' is no {FORMS} or PATH"),
        ("toy:one,toy:one", "--envoy selects one twice"),
        ("mine=toy:one+two", "--envoy mine=toy:one+two: a NAME is for one Envoy, not 2"),
        ("toy:", "--envoy: toy: selects no Envoy"),
        ("toy:a/b", "--envoy: toy:a/b is named 'a/b', and a name is letters, digits and . _ + -"),
    ],
)
def test_what_cannot_be_selected_is_one_line(selection: str, message: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(message)):
        resolve(selection)


@pytest.mark.parametrize("prefix", ["", "Toy", "to/y", "toy"])
def test_a_prefix_is_checked_and_taken_once(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        sources.register(prefix, Toy())


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_with_a_source_of_its_own(workers: str, tmp_path: Path) -> None:
    (tmp_path / "toy_source.py").write_text(PLUGIN)
    result = run(
        *("-p", "toy_source", "--envoy", "toy:anything", "-n", workers),
        *("suites/inbound", "-k", "test_from_inside", "-v"),
        PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )
    text = one_line(result)

    assert result.returncode == 0, text
    told = re.search(
        r"^envoy: anything \(commit [0-9a-f]{40}, .+, sha256 [0-9a-f]{64}(, not pinned)?\)$", text, re.MULTILINE
    )
    assert told is not None
    assert told[1] is None  # it is the installed one, by another name
    assert re.search(r"\[envoy-anything.*PASSED|PASSED.*\[envoy-anything", text)
