"""A trace as hops and links, ready to be drawn: only what was measured, and what of it is missing.

A link is drawn where it was seen, too: a cluster is bound to the destination whose log has the requests of that
cluster. What counted but cannot be bound to one cluster is bound to Envoy's filter, which sent all of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from takeover.model.logs import Arrival, Entry
from takeover.model.trace import AccessLogHop, DestinationHop, FilterHop, Hop, ListenerHop, RuleHop, Trace

State = Literal["seen", "missing", "unexpected"]

# Counters in the order in which they tell most; a hop shows the first ones that moved, its title shows all.
_TELLING = (
    "packets",
    "requests",
    "downstream_rq_total",
    "downstream_cx_total",
    "upstream_rq_total",
    "upstream_cx_none_healthy",
    "upstream_cx_connect_fail",
    "upstream_rq_timeout",
    "no_route",
    "downstream_rq_2xx",
    "downstream_rq_3xx",
    "downstream_rq_4xx",
    "downstream_rq_5xx",
    "rate_limited",
    "ok",
    "upstream_cx_total",
)
_SHOWN = 3
_PORT = re.compile(r"--to-ports (\d+)")
_UID = re.compile(r"--uid-owner (\d+)")


@dataclass(frozen=True)
class HopView:
    """One place of the trace.

    Args:
        kind: client, rule, listener, filter chain, http, tcp, cluster, destination.
        facts: the evidence, a line each.
        counters: every counter that moved, "name before → after".
    """

    kind: str
    name: str
    facts: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    state: State = "seen"


@dataclass(frozen=True)
class Branch:
    """From Envoy to an upstream: the cluster and the destination that got it. Either may be missing.

    Args:
        released_by: the rule that let Envoy's own connection go, where the Pod has one.
    """

    cluster: HopView | None
    destination: HopView | None
    released_by: HopView | None = None


@dataclass(frozen=True)
class TraceView:
    """A client, what intercepted it, what of Envoy handled it, in order, and where it ended.

    Args:
        hand_over: the listener at the rule's port, where it handed the connection on uncounted.
        others: filters that counted beside the trace, such as limits.
        trace: as assertions have it; `expected` likewise, empty if nothing is known of that.
    """

    client: HopView
    rule: HopView | None
    hand_over: HopView | None
    envoy: tuple[HopView, ...]
    branches: tuple[Branch, ...]
    others: tuple[HopView, ...]
    trace: tuple[str, ...]
    expected: tuple[str, ...] = ()

    @property
    def hops(self) -> list[HopView]:
        """All of them, in order."""
        found = [self.client, self.rule, self.hand_over, *self.envoy]
        for branch in self.branches:
            found += [branch.cluster, branch.released_by, branch.destination]
        return [each for each in found if each is not None]


def trace_view(
    block: Sequence[Hop], expected: Sequence[str] = (), listeners: Mapping[str, str] | None = None
) -> TraceView:
    """The trace of one watched block.

    Args:
        block: its hops.
        expected: the trace that should have been; empty if that is not known.
        listeners: port → name of listeners that other blocks of the scenario saw (`named_listeners`).
    """
    trace = Trace.of(block)
    wanted = list(expected)
    by_name = {str(each): each for each in reversed(block)}  # of one name the first
    by_kind: dict[str, list[HopView]] = {}
    for hop in [*trace, *(each for each in wanted if each not in trace)]:
        kind, _, name = hop.partition(" ")
        state: State = "missing" if hop not in trace else "unexpected" if wanted and hop not in wanted else "seen"
        by_kind.setdefault(kind, []).append(_hop_view(kind, name, state, by_name.get(hop)))
    log = log_of(block)
    rules = by_kind.get("rule", [])
    counted = by_kind.get("listener", [])
    chains = sorted({each.filter_chain for each in log if each.filter_chain})
    filters = [*by_kind.get("http", []), *by_kind.get("tcp", [])]
    return TraceView(
        client=_client(block, log),
        rule=rules[0] if rules else None,
        hand_over=_hand_over(rules, counted, listeners or {}),
        envoy=(*counted, *(_chain(each, log) for each in chains), *_answered(filters, log)),
        branches=tuple(_branches(by_kind, block, log)),
        others=tuple(_hop_view("filter", each.name, "seen", each) for each in block if isinstance(each, FilterHop)),
        trace=tuple(trace),
        expected=tuple(wanted),
    )


def log_of(block: Iterable[Hop]) -> list[Entry]:
    """The entries of Envoy's log in that block."""
    return next((each.entries for each in block if isinstance(each, AccessLogHop)), [])


def named_listeners(blocks: Iterable[Sequence[Hop]]) -> dict[str, str]:
    """Port → what its listener is called in Envoy's log, where a block saw both."""
    found = {}
    for block in blocks:
        counted = [each.name for each in block if isinstance(each, ListenerHop)]
        logged = {entry.listener for entry in log_of(block)}
        if len(counted) == len(logged) == 1:
            found[counted[0].rpartition("_")[2]] = logged.pop()
    return found


