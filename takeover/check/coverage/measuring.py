"""How much of a configuration probes reached: measured from the access log and the counters, not from their aims."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from msgspec import UNSET

from takeover.check.coverage.lines import LineOf, no_lines
from takeover.check.coverage.parts import Part, Parts, Route
from takeover.check.coverage.reached import reached, stopped
from takeover.check.coverage.reasons import Reasons
from takeover.check.records import Derived, World
from takeover.model.checked import ConfigPart, PartKind
from takeover.model.document import ProbeResult


@dataclass
class _Reached:
    """Of a part.

    Args:
        by: what told so → the probes that reached it.
        maybe: probes that may have reached it → the ids of what they may have reached instead.
        stopped: probes that were for it → Envoy's word for what ended them before.
    """

    by: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    maybe: dict[str, dict[str, None]] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)

    @property
    def probes(self) -> list[str]:
        return list(dict.fromkeys(probe for each in self.by.values() for probe in each))


def coverage(
    parts: Parts, probes: Iterable[ProbeResult], derived: Derived, world: World, line_of: LineOf = no_lines
) -> list[ConfigPart]:
    """Each part, and which probes reached it on the Envoy whose results these are.

    Args:
        line_of: tells the line of a path in what was given.
    """
    found: dict[str, _Reached] = defaultdict(_Reached)
    made = set[str]()
    for each in probes:
        if each.observation.breakdown is UNSET:
            made.add(each.probe)
        for part, told_by, others in reached(parts, each.observation):
            if others:
                found[part].maybe.setdefault(each.probe, {}).update(dict.fromkeys(others))
            else:
                found[part].by[told_by].setdefault(each.probe)
        for part, why in stopped(parts, each.observation):
            found[part].stopped.setdefault(each.probe, why)
    reasons = Reasons(parts, derived, world, made)
    return [_told(*each, found, reasons, line_of) for each in _in_order(parts)]


def places_of(parts: Parts) -> dict[str, tuple[str, ...]]:
    """Where each part stands, by its id."""
    return {part.id: tuple(filter(None, part.paths)) for part, *_ in _in_order(parts)}


def _in_order(parts: Parts) -> Iterator[tuple[Part, PartKind, str, bool]]:
    """Each part, its kind, the listener in which it stands, and whether no other stands in it."""
    for listener in parts.listeners:
        yield listener, "listener", listener.id, not listener.chains
        for chain in listener.chains:
            yield chain, "filter chain", listener.id, not chain.hosts
            for host in chain.hosts:
                yield host, "virtual host", listener.id, not host.routes
                for route in host.routes:
                    yield route, "route", listener.id, True
    for cluster in parts.clusters:
        yield cluster, "cluster", "", True


def _told(
    part: Part,
    kind: PartKind,
    listener: str,
    is_last: bool,
    found: Mapping[str, _Reached],
    reasons: Reasons,
    line_of: LineOf,
) -> ConfigPart:
    of_it = found.get(part.id) or _Reached()
    probes, file = of_it.probes, part.where.file
    line = (line_of(part.paths[0]) if part.paths and part.paths[0] else None) or part.where.line
    return ConfigPart(
        id=part.id,
        kind=kind,
        name=part.name or (part.id.rpartition(" / ")[2] if isinstance(part, Route) else part.id),
        within=part.within,
        where=file if line is None else f"{file}:{line}",
        probes=len(probes),
        told_by=max(of_it.by, key=lambda each: len(of_it.by[each]), default=""),
        why="" if probes else reasons.of(part, listener, of_it.maybe, of_it.stopped),
        by=list(dict.fromkeys((*probes, *of_it.stopped))) if is_last else [],
    )
