"""Verdicts in the reader's words, each stated by every witness: Envoy, the destinations, the Pod's rules.

What the client saw is the test's own business. A trace names what counted the traffic, in order, as
`ObservedTraffic.trace` does.
"""

from takeover.base.errors import BadInputError
from takeover.evidence.observed import ObservedTraffic
from takeover.model.trace import ClientHop


def assert_past_envoy(observed: ObservedTraffic, destination: str = "") -> None:
    """Envoy neither counted nor logged anything; the destination was asked without it.

    Args:
        destination: POD/CONTAINER that saw it; empty if that is none that keeps a log: then a client of the scene, or a
            rule of Envoy's Pod, must have seen that there was something.

    Raises: AssertionError, also for a block of which no witness tells anything: of that it would always hold.
    """
    seen = bool(destination) or any(isinstance(each, ClientHop) for each in observed.hops) or bool(observed.taken_by)
    assert seen, (
        "nothing was observed: no client of the scene asked, no rule took a connection, no destination is named"
    )
    assert observed.trace == ([f"destination {destination}"] if destination else [])
    assert (observed.moved, observed.entries) == ({}, [])


def assert_routed(observed: ObservedTraffic, trace: list[str], requests: int = 1) -> None:
    """Requests have that whole trace, and each arrived: Envoy's id of it is in its own log and in the destination's.

    Raises: BadInputError for a trace that names no filter of HTTP, no cluster or no destination.
    """
    names = dict(hop.partition(" ")[::2] for hop in trace)
    if lacking := [each for each in ("http", "cluster", "destination") if each not in names]:
        told = f"a trace of requests that arrive names {', '.join(lacking)}, too"
        raise BadInputError(f"{told}; of a connection of TCP, compare observed.trace and observed.entries")
    assert observed.trace == trace
    filter_, cluster = names["http"], names["cluster"]
    assert observed.counter(f"http.{filter_}.downstream_rq_total") == requests
    assert observed.counter(f"cluster.{cluster}.upstream_rq_total") == requests
    assert [(each.flags, each.upstream_cluster) for each in observed.entries] == [("-", cluster)] * requests
    arrived = [each.request_id for each in observed.destination(*names["destination"].rsplit("/", 1))]
    assert arrived == [each.request_id for each in observed.entries]


def assert_answered_by_envoy(observed: ObservedTraffic, trace: list[str], flags: str, details: str) -> None:
    """Envoy gave the answer itself, for the reason that it logs; no upstream was asked."""
    assert observed.trace == trace
    assert (observed.envoy.flags, observed.envoy.details, observed.envoy.upstream_host) == (flags, details, None)
