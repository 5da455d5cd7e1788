"""The account of a failed test as one paragraph: expected, seen by each witness, the likely cause, what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from takeover.model.logs import Entry
from takeover.model.trace import AccessLogHop, ClientHop, ControlPlaneHop, DestinationHop, Hop, RuleHop
from takeover.report.client_view import what_differs
from takeover.report.trace_view import TraceView, log_of, trace_view
from takeover.report.words import counted

_SAID = 3  # of a kind, in a paragraph


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


@dataclass(frozen=True)
class Broken:
    """The block of a failed test that tells most, as a trace; and the same block where the test passed.

    Args:
        block: its hops.
        passed: None where it passed nowhere.
    """

    block: Sequence[Hop]
    view: TraceView
    passed: TraceView | None = None


def broken_trace(failure: Failure, elsewhere: Sequence[Sequence[Hop]] = ()) -> Broken | None:
    """The block whose trace an assertion missed, else the last one. None if none was watched.

    Args:
        elsewhere: the blocks of the same test where it passed: their trace is what was to be expected, if no assertion
            said so.
    """
    if not failure.evidence:
        return None
    missed = [number for number, each in enumerate(failure.expected) if each is not None]
    number = missed[0] if missed else len(failure.evidence) - 1
    block = failure.evidence[number]
    passed = trace_view(elsewhere[number]) if number < len(elsewhere) else None
    expected = failure.expected[number] if missed else None
    if expected is None and passed is not None:
        expected = list(passed.trace)
    return Broken(block, trace_view(block, expected or ()), passed)


def expected(failure: Failure, broken: Broken | None) -> str:
    """What should have been, in a sentence: the trace, if an assertion missed it, else what the assertion says."""
    if broken is not None and broken.view.expected and broken.view.expected != broken.view.trace:
        return f"the trace {' → '.join(broken.view.expected)}"
    return failure.reason or "no message"


def likely_cause(broken: Broken | None) -> str:
    """Where the evidence first departs from what was expected, in a sentence.

    A hop is named where it counted and should not have, or the other way round; never for what it answered: whether
    that was right, only the assertion knows.
    """
    if broken is None:
        return "Nothing was watched, so the message above is all there is."
    view = broken.view
    missing = next((each for each in view.expected if each not in view.trace), None)
    unexpected = [each for each in view.trace if view.expected and each not in view.expected]
    refused = view.refusal.facts[0] if view.refusal is not None and _only_rules(view.trace) else ""
    if refused and view.trace and view.trace != view.expected:
        return f"The kernel refused the connection after {view.trace[-1]} took it: {refused}; Envoy counted nothing."
    instead = f"; instead, {unexpected[0]} did" if unexpected else ""
    if missing is not None:
        last = ("the client", *view.expected)[view.expected.index(missing)]
        instead = instead or ("; the kernel refused the connection" if refused else "")
        return f"The trace breaks off after {last}: {missing} was expected next and counted nothing{instead}."
    if unexpected:
        return f"The trace goes where it should not: {unexpected[0]} was not expected and counted."
    return " ".join(filter(None, (_what_is_known(broken), _what_the_client_got(broken))))


def _only_rules(trace: Sequence[str]) -> bool:
    return all(each.startswith("rule ") for each in trace)


def _what_is_known(broken: Broken) -> str:
    """As a sentence, where no hop is missing: the assertion was about something else."""
    trace, log = broken.view.trace, log_of(broken.block)
    if not trace:
        return "No witness counted anything, no rule, Envoy or destination."
    if broken.view.expected:
        return "Every hop counted as expected."
    if log and not any(each.startswith("destination ") for each in trace):
        return f"No destination logged a request; Envoy's access log has {_logged(log[0])}."
    return "No hop is known to be missing."


def _what_the_client_got(broken: Broken) -> str:
    """As a sentence: otherwise than where the test passed, if that is known."""
    dialled = broken.view.dialled
    if broken.passed is not None and (difference := what_differs(dialled, broken.passed.dialled)):
        return difference
    if not dialled:
        return ""
    more = f", and {counted(len(dialled) - 1, 'more')}" if len(dialled) > 1 else ""
    return f"The client {dialled[0]}{more}."


def witnesses(block: Sequence[Hop]) -> list[tuple[str, str]]:
    """Who saw what in a block, a short line each: clients, the rules, Envoy's counters, its log, the destinations."""
    silent = {
        "the client": "no connection of its own",
        "the Pod's rules": "took no packet",
        "Envoy's counters": "did not move",
        "Envoy's access log": "no entry",
        "the destinations": "saw nothing",
    }
    said: dict[str, list[str]] = {}
    for hop in block:
        if isinstance(hop, ClientHop):
            said.setdefault("the client", []).extend(str(it) for it in hop.dialled[:_SAID])
            continue
        if isinstance(hop, ControlPlaneHop):
            continue  # no witness of the traffic; its record is shown whole
        before, after = next(iter(hop.counters.values()))
        match hop:
            case RuleHop(jumps=True):
                pass  # a rule where it leads says more
            case RuleHop():
                said.setdefault("the Pod's rules", []).append(f"{hop.label} took {after - before}")
            case AccessLogHop():
                said.setdefault("Envoy's access log", []).extend(
                    f"{hop.envoy} {_logged(each)}".lstrip() for each in hop.entries[:_SAID]
                )
            case DestinationHop():
                said.setdefault("the destinations", []).append(f"{hop.name} saw {after - before}")
            case _:
                said.setdefault("Envoy's counters", []).append(f"{hop} counted")
    return [(who, ", ".join(said.get(who, [nothing]))) for who, nothing in silent.items()]


def _logged(entry: Entry) -> str:
    status = f"{entry.status} " if entry.status else ""
    where = f" by cluster {entry.upstream_cluster}" if entry.upstream_cluster else ""
    return f"{status}flags {entry.flags}{where}"
