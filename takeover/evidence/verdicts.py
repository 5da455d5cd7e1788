"""Verdicts in the reader's words, each stated by every witness: Envoy, the destinations, the Pod's rules.

What the client saw is the test's own business. A path names what counted the traffic, in order, as `Seen.path` does.
"""

from takeover.evidence.seen import Seen

REDIRECTED = "rule OUTPUT REDIRECT --to-ports 15001"
OUTBOUND = [REDIRECTED, "listener 0.0.0.0_15001"]


def assert_blocked(seen: Seen, to: str) -> None:
    """Envoy itself blocked one connection to that address, on purpose: not something somewhere failed."""
    # The rule caught it, Envoy's listener took it, its cluster has no upstream, no destination saw anything.
    assert seen.path == [*OUTBOUND, "tcp BlockAllCluster", "cluster BlockAllCluster"]
    assert (seen.rule("REDIRECT"), seen.rule("RETURN")) == (1, 0)
    assert seen.counter("cluster.BlockAllCluster.upstream_cx_none_healthy") == 1
    assert seen.counter("cluster.BlockAllCluster.upstream_cx_total") == 0
    entry = seen.envoy
    assert (entry.flags, entry.upstream_cluster, entry.original_destination) == ("UH", "BlockAllCluster", to)


def assert_passed_on(seen: Seen, to: str, destination: str = "") -> None:
    """Envoy took one connection and made one of its own to where that was meant to go.

    Args:
        destination: POD/CONTAINER that saw it; empty if that is none that keeps a log.
    """
    seen_by = [f"destination {destination}"] if destination else []
    assert seen.path == [*OUTBOUND, "tcp AllowAll", "cluster AllowAll", *seen_by]
    # The rules caught the application's connection, and let Envoy's own one go.
    assert (seen.rule("REDIRECT"), seen.rule("RETURN")) == (1, 1)
    assert seen.counter("cluster.AllowAll.upstream_cx_total") == 1
    entry = seen.envoy
    assert (entry.upstream_cluster, entry.original_destination, entry.upstream_host) == ("AllowAll", to, to)


def assert_past_envoy(seen: Seen, destination: str = "") -> None:
    """Envoy neither counted nor logged anything; the destination was asked without it.

    Args:
        destination: POD/CONTAINER that saw it; empty if that is none that keeps a log.
    """
    assert seen.path == ([f"destination {destination}"] if destination else [])
    assert (seen.moved, seen.entries) == ({}, [])


def assert_routed(seen: Seen, path: list[str], requests: int = 1) -> None:
    """Requests went that whole way, and each arrived: Envoy's id of it is in its own log and in the destination's."""
    assert seen.path == path
    names = dict(hop.split(" ", 1) for hop in path)
    filter_, cluster = names["http"], names["cluster"]
    assert seen.counter(f"http.{filter_}.downstream_rq_total") == requests
    assert seen.counter(f"cluster.{cluster}.upstream_rq_total") == requests
    assert [(each.flags, each.upstream_cluster) for each in seen.entries] == [("-", cluster)] * requests
    arrived = [each.request_id for each in seen.destination(*names["destination"].rsplit("/", 1))]
    assert arrived == [each.request_id for each in seen.entries]


def assert_answered_by_envoy(seen: Seen, path: list[str], flags: str, details: str) -> None:
    """Envoy gave the answer itself, for the reason that it logs; no upstream was asked."""
    assert seen.path == path
    assert (seen.envoy.flags, seen.envoy.details, seen.envoy.upstream_host) == (flags, details, None)
