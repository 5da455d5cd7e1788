"""Which destinations traffic reached, and by what: each bound, as measured, to a cluster, to Envoy, or to a client."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from takeover.model.logs import Entry
from takeover.model.trace import ClusterHop, DestinationHop, Hop, RuleHop
from takeover.report.client_view import dialled
from takeover.report.hop_view import HopView, hop_view

_REACHED = "upstream_rq_total"  # moves when an upstream has taken a request, or a connection that is proxied as it is


@dataclass(frozen=True)
class Branch:
    """To an upstream: the cluster and the destination that got it. Either may be missing.

    Args:
        released_by: the rule that let the connection go, where the Pod has one.
        is_direct: whether the destination saw the client's own connections: they came past Envoy.
    """

    cluster: HopView | None
    destination: HopView | None
    released_by: HopView | None = None
    is_direct: bool = False

    @property
    def is_seen(self) -> bool:
        """Whether something of it was measured."""
        return any(each is not None and each.state != "missing" for each in (self.cluster, self.destination))


def branches(by_kind: Mapping[str, list[HopView]], block: Sequence[Hop], log: Sequence[Entry]) -> list[Branch]:
    """The branches of a block, whose hops are there as they are drawn, by their kinds."""
    reached = {each.name: each for each in block if isinstance(each, DestinationHop)}
    direct = _asked_by_clients(reached.values(), block)
    clusters = by_kind.get("cluster", [])
    destinations = [each for each in by_kind.get("destination", []) if each.name not in direct]
    bound = _by_requests(clusters, destinations, reached, log)
    counters = {each.name: each.counters for each in block if isinstance(each, ClusterHop)}
    for is_missing in (False, True):  # what was expected and not seen belongs together, too
        left = [
            each
            for each in clusters
            if each.name not in bound
            and (each.state == "missing") == is_missing
            and (is_missing or _REACHED in counters[each.name])
        ]
        ends = [each for each in destinations if (each.state == "missing") == is_missing and each not in bound.values()]
        if len(left) == len(ends) == 1:
            bound[left[0].name] = ends[0]
    found = [Branch(each, bound.get(each.name)) for each in clusters]
    found += [Branch(None, each) for each in destinations if each not in bound.values()]
    found += [Branch(None, each, is_direct=True) for each in by_kind.get("destination", []) if each.name in direct]
    return _with_release(found, block)


def _asked_by_clients(reached: Iterable[DestinationHop], block: Sequence[Hop]) -> set[str]:
    """The destinations that saw nobody but the clients' own connections."""
    clients = {each.client for each in dialled(block) if each.client}
    return {each.name for each in reached if {entry.client for entry in each.entries} <= clients}


def _by_requests(
    clusters: Iterable[HopView],
    destinations: Iterable[HopView],
    reached: Mapping[str, DestinationHop],
    log: Sequence[Entry],
) -> dict[str, HopView]:
    """Cluster → the destination whose log has requests that Envoy's log has of that cluster."""
    left, bound = list(destinations), {}
    for cluster in clusters:
        ids = {each.request_id for each in log if each.upstream_cluster == cluster.name} - {None, ""}
        for destination in left:
            arrived = reached[destination.name].entries if destination.name in reached else []
            if ids & {each.request_id for each in arrived}:
                bound[cluster.name] = destination
                left.remove(destination)
                break
    return bound


def _with_release(found: list[Branch], block: Sequence[Hop]) -> list[Branch]:
    """With the rule that let go: it sees the first packet of each connection, whichever cluster's, and is told once."""
    let_go = next((each for each in block if isinstance(each, RuleHop) and each.lets_go), None)
    if let_go is None:
        return found
    released = hop_view("rule", let_go.name, "seen", let_go)
    seen = sorted((each.is_direct, number) for number, each in enumerate(found) if each.is_seen)
    if not seen:
        return [*found, Branch(None, None, released)]
    number = seen[0][1]
    return [*found[:number], replace(found[number], released_by=released), *found[number + 1 :]]