def _hop_view(kind: str, name: str, state: State, hop: Hop | None) -> HopView:
    if hop is None:
        return HopView(kind, name, ("expected here, and not seen",), state=state)
    moved = hop.counters
    order = sorted(moved, key=lambda each: _TELLING.index(each) if each in _TELLING else len(_TELLING))
    lines = {each: f"{each} {moved[each][0]} → {moved[each][1]}" for each in order}
    facts = [lines[each] for each in order[:_SHOWN]]
    if len(order) > _SHOWN:
        facts[-1] = f"and {len(order) - _SHOWN + 1} counters more"
    if state == "unexpected":
        facts.insert(0, "seen, and not expected")
    if isinstance(hop, RuleHop) and (uid := _UID.search(hop.text)):
        facts.append(f"user id {uid[1]}")
    return HopView(kind, name, tuple(facts), tuple(lines.values()), state)


def _client(block: Sequence[Hop], log: Sequence[Entry]) -> HopView:
    """Who asked, as Envoy or else the destination saw it."""
    if log:
        entry = log[0]
        asked = f"{entry.method} {entry.authority or ''}{entry.path or ''}" if entry.method else ""
        to = f"to {entry.original_destination}"
        return HopView("client", entry.downstream_remote, (*filter(None, (asked, to)), *_more(log)))
    arrived = [entry for each in block if isinstance(each, DestinationHop) for entry in each.entries]
    if not arrived:
        return HopView("client", "client")
    first = arrived[0]
    facts = (f"{first.method} {first.uri}", f"to {first.server}", *_more(arrived))
    return HopView("client", first.client, facts)


def _more(entries: Sequence[Entry | Arrival]) -> list[str]:
    return [f"the first of {len(entries)}"] if len(entries) > 1 else []


def _hand_over(rules: Sequence[HopView], counted: Sequence[HopView], names: Mapping[str, str]) -> HopView | None:
    """The rule sent it to one port, and a listener of another one counted it: so it was handed over."""
    port = next((found[1] for found in (_PORT.search(each.name) for each in rules) if found), None)
    if port is None or not counted or any(each.name.endswith(f"_{port}") for each in counted):
        return None
    facts = ("hands over to the listener of the", "original destination, and counts nothing")
    return HopView("listener", names.get(port, f"port {port}"), facts)


def _chain(name: str, log: Sequence[Entry]) -> HopView:
    routes = sorted({each.route for each in log if each.filter_chain == name and each.route})
    return HopView("filter chain", name, (f"route {', '.join(routes)}",) if routes else ())


def _answered(filters: list[HopView], log: Sequence[Entry]) -> list[HopView]:
    """The filter, and how its log says that it ended: flags, and who answered."""
    if not filters or not log:
        return filters
    ends: dict[str, int] = {}
    for each in log:
        status = f"{each.status} " if each.status else ""
        details = f" {each.details}" if each.details else ""
        key = f"{status}flags {each.flags}{details}"
        ends[key] = ends.get(key, 0) + 1
    lines = tuple(f"{number} × {each}" if number > 1 else each for each, number in ends.items())
    if len(lines) > _SHOWN:
        lines = (*lines[: _SHOWN - 1], f"and {len(lines) - _SHOWN + 1} outcomes more")
    last = filters[-1]
    return [*filters[:-1], HopView(last.kind, last.name, (*last.facts, *lines), last.counters, last.state)]


def _branches(by_kind: Mapping[str, list[HopView]], block: Sequence[Hop], log: Sequence[Entry]) -> list[Branch]:
    clusters, destinations = by_kind.get("cluster", []), list(by_kind.get("destination", []))
    let_go = next((each for each in block if isinstance(each, RuleHop) and " RETURN" in each.name), None)
    released = _hop_view("rule", let_go.name, "seen", let_go) if let_go is not None else None
    reached = [each for each in block if isinstance(each, DestinationHop)]
    arrived = {each.name: {entry.request_id for entry in each.entries} for each in reached}
    bound = {}
    for cluster in clusters:
        ids = {each.request_id for each in log if each.upstream_cluster == cluster.name} - {None, ""}
        for destination in destinations:
            if ids & arrived.get(destination.name, set()):
                bound[cluster.name] = destination
                destinations.remove(destination)
                break
    for is_missing in (False, True):  # what was expected and not seen belongs together, too
        left = [each for each in clusters if each.name not in bound and (each.state == "missing") == is_missing]
        ends = [each for each in destinations if (each.state == "missing") == is_missing]
        if len(left) == len(ends) == 1:
            bound[left[0].name] = ends[0]
            destinations.remove(ends[0])
    branches = [Branch(each, bound.get(each.name)) for each in clusters]
    branches += [Branch(None, each) for each in destinations]
    # The rule sees the first packet of each of Envoy's own connections, whichever cluster's: it is told once.
    first = next((number for number, each in enumerate(branches) if _is_seen(each)), None)
    if released is not None:
        if first is None:
            branches.append(Branch(None, None, released))
        else:
            branches[first] = replace(branches[first], released_by=released)
    return branches


def _is_seen(branch: Branch) -> bool:
    return any(each is not None and each.state != "missing" for each in (branch.cluster, branch.destination))
