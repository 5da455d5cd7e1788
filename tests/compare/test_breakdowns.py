"""An Envoy that breaks down under a probe is a difference of its own kind, also where every Envoy does so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takeover.compare.accepted import accept, accepts_breakdown, read_accepted
from takeover.compare.comparison import Comparison, compare
from takeover.compare.kinds import failing
from takeover.compare.observations import observation_changes
from takeover.compare.since import since
from takeover.model.document import Breakdown, Document, Observation
from takeover.model.release import Release

Make = Callable[..., Document]

LOST: dict[str, Any] = {
    "status": None, "reason": "", "protocol": "", "headers": [], "body": "", "end": "reset", "log": [], "stats": {},
}  # fmt: skip


def broken(**fields: Any) -> dict[str, Any]:
    return LOST | {"breakdown": {"envoy": "pod/envoy", "how": "ended", "exit_code": 139, "why": "it is gone"} | fields}


def compared(documents: dict[str, Document]) -> Comparison:
    return compare({name: lambda each=each: each for name, each in documents.items()})  # type: ignore[misc]


ENDED, HANGS = broken(), broken(how="hangs", exit_code=None)


@pytest.mark.parametrize(
    ("old", "new", "was", "now"),
    [
        ({}, ENDED, "goes on", "ends with signal 11 (SIGSEGV)"),
        (ENDED, {}, "ends with signal 11 (SIGSEGV)", "goes on"),
        (ENDED, HANGS, "ends with signal 11 (SIGSEGV)", "hangs"),
        (ENDED, ENDED, "ends with signal 11 (SIGSEGV)", "ends with signal 11 (SIGSEGV)"),
        (ENDED, broken(why="otherwise", log=["more"]), *["ends with signal 11 (SIGSEGV)"] * 2),
        ({}, broken(how="not-started", exit_code=1), "goes on", "does not start (exit code 1)"),
    ],
    ids=["new", "old", "otherwise", "both", "both, noticed otherwise", "not started"],
)
def test_it_is_one_difference_that_fails_and_hides_what_follows_from_it(
    document: Make, old: dict[str, Any], new: dict[str, Any], was: str, now: str
) -> None:
    documents = {"a": document("a", old), "b": document("b", new)}
    comparison = compared(documents)

    told = [(each.kind, each.what, each.was, each.now) for each in comparison.differences]
    assert told == [("crash", "Envoy pod/envoy", was, now)]
    assert comparison.failing(failing(None)) == comparison.differences


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"b": ENDED}, "in a, b"),
        ({"b": ENDED, "c": ENDED}, "in a, b, c"),
        ({"b": {}, "c": ENDED}, "in a, c, not in b"),
        ({"b": ENDED, "c": {}}, "in a, b, not in c"),
    ],
)
def test_one_of_both_sides_is_told_to_be_in_the_first_one_too(
    document: Make, others: dict[str, dict[str, Any]], told: str
) -> None:
    documents = {name: document(name, seen) for name, seen in {"a": ENDED, **others}.items()}
    comparison = compared(documents)
    [both] = [each for each in comparison.differences if each.was == each.now]
    assert since(comparison, both) == told


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "ends with exit code 0"), (134, "ends with signal 6 (SIGABRT)"), (137, "ends with signal 9 (SIGKILL)"),
     (250, "ends with exit code 250"), (None, "ends")],
)  # fmt: skip
def test_how_it_ended_in_words(code: int | None, words: str) -> None:
    assert str(Breakdown("pod/envoy", "ended", code)) == words


def test_a_document_without_one_is_written_as_before(document: Make) -> None:
    assert b"breakdown" not in msgspec.json.encode(document("a"))
    written = msgspec.json.encode(document("a", ENDED))
    assert msgspec.json.decode(written, type=Document) == document("a", ENDED)


RELEASE = Release("b", "1.40.0", Path("envoy"), "abc", "0f", "Clean", is_post_release=False)


@pytest.mark.parametrize(
    ("entry", "is_accepted"),
    [
        ("kind: crash", True),
        ("probe: edges/*, scenario: one", True),
        ("kind: status", False),
        ("probe: other/*", False),
        ('kind: crash, until: "1.39.9"', False),
    ],
)
def test_it_is_accepted_for_an_envoy_as_it_is_in_a_comparison(
    document: Make, tmp_path: Path, entry: str, is_accepted: bool
) -> None:
    until = "" if "until" in entry else ', until: "1.41.0"'
    (tmp_path / "accepted.yaml").write_text(f"- {{{entry}, reason: known, who: Ann{until}}}\n")
    accepted = read_accepted(tmp_path / "accepted.yaml", tmp_path)
    probe = document("b", ENDED).probes[0]
    assert accepts_breakdown(accepted, probe, RELEASE) is is_accepted


@pytest.mark.parametrize("old", [{}, ENDED], ids=["new", "both"])
def test_the_id_of_either_difference_accepts_it(document: Make, tmp_path: Path, old: dict[str, Any]) -> None:
    documents = {"a": document("a", old), "b": document("b", ENDED, "1.40.0")}
    comparison = compared(documents)
    names = [each.id for each in comparison.differences]
    entries = [f'- {{id: "{name}", reason: known, who: Ann, until: "1.41.0"}}\n' for name in names]
    (tmp_path / "accepted.yaml").write_text("".join(entries))
    accepted = read_accepted(tmp_path / "accepted.yaml", tmp_path)
    accept(comparison, accepted)

    assert comparison.failing(failing(None)) == []
    assert all(accepts_breakdown(accepted, each, RELEASE) for each in documents["b"].probes)


def test_the_same_breakdown_on_both_sides_is_no_change_of_what_was_observed() -> None:
    one, other = (
        Observation(None, breakdown=Breakdown("pod/envoy", "ended", exit_code=139, why=each)) for each in "ab"
    )

    assert list(observation_changes(one, other, frozenset())) == []


@pytest.mark.parametrize("more", [{}, {"sweep": {"fields": 1, "variants": [
    {"scenario": "one", "name": "a = 1", "state": "ended", "error": "exit code 134: panic"}]}}])  # fmt: skip
def test_of_one_envoy_that_was_run_twice_only_what_is_new_is_one(document: Make, more: dict[str, Any]) -> None:
    last, tonight = (document("1.40.0", ENDED, **more) for _ in range(2))
    comparison = compared({"last": last, "tonight": tonight})
    assert comparison.differences == []
    [remark] = comparison.remarks
    number = 3 if more else 2
    assert remark.startswith(f"as before: {number} probes (one edges/plain, two edges/plain")
    assert remark.endswith(") under which Envoy 1.40.0 breaks down")

    changed = compared({"last": document("1.40.0", **more), "tonight": tonight})
    assert [each.kind for each in changed.failing(failing(None))] == ["crash"]
