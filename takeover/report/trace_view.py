"""A trace as hops and links, ready to be drawn: only what was measured, and what of it is missing.

A link is drawn where it was seen, too: a cluster is bound to the destination whose log has the requests of that
cluster, a destination that saw the client's own connection to the client. What counted but cannot be bound to one
cluster is bound to Envoy's filter, which sent all of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from takeover.model.dialled import Dialled
from takeover.model.logs import Entry
from takeover.model.trace import AccessLogHop, ClientHop, ControlPlaneHop, FilterHop, Hop, ListenerHop, Trace
from takeover.report.branches import Branch, branches
from takeover.report.client_view import client_view, dialled, refusal_view
from takeover.report.hop_view import SHOWN, HopView, State, hop_view
from takeover.report.stages import stages_of

_PORT = re.compile(r"--to-ports (\d+)")


@dataclass(frozen=True)
class TraceView:
    """A client, what intercepted it, what of Envoy handled it, in order, and where it ended.

    Args:
        rules: those that intercepted, and those that should have.
        refusal: the kernel, where it refused the client's connection.
        hand_over: the listener at the rule's port, where it handed the connection on uncounted.
        others: beside the trace: filters that counted, such as limits, and control planes with what they had delivered.
        dialled: what the clients dialled and got.
        trace: as assertions have it; `expected` likewise, empty if nothing is known of that.
        name: which Envoy it is, where there are several.
        further: the other Envoys of several, in the order of traffic; their clients are those of the first.
        passed_on_by: the cluster of the Envoy before that led here, where their logs tell.
    """

    client: HopView
    rules: tuple[HopView, ...]
    refusal: HopView | None
    hand_over: HopView | None
    envoy: tuple[HopView, ...]
    branches: tuple[Branch, ...]
    others: tuple[HopView, ...]
    dialled: tuple[Dialled, ...]
    trace: tuple[str, ...]
    expected: tuple[str, ...] = ()
    name: str = ""
    further: tuple["TraceView", ...] = ()
    passed_on_by: str = ""

    @property
    def hops(self) -> list[HopView]:
        """All of them, in order."""
        return [self.client, *(hop for each in (self, *self.further) for hop in each.own_hops)]

    @property
    def own_hops(self) -> list[HopView]:
        """Those of this Envoy and after it."""
        found = [*self.rules, self.refusal, self.hand_over, *self.envoy]
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
    stages = stages_of(block, expected)
    if not stages:
        return _of_one(block, expected, listeners)
    views, before = list[TraceView](), list[Entry]()
    for stage in stages:
        view = _of_one(stage.block, stage.expected, listeners)
        log = log_of(stage.block)
        remotes = {each.downstream_remote for each in log}
        passed = (each.upstream_cluster for each in before if each.upstream_local in remotes and each.upstream_cluster)
        refusal = view.refusal if not views else None
        views.append(replace(view, name=stage.envoy, passed_on_by=next(passed, ""), refusal=refusal))
        before = log
    return replace(views[0], trace=tuple(Trace.of(block)), expected=tuple(expected), further=tuple(views[1:]))


def _of_one(block: Sequence[Hop], expected: Sequence[str], listeners: Mapping[str, str] | None) -> TraceView:
    """The trace of a block as one Envoy, and what is around it, saw it."""
    trace = Trace.of(block)
    wanted = list(expected)
    # Of one name the first.
    by_name = {str(each): each for each in reversed(block) if not isinstance(each, ClientHop | ControlPlaneHop)}
    by_kind: dict[str, list[HopView]] = {}
    for hop in [*trace, *(each for each in wanted if each not in trace)]:
        kind, _, name = hop.partition(" ")
        state: State = "missing" if hop not in trace else "unexpected" if wanted and hop not in wanted else "seen"
        by_kind.setdefault(kind, []).append(hop_view(kind, name, state, by_name.get(hop)))
    log = log_of(block)
    rules = by_kind.get("rule", [])
    counted = _with_addresses(by_kind.get("listener", []), block)
    chains = sorted({each.filter_chain for each in log if each.filter_chain})
    filters = [*by_kind.get("http", []), *by_kind.get("tcp", [])]
    return TraceView(
        client=client_view(block, log),
        rules=tuple(rules),
        refusal=refusal_view(block, rules),
        hand_over=_hand_over(rules, counted, block, listeners or {}),
        envoy=(*counted, *(_chain(each, log) for each in chains), *_answered(filters, log)),
        branches=tuple(branches(by_kind, block, log)),
        others=tuple(_beside(each) for each in block if isinstance(each, FilterHop | ControlPlaneHop)),
        dialled=dialled(block),
        trace=tuple(trace),
        expected=tuple(wanted),
    )


def _beside(hop: FilterHop | ControlPlaneHop) -> HopView:
    if isinstance(hop, ControlPlaneHop):
        return HopView("control plane", hop.name, tuple(map(str, hop.delivered)))
    return hop_view("filter", hop.name, "seen", hop)


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


def _with_addresses(counted: list[HopView], block: Iterable[Hop]) -> list[HopView]:
    """The listeners; the first one with whom Envoy's log has as the client, and where to: after any redirection."""
    written = next((each for each in block if isinstance(each, AccessLogHop)), None)
    if written is None or not counted or counted[0].state == "missing":
        return counted
    first, number = written.entries[0], len(written.entries) + written.entries_left_out
    more = [f"the first of {number}"] if number > 1 else []
    facts = (*counted[0].facts, f"from {first.downstream_remote}", f"to {first.original_destination}", *more)
    return [replace(counted[0], facts=facts), *counted[1:]]


