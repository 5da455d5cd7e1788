"""Which parts of a configuration an observation tells that it reached, and by what."""

from collections.abc import Iterator, Sequence

from takeover.check.coverage.parts import FilterChain, Listener, Part, Parts
from takeover.check.coverage.told_apart import Taken, field, taken
from takeover.model.document import LogEntry, Observation

_OF_THE_ROUTER = (
    "via_upstream", "upstream_", "direct_response", "route_not_found", "cluster_not_found", "no_healthy_upstream",
    "maintenance_mode", "response_timeout", "internal_redirect", "drop_overload",
)  # fmt: skip
"""How the details of an answer begin that the router made, or the upstream."""
_FLAGS_OF_THE_ROUTER = frozenset(
    {"UH", "UF", "UO", "UT", "UC", "UR", "UPE", "URX", "UMSDR", "UDO", "NR", "NC", "LR", "DO", "DF"}
)
Found = tuple[str, str, Sequence[str]]
"""A part's id, by what it was told apart, and the ids of others that it may have been instead."""


def reached(parts: Parts, seen: Observation) -> Iterator[Found]:
    """All parts that it reached, by counters and by the access log that was added."""
    counted = dict.fromkeys(name.rpartition(".downstream_")[0] for name in seen.stats)
    entries = [(listener, each) for each in seen.log if (listener := _listener_of(parts, each)) is not None]
    by_counters = [parts.by_statistics[each] for each in counted if each in parts.by_statistics]
    for listener in by_counters:
        yield listener.id, "its counters", ()
    for listener, _ in entries:
        yield listener.id, "the access log", ()
    for listener in {each.id: each for each in (*by_counters, *(each for each, _ in entries))}.values():
        yield from _chains(listener, [entry for other, entry in entries if other is listener], seen)
    for listener, entry in entries:
        yield from _routes(parts, listener, entry)
    yield from _clusters(parts, [each for _, each in entries if _came_through(each)], seen)


def stopped(parts: Parts, seen: Observation) -> Iterator[tuple[str, str]]:
    """Routes and clusters for which a request was that a filter ended before: their ids, and Envoy's word for it."""
    for entry in seen.log:
        if (listener := _listener_of(parts, entry)) is None or _came_through(entry):
            continue
        routes = _taken(parts, listener, entry).routes
        for alike in (routes, parts.clusters_by_logged_name.get(field(entry, "upstream_cluster"), ())):
            if len(alike) == 1:
                yield alike[0].id, field(entry, "details")


def _came_through(entry: LogEntry) -> bool:
    """Whether a request came to the router: a filter that answers names the route and its cluster in the log, too."""
    details = field(entry, "details")
    if not details or field(entry, "upstream_host") or details.startswith(_OF_THE_ROUTER):
        return True
    return not _FLAGS_OF_THE_ROUTER.isdisjoint(field(entry, "flags").split(","))


def _listener_of(parts: Parts, entry: LogEntry) -> Listener | None:
    """Whose entry it is; None for one of an access log of the configuration's own."""
    return parts.by_logged_name.get(field(entry, "listener"))


def _chains(listener: Listener, entries: Sequence[LogEntry], seen: Observation) -> Iterator[Found]:
    named = {name for each in entries if (name := field(each, "filter_chain"))}
    for chain in listener.chains:
        if chain.logged_as and chain.logged_as in named:
            yield chain.id, "its name in the access log", ()
        elif len(listener.chains) == 1 and entries:
            yield chain.id, "the access log: it is the listener's only one", ()
        elif not (chain.logged_as and named) and (counted := _counted(chain, seen)):
            others = [each.id for each in listener.chains if each is not chain and counted & set(each.prefixes)]
            yield chain.id, "the counters of its filters", others


def _counted(chain: FilterChain, seen: Observation) -> set[str]:
    """Those prefixes of its filters' statistics that counted something."""
    return {each for each in chain.prefixes if any(name.startswith(f"{each}.") for name in seen.stats)}


def _routes(parts: Parts, listener: Listener, entry: LogEntry) -> Iterator[Found]:
    found = _taken(parts, listener, entry)
    if _came_through(entry):
        yield from _any_of(found.routes, found.told_by)
    if found.host is not None:
        by = "its routes" if found.routes else found.told_by
        yield found.host.id, by, ()
        yield found.host.within, by, ()


def _taken(parts: Parts, listener: Listener, entry: LogEntry) -> Taken:
    named, logged = field(entry, "filter_chain"), field(entry, "upstream_cluster")
    clusters = {each.name for each in parts.clusters_by_logged_name.get(logged, ())} or {logged} - {""}
    return taken([each for each in listener.chains if not named or each.logged_as == named], entry, clusters)


def _clusters(parts: Parts, entries: Sequence[LogEntry], seen: Observation) -> Iterator[Found]:
    for name in dict.fromkeys(field(each, "upstream_cluster") for each in entries):
        yield from _any_of(parts.clusters_by_logged_name.get(name, ()), "the access log")
    for name in dict.fromkeys(each.rpartition(".upstream_")[0] for each in seen.stats if each.endswith("_total")):
        yield from _any_of(parts.clusters_by_statistics.get(name, ()), "its counters")


def _any_of(alike: Sequence[Part], told_by: str) -> Iterator[Found]:
    """Each of those that it may have been, beside the others."""
    for part in alike:
        yield part.id, told_by, [each.id for each in alike if each.id != part.id]
