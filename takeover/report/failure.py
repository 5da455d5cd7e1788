"""The account of a failed test as one paragraph: expected, seen by each witness, the likely cause, what to do."""

from collections.abc import Sequence
from typing import Any

import msgspec

from takeover.evidence.trace import Record
from takeover.report.trace_view import Way, way


class Failure(msgspec.Struct):
    """What a failed test left, beside its evidence.

    Args:
        scenario, release, name: what it was about; the name is without the release.
        message: what the assertion, or the set-up, said; as long as it was.
        reason: its first line.
        expected: for each watched block the path that an assertion missed, None where it missed none.
        command: how to run it again by hand.
        files: the names of its raw artefacts, in its folder.
        folder: where they are, seen from the page.
    """

    scenario: str
    release: str
    name: str
    message: str
    reason: str = ""
    evidence: list[list[dict[str, Any]]] = []
    expected: list[list[str] | None] = []
    command: str = ""
    files: list[str] = []
    folder: str = ""


def broken_way(failure: Failure, elsewhere: Sequence[Sequence[Record]] = ()) -> Way | None:
    """The way of the block that failed: the one whose path was missed, else the last one. None if none was watched.

    Args:
        elsewhere: the blocks of the same test where it passed: their path is what was to be expected, if no assertion
            said so.
    """
    if not failure.evidence:
        return None
    missed = [number for number, each in enumerate(failure.expected) if each is not None]
    number = missed[0] if missed else len(failure.evidence) - 1
    expected = failure.expected[number] if missed else None
    if expected is None and number < len(elsewhere):
        expected = list(way(elsewhere[number]).short)
    return way(failure.evidence[number], expected or ())


def expected(failure: Failure, broken: Way | None) -> str:
    """What should have been, in a sentence: the way, if an assertion missed it, else what the assertion says."""
    if broken is not None and broken.expected and broken.expected != broken.short:
        return f"the way {' → '.join(broken.expected)}"
    return failure.reason or "no message"


def likely_cause(broken: Way | None) -> str:
    """The first hop whose evidence is missing, in a sentence."""
    if broken is None:
        return "Nothing was watched to its end, so the message above is all there is."
    missing = next((each for each in broken.expected if each not in broken.short), None)
    unexpected = [each for each in broken.short if broken.expected and each not in broken.expected]
    instead = f"; instead, {unexpected[0]} did" if unexpected else ""
    if missing is not None:
        last = ("the client", *broken.expected)[broken.expected.index(missing)]
        return f"The way breaks off after {last}: {missing} was expected next and counted nothing{instead}."
    if unexpected:
        return f"The way goes where it should not: {unexpected[0]} was not expected and counted."
    if not broken.short:
        return "No witness counted anything: the traffic never got as far as a rule, Envoy or a destination."
    return f"Every hop of the way is there, up to {broken.short[-1]}: look at what the last one answered."


def witnesses(block: Sequence[Record]) -> list[tuple[str, str]]:
    """Who saw what in a block, a short line each: the rules, Envoy's counters, its log, the destinations."""
    told = {"the Pod's rules": "took no packet", "Envoy's counters": "did not move", "Envoy's access log": "no entry"}
    told["the destinations"] = "saw nothing"
    parts: dict[str, list[str]] = {}
    for record in block:
        hop, name = record["hop"], record["name"]
        before, after = next(iter(record["counters"].values()))
        if hop == "rule":
            parts.setdefault("the Pod's rules", []).append(f"{name} took {after - before}")
        elif hop == "access log":
            parts.setdefault("Envoy's access log", []).extend(_logged(each) for each in record["entries"][:3])
        elif hop == "destination":
            parts.setdefault("the destinations", []).append(f"{name} saw {after - before}")
        else:
            parts.setdefault("Envoy's counters", []).append(f"{hop} {name} counted")
    return [(who, ", ".join(parts.get(who, [what]))) for who, what in told.items()]


def _logged(entry: dict[str, Any]) -> str:
    status = f"{entry['status']} " if entry.get("status") else ""
    where = f" by cluster {entry['upstream_cluster']}" if entry.get("upstream_cluster") else ""
    return f"{status}flags {entry['flags']}{where}"
