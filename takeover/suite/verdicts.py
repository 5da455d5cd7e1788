"""Verdicts in the reader's words, each stated by every witness: Envoy, the destinations, the Pod's rules.

What the client saw is the test's own business. A path names what counted the traffic, in order, as
`ObservedTraffic.path` does.
"""

from takeover.evidence.observed import ObservedTraffic


def assert_past_envoy(seen: ObservedTraffic, destination: str = "") -> None:
    """Envoy neither counted nor logged anything; the destination was asked without it.

    Args:
        destination: POD/CONTAINER that saw it; empty if that is none that keeps a log.
    """
    assert seen.path == ([f"destination {destination}"] if destination else [])
    assert (seen.moved, seen.entries) == ({}, [])


def assert_routed(seen: ObservedTraffic, path: list[str], requests: int = 1) -> None:
    """Requests went that whole way, and each arrived: Envoy's id of it is in its own log and in the destination's."""
    assert seen.path == path
    names = dict(hop.split(" ", 1) for hop in path)
    filter_, cluster = names["http"], names["cluster"]
    assert seen.counter(f"http.{filter_}.downstream_rq_total") == requests
    assert seen.counter(f"cluster.{cluster}.upstream_rq_total") == requests
    assert [(each.flags, each.upstream_cluster) for each in seen.entries] == [("-", cluster)] * requests
    arrived = [each.request_id for each in seen.destination(*names["destination"].rsplit("/", 1))]
    assert arrived == [each.request_id for each in seen.entries]


def assert_answered_by_envoy(seen: ObservedTraffic, path: list[str], flags: str, details: str) -> None:
    """Envoy gave the answer itself, for the reason that it logs; no upstream was asked."""
    assert seen.path == path
    assert (seen.envoy.flags, seen.envoy.details, seen.envoy.upstream_host) == (flags, details, None)