def _hand_over(
    rules: Sequence[HopView], counted: Sequence[HopView], block: Sequence[Hop], names: Mapping[str, str]
) -> HopView | None:
    """The rule's port, where it counted nothing and Envoy yet logged the connection that the rule had sent to it."""
    ports = [port[1] for each in rules if each.state != "missing" and (port := _PORT.search(each.name))]
    seen = [each for each in counted if each.state != "missing"]
    if len(ports) != 1 or not seen or any(each.name.endswith(f"_{ports[0]}") for each in seen):
        return None
    found = dialled(block)
    clients = {each.client for each in found}
    # Results of old do not tell the clients' addresses.
    if found and not any(each.downstream_remote in clients for each in log_of(block)):
        return None
    facts = ("counted nothing; the listener below", "counted the same connection")
    return HopView("listener", names.get(ports[0], f"port {ports[0]}"), facts)


def _chain(name: str, log: Sequence[Entry]) -> HopView:
    routes = sorted({each.route for each in log if each.filter_chain == name and each.route})
    return HopView("filter chain", name, (f"route {', '.join(routes)}",) if routes else ())


def _answered(filters: list[HopView], log: Sequence[Entry]) -> list[HopView]:
    """The filter, what its log says of the first request, and how all ended: flags, and who answered."""
    last = max((number for number, each in enumerate(filters) if each.state != "missing"), default=None)
    if not log or last is None:
        return filters
    ends: dict[str, int] = {}
    for each in log:
        status = f"{each.status} " if each.status else ""
        details = f" {each.details}" if each.details else ""
        key = f"{status}flags {each.flags}{details}"
        ends[key] = ends.get(key, 0) + 1
    lines = [f"{number} × {each}" if number > 1 else each for each, number in ends.items()]
    if len(lines) > SHOWN:
        lines = [*lines[: SHOWN - 1], f"and {len(lines) - SHOWN + 1} outcomes more"]
    first = log[0]
    asked = [f"{first.method} {first.authority or ''}{first.path or ''}"] if first.method else []
    told = replace(filters[last], facts=(*filters[last].facts, *asked, *lines))
    return [*filters[:last], told, *filters[last + 1 :]]
