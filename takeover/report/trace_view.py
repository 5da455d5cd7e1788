"""The way that traffic took as stops and links, ready to be drawn: only what was measured, and what of it is missing.

A link is drawn where it was seen, too: a cluster is bound to the destination whose log has the requests of that
cluster. What counted but cannot be bound to one cluster is bound to Envoy's filter, which sent all of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from takeover.evidence.trace import Record, path

State = Literal["seen", "missing", "unexpected"]

# Counters in the order in which they tell most; a stop shows the first ones that moved, its title shows all.
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
class Stop:
    """One place on the way.

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

    cluster: Stop | None
    destination: Stop | None
    released_by: Stop | None = None


@dataclass(frozen=True)
class Way:
    """A client, what intercepted it, what of Envoy handled it, in order, and where it ended.

    Args:
        hand_over: the listener at the rule's port, where it handed the connection on uncounted.
        others: filters that counted beside the way, such as limits.
        short: as assertions have it; `expected` likewise, empty if nothing is known of that.
    """

    client: Stop
    rule: Stop | None
    hand_over: Stop | None
    envoy: tuple[Stop, ...]
    branches: tuple[Branch, ...]
    others: tuple[Stop, ...]
    short: tuple[str, ...]
    expected: tuple[str, ...] = ()

    @property
    def stops(self) -> list[Stop]:
        """All of them, in order."""
        found = [self.client, self.rule, self.hand_over, *self.envoy]
        for branch in self.branches:
            found += [branch.cluster, branch.released_by, branch.destination]
        return [each for each in found if each is not None]


def way(block: Sequence[Record], expected: Sequence[str] = (), listeners: Mapping[str, str] | None = None) -> Way:
    """The way of one watched block.

    Args:
        block: its records, as `hops.records` gives them.
        expected: the way in short that should have been; empty if that is not known.
        listeners: port → name of listeners that other blocks of the scenario saw (`named_listeners`).
    """
    short = path(list(block))
    wanted = list(expected)
    by_kind: dict[str, list[Stop]] = {}
    for hop in [*short, *(each for each in wanted if each not in short)]:
        kind, _, name = hop.partition(" ")
        state: State = "missing" if hop not in short else "unexpected" if wanted and hop not in wanted else "seen"
        record = next((each for each in block if _hop(each) == hop), None)
        by_kind.setdefault(kind, []).append(_stop(kind, name, state, record))
    log: list[dict[str, Any]] = next((each["entries"] for each in block if each["hop"] == "access log"), [])
    rules = by_kind.get("rule", [])
    counted = by_kind.get("listener", [])
    chains = sorted({each["filter_chain"] for each in log if each.get("filter_chain")})
    filters = [*by_kind.get("http", []), *by_kind.get("tcp", [])]
    return Way(
        client=_client(block, log),
        rule=rules[0] if rules else None,
        hand_over=_hand_over(rules, counted, listeners or {}),
        envoy=(*counted, *(_chain(each, log) for each in chains), *_answered(filters, log)),
        branches=tuple(_branches(by_kind, block, log)),
        others=tuple(_stop("filter", each["name"], "seen", each) for each in block if each["hop"] == "filter"),
        short=tuple(short),
        expected=tuple(wanted),
    )


def named_listeners(blocks: Iterable[Sequence[Record]]) -> dict[str, str]:
    """Port → what its listener is called in Envoy's log, where a block saw both."""
    found = {}
    for block in blocks:
        counted = [each["name"] for each in block if each["hop"] == "listener"]
        logged = {entry["listener"] for each in block if each["hop"] == "access log" for entry in each["entries"]}
        if len(counted) == len(logged) == 1:
            found[counted[0].rpartition("_")[2]] = logged.pop()
    return found


def _hop(record: Record) -> str:
    return f"{record['hop']} {record['name']}"


