"""One difference in full: what was seen on both sides, next to each other, and how to see it again."""

import itertools
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import UNSET

from takeover.base.visible import visible_line
from takeover.compare import breakdowns, sweeps, tls
from takeover.compare.comparison import Comparison, Difference, Place
from takeover.compare.gathering import gathered
from takeover.compare.kinds import BY_NAME, SECURITY_HEADERS
from takeover.compare.listing import line
from takeover.compare.reproduce import check_again, reproduce
from takeover.model.document import Breakdown, ConfigResult, Document, Observation, Outcome, ProbeResult, Variant
from takeover.model.json import encode
from takeover.model.trace import text as hops_text

_MOST_PLACES = 20
_LAST_LINES, _LONGEST_LINE = 10, 200


def detail(
    comparison: Comparison,
    difference: Difference,
    old: Document,
    new: Document,
    width: int,
    *,
    shortened: bool = False,
) -> Iterator[str]:
    """The lines of `--show`.

    Args:
        old: the first Envoy's document.
        new: that of the first Envoy that has the difference.
        width: of the lines, in characters.
        shortened: whether observations are without what all Envoys do alike.
    """
    yield f"{difference.kind}: {BY_NAME[difference.kind].about}"
    yield line(comparison, difference)
    name = difference.what.rpartition(" ")[2]
    if difference.kind == "security-header":
        yield f"{name}: {SECURITY_HEADERS[name]}"
    if difference.accepted:
        yield f"accepted: {difference.accepted}"
    unstable = comparison.unstable_of(difference)
    if unstable is not None:
        yield f"unstable: {unstable.share}; so it is no difference between versions"
    yield f"seen in {', '.join(difference.envoys)}"
    if len(difference.places) > 1:
        yield f"at {len(difference.places)} places:"
        yield from _first_of([_named(place) for place in difference.places])
    yield from _changed_alike(comparison, difference)
    example = beside(difference, old, new, comparison.program)
    if example is None:
        return
    yield ""
    yield _named(example.place)
    name_width = min(max(len(name) for name, _, _ in example.facts), width // 3)
    yield from _beside("", comparison.baseline, difference.envoys[0], name_width, width)
    for fact in example.facts:
        yield from _beside(*fact, name_width, width)
    yield ""
    if shortened:
        yield "(what was observed alike on all Envoys whose results are kept together is left out)"
    yield "to see it again:"
    yield from (f"  {command}" for command in example.commands)
    if shortened:
        return  # explaining needs whole observations
    if unstable is None and isinstance(_entry(new, example.place), ProbeResult):
        yield "which runtime guard brings the old behaviour back, if one does:"
        if old.checked is UNSET:
            yield f"  takeover explain {difference.id} {comparison.results_of(difference)}"
        else:
            yield f"  {check_again(old.checked, old.envoy.name, new.envoy.name)} --explain {difference.id}"


def in_short(comparison: Comparison, difference: Difference) -> str:
    """Some lines for where one is told by itself: what it means, what differs, and how to see both sides."""
    told = [f"{difference.kind}: {BY_NAME[difference.kind].about}", line(comparison, difference)]
    told += dict.fromkeys(visible_line(place.detail) for place in difference.places if place.detail)
    return "\n".join(
        [*told, f"both sides: takeover compare {comparison.results_of(difference)} --show {difference.id}"]
    )


@dataclass(frozen=True)
class Beside:
    """Both observations of a difference, at the first place where it was seen.

    Args:
        facts: for each fact its name, what it was and what it is; empty for what one side does not have.
        commands: how to see both again.
    """

    place: Place
    facts: list[tuple[str, str, str]]
    commands: list[str]


def beside(difference: Difference, old: Document, new: Document, program: str) -> Beside | None:
    """Both observations next to each other; None for what is about the binary.

    Args:
        old: the first Envoy's document.
        new: that of the first Envoy that has the difference.
        program: see `reproduce`.
    """
    place = example(difference)
    if not place.probe:
        return None
    before, after = _entry(old, place), _entry(new, place)
    was, now = dict(_facts(before)), dict(_facts(after))
    both = ((old, before), (new, after))
    commands = [
        reproduce(each, document.envoy.name, document.engine, document.delivery, document.checked, program)
        for document, each in both
    ]
    return Beside(
        place,
        [(fact, was.get(fact, ""), now.get(fact, "")) for fact in {**was, **now}],
        [*(run for run, *_ in commands), *commands[1][1:]],
    )


def example(difference: Difference) -> Place:
    """The place that `beside` takes: the first one where the first Envoy that has the difference has it."""
    return next(each for each in difference.places if difference.envoys[0] in each.envoys)


def _named(place: Place) -> str:
    return f"{place.scenario} {place.probe}"


def _entry(document: Document, place: Place) -> Outcome | ProbeResult | ConfigResult | Variant:
    """The test, probe, config or variant at that place: each has a name of its own kind."""
    for variant in sweeps.variants(document):
        if variant.scenario == place.scenario and place.probe in sweeps.names(variant):
            return variant
    entries: Iterator[Outcome | ProbeResult | ConfigResult] = itertools.chain(
        document.probes, document.tests, document.configs
    )
    for each in entries:
        match each:
            case ProbeResult(scenario=scenario, probe=name):
                pass
            case Outcome(name=name):  # whose scenario may be called otherwise by now
                scenario = place.scenario
            case ConfigResult(scenario=scenario, source=name):
                pass
        if (scenario, name) == (place.scenario, place.probe):
            return each
    raise AssertionError(f"{_named(place)} is not in the results of {document.envoy.name}")


def breakdown_told(probe: ProbeResult, broken: Breakdown) -> str:
    """An Envoy that broke down under a probe, in some lines: the first one is what became of it."""
    observed = probe.observation
    answer = f"{observed.protocol} {observed.status} {observed.reason}".strip()
    said = [line for line in broken.log if "[critical]" in line][:_LAST_LINES] or broken.log[-_LAST_LINES:]
    lines = [
        f"Envoy {broken.envoy} {broken} under the probe {probe.probe} of {probe.scenario}",
        f"  noticed by: {broken.why}",
        f"  observed until then: {'no answer' if observed.status is None else answer}; connection: {observed.end}; "
        f"{len(observed.body)} bytes of a body; {len(observed.log)} entries in the access log",
        "  it wrote:",
        *(f"    {visible_line(line)[:_LONGEST_LINE]}" for line in said),
    ]
    return "\n".join(lines)


Row = tuple[str, str]


def _facts(entry: Outcome | ProbeResult | ConfigResult | Variant) -> Iterator[Row]:
    match entry:
        case ProbeResult():
            yield from _observed_facts(entry.observation)
        case Outcome():
            yield "state", entry.state
            yield "reason", entry.reason
            for number, block in enumerate(entry.evidence, 1):
                yield f"hops of block {number}", hops_text(block)
        case ConfigResult():
            yield "config", "loads" if entry.loads else "rejected"
            yield "error", entry.error
            yield "warnings", "\n".join(entry.warnings)
        case Variant():
            yield "config", entry.state
            yield "error", entry.error
            yield "warnings", "\n".join(entry.warnings)
            yield "the smallest that differs", entry.config
            for probe in entry.probes:
                yield from ((f"{probe.name}: {fact}", told) for fact, told in _observed_facts(probe.observation))


def _observed_facts(observed: Observation) -> Iterator[Row]:
    if broken := breakdowns.of(observed):
        yield "Envoy", str(broken)
        yield "noticed by", broken.why
    for number, each in enumerate(observed.interim, 1):
        yield f"answer before, {number}", f"{each.status} {each.reason}\n{_lines(each.headers)}"
    answer = f"{observed.protocol} {observed.status} {observed.reason}".strip()
    yield "answer", "none" if observed.status is None else answer
    yield "headers", _lines(observed.headers)
    yield "body", observed.body
    yield "trailers", _lines(observed.trailers)
    yield "connection", observed.end
    yield from tls.facts(observed.tls)
    yield "connections before", "\n".join(map(str, observed.others or []))
    for number, seen in enumerate(observed.upstream or [], 1):
        yield f"the upstream's connection {number}", "\n".join(f"{name}: {value}" for name, value in seen.items())
    yield "stream", observed.stream_end or ""
    yield "frames", "\n".join(observed.frames or [])
    for number, message in enumerate(observed.messages or [], 1):
        yield f"message {number}", message
    for other in observed.streams or []:
        yield f"stream {other.stream}", f"{other.status or 'no answer'}, {other.end}"
        yield f"stream {other.stream}, headers", _lines(other.headers)
        yield f"stream {other.stream}, body", other.body
        yield f"stream {other.stream}, trailers", _lines(other.trailers)
    for number, entry in enumerate(observed.log, 1):
        for field, value in entry.items():
            shown = value if isinstance(value, str) else encode(value).decode()
            yield f"log {number}, {field}" if len(observed.log) > 1 else f"log {field}", shown
    for name, moved in observed.stats.items():
        yield name, f"{moved:+d}"
    for name, state in (observed.gauges or {}).items():
        yield f"{name}, at rest", str(state)
    yield "Envoy's warnings", "\n".join(observed.warnings)
    if broken:
        yield "Envoy wrote", "\n".join(broken.log)


def _lines(headers: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


def _changed_alike(comparison: Comparison, difference: Difference) -> Iterator[str]:
    """The others with which a listing tells it in one line."""
    together = next((each for each in gathered(comparison.differences, ()) if difference in each), [])
    others = [f"{each.id}  {_named(each.places[0])}" for each in together if each.id != difference.id]
    if others:
        yield f"{len(others)} more changed alike:"
        yield from _first_of(others)


def _first_of(lines: list[str]) -> Iterator[str]:
    """As many as are read, and how many more there are."""
    yield from (f"  {each}" for each in lines[:_MOST_PLACES])
    if len(lines) > _MOST_PLACES:
        yield f"  and {len(lines) - _MOST_PLACES} more"


def _beside(fact: str, old: str, new: str, name_width: int, width: int) -> Iterator[str]:
    """A fact's name and both sides in three columns; what differs is marked. What neither side has is left out."""
    if not old and not new:
        return
    column = max(20, (width - name_width - 7) // 2)
    mark = "*" if fact and old != new else " "
    cells = (_wrapped(fact, name_width), _wrapped(old, column), _wrapped(new, column))
    for name, left, right in itertools.zip_longest(*cells, fillvalue=""):
        yield f"{mark} {name:<{name_width}}  {left:<{column}} | {right}".rstrip()


def _wrapped(text: str, column: int) -> list[str]:
    wrapped: list[str] = []
    for each in text.split("\n"):
        wrapped += textwrap.wrap(visible_line(each), column, drop_whitespace=False) or [""]
    return wrapped
