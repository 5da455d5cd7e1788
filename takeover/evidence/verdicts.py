"""Verdicts in the reader's words, each stated by every witness: Envoy, the destinations, the Pod's rules.

What the client saw is the test's own business. A path names what counted the traffic, in order, as `Seen.path` does.
"""

from takeover.evidence.seen import Seen

REDIRECTED = "rule OUTPUT REDIRECT --to-ports 15001"
OUTBOUND = [REDIRECTED, "listener 0.0.0.0_15001"]
_GIVEN_UP = ["upstream_cx_connect_attempts_exceeded", "upstream_rq_pending_failure_eject"]


def assert_blocked(seen: Seen, to: str) -> None:
    """Envoy itself blocked one connection to that address, on purpose: not something somewhere failed."""
    # The rule caught it, Envoy's listener took it, its cluster has no upstream, no destination saw anything.
    assert seen.path == [*OUTBOUND, "tcp BlockAllCluster", "cluster BlockAllCluster"]
    assert (seen.rule("REDIRECT"), seen.rule("RETURN")) == (1, 0)
    assert seen.moved == {
        "listener.0.0.0.0_15001.downstream_cx_total": 1,
        "listener.0.0.0.0_15001.downstream_cx_destroy": 1,
        "tcp.BlockAllCluster.downstream_cx_total": 1,
        "cluster.BlockAllCluster.upstream_cx_none_healthy": 1,
        "cluster.BlockAllCluster.lb_healthy_panic": 1,  # not even one that is not well is there
    }
    entry = seen.envoy
    assert (entry.flags, entry.upstream_cluster, entry.original_destination) == ("UH", "BlockAllCluster", to)


def assert_passed_on(seen: Seen, to: str, destination: str = "", refused: bool = False) -> None:
    """Envoy took one connection and made one of its own to where that was meant to go.

    Args:
        destination: POD/CONTAINER that saw it; empty if that is none that keeps a log.
        refused: nobody listens there (`UF`: the upstream failed), so Envoy's connection did not come about.
    """
    seen_by = [f"destination {destination}"] if destination else []
    assert seen.path == [*OUTBOUND, "tcp AllowAll", "cluster AllowAll", *seen_by]
    # The rules caught the application's connection, and let Envoy's own one go.
    assert (seen.rule("REDIRECT"), seen.rule("RETURN")) == (1, 1)
    counted = ["upstream_cx_connect_fail", *_GIVEN_UP] if refused else ["upstream_rq_total"]
    counted += ["upstream_cx_total", "upstream_rq_pending_total"]
    # Who ends a connection first is left to the two ends.
    assert {name: moved for name, moved in seen.moved.items() if "_destroy" not in name} == {
        "listener.0.0.0.0_15001.downstream_cx_total": 1,
        "tcp.AllowAll.downstream_cx_total": 1,
        **{f"cluster.AllowAll.{name}": 1 for name in counted},
    }
    entry = seen.envoy
    assert (entry.upstream_cluster, entry.original_destination, entry.upstream_host) == ("AllowAll", to, to)
    assert entry.flags == ("UF,URX" if refused else "-")


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