def _stop(kind: str, name: str, state: State, record: Record | None) -> Stop:
    if record is None:
        return Stop(kind, name, ("expected here, and not seen",), state=state)
    moved = record["counters"]
    order = sorted(moved, key=lambda each: _TELLING.index(each) if each in _TELLING else len(_TELLING))
    lines = {each: f"{each} {moved[each][0]} → {moved[each][1]}" for each in order}
    facts = [lines[each] for each in order[:_SHOWN]]
    if len(order) > _SHOWN:
        facts[-1] = f"and {len(order) - _SHOWN + 1} counters more"
    if state == "unexpected":
        facts.insert(0, "seen, and not expected")
    if uid := _UID.search(record.get("text", "")):
        facts.append(f"user id {uid[1]}")
    return Stop(kind, name, tuple(facts), tuple(lines.values()), state)


def _client(block: Sequence[Record], log: Sequence[Mapping[str, Any]]) -> Stop:
    """Who asked, as Envoy or else the destination saw it."""
    if log:
        first = log[0]
        asked = f"{first['method']} {first['authority'] or ''}{first['path'] or ''}" if first.get("method") else ""
        to = f"to {first['original_destination']}"
        return Stop("client", first["downstream_remote"], (*filter(None, (asked, to)), *_more(log)))
    arrived = [entry for each in block if each["hop"] == "destination" for entry in each["entries"]]
    if not arrived:
        return Stop("client", "client")
    first = arrived[0]
    facts = (f"{first['method']} {first['uri']}", f"to {first['server']}", *_more(arrived))
    return Stop("client", first["client"], facts)


def _more(entries: Sequence[Any]) -> list[str]:
    return [f"the first of {len(entries)}"] if len(entries) > 1 else []


def _hand_over(rules: Sequence[Stop], counted: Sequence[Stop], names: Mapping[str, str]) -> Stop | None:
    """The rule sent it to one port, and a listener of another one counted it: so it was handed over."""
    port = next((found[1] for found in (_PORT.search(each.name) for each in rules) if found), None)
    if port is None or not counted or any(each.name.endswith(f"_{port}") for each in counted):
        return None
    facts = ("hands over to the listener of the", "original destination, and counts nothing")
    return Stop("listener", names.get(port, f"port {port}"), facts)


def _chain(name: str, log: Sequence[Mapping[str, Any]]) -> Stop:
    routes = sorted({each["route"] for each in log if each["filter_chain"] == name and each.get("route")})
    return Stop("filter chain", name, (f"route {', '.join(routes)}",) if routes else ())


def _answered(filters: list[Stop], log: Sequence[Mapping[str, Any]]) -> list[Stop]:
    """The filter, and how its log says that it ended: flags, and who answered."""
    if not filters or not log:
        return filters
    told: dict[str, int] = {}
    for each in log:
        status = f"{each['status']} " if each.get("status") else ""
        details = f" {each['details']}" if each.get("details") else ""
        key = f"{status}flags {each['flags']}{details}"
        told[key] = told.get(key, 0) + 1
    lines = tuple(f"{number} × {each}" if number > 1 else each for each, number in told.items())
    if len(lines) > _SHOWN:
        lines = (*lines[: _SHOWN - 1], f"and {len(lines) - _SHOWN + 1} outcomes more")
    last = filters[-1]
    return [*filters[:-1], Stop(last.kind, last.name, (*last.facts, *lines), last.counters, last.state)]


def _branches(
    by_kind: Mapping[str, list[Stop]], block: Sequence[Record], log: Sequence[Mapping[str, Any]]
) -> list[Branch]:
    clusters, destinations = by_kind.get("cluster", []), list(by_kind.get("destination", []))
    released = next((_released(each) for each in block if each["hop"] == "rule" and " RETURN" in each["name"]), None)
    bound = {}
    for cluster in clusters:
        ids = {each["request_id"] for each in log if each.get("upstream_cluster") == cluster.name} - {None, ""}
        for destination in destinations:
            record = next((each for each in block if _hop(each) == f"destination {destination.name}"), None)
            if record and ids & {each["request_id"] for each in record["entries"]}:
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


def _released(record: Record) -> Stop:
    return _stop("rule", record["name"], "seen", record)
