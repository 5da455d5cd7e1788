"""Accepted differences do not fail; entries that are out of date are told."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.compare.accepted import accept, read_accepted
from takeover.compare.comparison import Comparison, compare
from takeover.compare.kinds import failing
from takeover.compare.listing import listing
from takeover.model.document import Document


@pytest.fixture
def comparison(document: Callable[..., Document]) -> Comparison:
    """One difference of kind status, in the probe edges/plain of the scenarios one and two."""
    return compare({"1.0": lambda: document("1.0"), "2.0": lambda: document("2.0", {"status": 403}, "2.0-dev")})


def entry(tmp_path: Path, text: str, until: str = "2.0") -> Path:
    path = tmp_path / "accepted.yaml"
    path.write_text(f'- {{{text}, reason: it was a bug, who: Ann, until: "{until}"}}\n')
    return path


@pytest.mark.parametrize(
    "text",
    ["id: ID", "kind: status", 'scenario: "*"', "probe: edges/plain", 'probe: "edges/*", what: status, kind: status'],
)
def test_one_that_fits_is_shown_and_does_not_fail(tmp_path: Path, comparison: Comparison, text: str) -> None:
    accept(
        comparison, read_accepted(entry(tmp_path, text.replace("ID", f'"{comparison.differences[0].id}"')), tmp_path)
    )

    assert comparison.failing(failing(None)) == []
    assert comparison.remarks == []
    lines = list(listing(comparison, failing(None)))
    assert any(line.strip() == "accepted: it was a bug (Ann, until 2.0)" for line in lines)
    assert lines[-1] == "1 difference from 1.0 in 2.0, 1 accepted; 2 of 2 tests and probes compared"


def test_every_place_must_be_accepted(tmp_path: Path, comparison: Comparison) -> None:
    path = entry(tmp_path, "scenario: one")
    accept(comparison, read_accepted(path, tmp_path))
    assert (len(comparison.failing(failing(None))), comparison.remarks) == (1, [])

    path.write_text(path.read_text() + path.read_text().replace("one", "two").replace("Ann", "Bob"))
    accept(comparison, read_accepted(path, tmp_path))
    assert comparison.failing(failing(None)) == []
    assert comparison.differences[0].accepted == "it was a bug (Ann, until 2.0); it was a bug (Bob, until 2.0)"


@pytest.mark.parametrize("text", ['id: "00000000"', "kind: verdict", "scenario: three", 'probe: "limits/*"'])
def test_one_that_fits_nothing_is_told(tmp_path: Path, comparison: Comparison, text: str) -> None:
    accept(comparison, read_accepted(entry(tmp_path, text), tmp_path))

    assert len(comparison.failing(failing(None))) == 1
    [remark] = comparison.remarks
    assert "accepted.yaml:1: " in remark
    assert "matches no difference (any more): remove it?" in remark


def test_of_what_was_not_compared_nobody_says_that_it_is_gone(
    tmp_path: Path, document: Callable[..., Document]
) -> None:
    less = document("b", {"status": 403})
    less.probes = less.probes[:1]
    comparison = compare({"a": lambda: document("a"), "b": lambda: less})
    accept(comparison, read_accepted(entry(tmp_path, "scenario: two"), tmp_path))
    assert comparison.remarks[-1].endswith("scenario two matches nothing of what was compared")


TEST = {"id": "a.py::t", "scenario": "one", "name": "a.py::t"}


def verdict_id(document: Callable[..., Document]) -> str:
    """Of the test that fails with another Envoy, which supports it."""
    states = {name: document(name, tests=[{**TEST, "state": state}]) for name, state in (("a", "pass"), ("b", "fail"))}
    [difference] = compare({name: lambda each=each: each for name, each in states.items()}).differences  # type: ignore[misc]
    return difference.id


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id: 0123abcd", "matches no difference (any more): remove it?"),
        ("scenario: two", "matches no difference (any more): remove it?"),
        ("kind: status, scenario: one", "matches no difference (any more): remove it?"),
        ("kind: verdict", "matches nothing of what was compared: these Envoys do not support a.py::t"),
        ('probe: "a.py::*"', "matches nothing of what was compared: these Envoys do not support a.py::t"),
        ("id: VERDICT", "matches nothing of what was compared: these Envoys do not support a.py::t"),
    ],
)
def test_a_test_that_neither_supports_keeps_no_entry_but_its_own(
    tmp_path: Path, document: Callable[..., Document], text: str, why: str
) -> None:
    tests = [{**TEST, "state": "unsupported"}]
    both = compare({"1.0": lambda: document("1.0", tests=tests), "2.0": lambda: document("2.0", tests=tests)})
    accept(both, read_accepted(entry(tmp_path, text.replace("VERDICT", f'"{verdict_id(document)}"')), tmp_path))
    assert both.remarks[-1].endswith(f" {why}")


def test_past_its_version_it_does_not_hold(tmp_path: Path, comparison: Comparison) -> None:
    accept(comparison, read_accepted(entry(tmp_path, "kind: status", until="1.9"), tmp_path))

    assert len(comparison.failing(failing(None))) == 1
    [remark] = comparison.remarks
    assert remark.endswith("kind status was accepted until 1.9; it does not hold for 2.0-dev")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: nonsense", "no kind 'nonsense'; there are verdict"),
        ("id: x, kind: status", "not both, not neither"),
        ("why: x", "why is not supported"),
        ("id: 12345678", "id must be a string"),
        ("id: 12ab34", "id must be eight digits and letters a to f, as takeover compare prints it"),
        ("id: 12AB34CD", "id must be eight digits and letters a to f"),
    ],
)
def test_a_wrong_entry_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=rf"accepted\.yaml:1: .*{message}"):
        read_accepted(entry(tmp_path, text), tmp_path)


@pytest.mark.parametrize("until", ["soon", "1.41.*", "2027", "2027-06", "2027.06", "20270630", "1", "１.41.0"])
def test_a_wrong_version_is_one_line(tmp_path: Path, until: str) -> None:
    message = f'until must be a version of Envoy like "1.41.0", not {until!r}'
    with pytest.raises(BadInputError, match=re.escape(message)):
        read_accepted(entry(tmp_path, "kind: status", until=until), tmp_path)


@pytest.mark.parametrize("text", ["", "# none left\n", "[]\n"])
def test_a_file_whose_last_entry_was_removed_has_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accepted.yaml"
    path.write_text(text)
    assert read_accepted(path, tmp_path) == ()


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be read"):
        read_accepted(tmp_path / "no.yaml", tmp_path)
    assert read_accepted(None, tmp_path) == ()
    entry(tmp_path, "kind: status")
    assert len(read_accepted(None, tmp_path)) == 1
