"""The account of a failed test as one paragraph: expected, seen by each witness, the likely cause, what to do."""

from collections.abc import Sequence

import msgspec

from takeover.model.logs import Entry
from takeover.model.trace import AccessLogHop, DestinationHop, Hop, RuleHop
from takeover.report.trace_view import TraceView, trace_view


class Failure(msgspec.Struct):
    """What a failed test left, beside its evidence.

    Args:
        scenario, release, name: what it was about; the name is without the release.
        message: what the assertion, or the set-up, said; as long as it was.
        reason: its first line.
        expected: for each watched block the trace that an assertion missed, None where it missed none.
        command: how to run it again by hand.
        files: the names of its raw artefacts, in its folder.
        folder: where they are, seen from the page.
    """

    scenario: str
    release: str
    name: str
    message: str
    reason: str = ""
    evidence: list[list[Hop]] = []
    expected: list[list[str] | None] = []
    command: str = ""
    files: list[str] = []
    folder: str = ""


def broken_trace(failure: Failure, elsewhere: Sequence[Sequence[Hop]] = ()) -> TraceView | None:
    """The trace of the block that failed: the one that was missed, else the last one. None if none was watched.

    Args:
        elsewhere: the blocks of the same test where it passed: their trace is what was to be expected, if no assertion
            said so.
    """
    if not failure.evidence:
        return None
    missed = [number for number, each in enumerate(failure.expected) if each is not None]
    number = missed[0] if missed else len(failure.evidence) - 1
    expected = failure.expected[number] if missed else None
    if expected is None and number < len(elsewhere):
        expected = list(trace_view(elsewhere[number]).trace)
    return trace_view(failure.evidence[number], expected or ())


def expected(failure: Failure, broken: TraceView | None) -> str:
    """What should have been, in a sentence: the trace, if an assertion missed it, else what the assertion says."""
    if broken is not None and broken.expected and broken.expected != broken.trace:
        return f"the trace {' → '.join(broken.expected)}"
    return failure.reason or "no message"


def likely_cause(broken: TraceView | None) -> str:
    """The first hop whose evidence is missing, in a sentence."""
    if broken is None:
        return "Nothing was watched to its end, so the message above is all there is."
    missing = next((each for each in broken.expected if each not in broken.trace), None)
    unexpected = [each for each in broken.trace if broken.expected and each not in broken.expected]
    instead = f"; instead, {unexpected[0]} did" if unexpected else ""
    if missing is not None:
        last = ("the client", *broken.expected)[broken.expected.index(missing)]
        return f"The trace breaks off after {last}: {missing} was expected next and counted nothing{instead}."
    if unexpected:
        return f"The trace goes where it should not: {unexpected[0]} was not expected and counted."
    if not broken.trace:
        return "No witness counted anything: the traffic never got as far as a rule, Envoy or a destination."
    return f"Every hop of the trace is there, up to {broken.trace[-1]}: look at what the last one answered."


def witnesses(block: Sequence[Hop]) -> list[tuple[str, str]]:
    """Who saw what in a block, a short line each: the rules, Envoy's counters, its log, the destinations."""
    silent = {
        "the Pod's rules": "took no packet",
        "Envoy's counters": "did not move",
        "Envoy's access log": "no entry",
        "the destinations": "saw nothing",
    }
    said: dict[str, list[str]] = {}
    for hop in block:
        before, after = next(iter(hop.counters.values()))
        match hop:
            case RuleHop():
                said.setdefault("the Pod's rules", []).append(f"{hop.name} took {after - before}")
            case AccessLogHop():
                said.setdefault("Envoy's access log", []).extend(map(_logged, hop.entries[:3]))
            case DestinationHop():
                said.setdefault("the destinations", []).append(f"{hop.name} saw {after - before}")
            case _:
                said.setdefault("Envoy's counters", []).append(f"{hop} counted")
    return [(who, ", ".join(said.get(who, [nothing]))) for who, nothing in silent.items()]


def _logged(entry: Entry) -> str:
    status = f"{entry.status} " if entry.status else ""
    where = f" by cluster {entry.upstream_cluster}" if entry.upstream_cluster else ""
    return f"{status}flags {entry.flags}{where}"
