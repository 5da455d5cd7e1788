"""Waits until all Envoys are at rest: no connection with clients or upstreams, no request, no counter that moves."""

import re
import time
from collections.abc import Callable, Mapping

from takeover.evidence import quiescence
from takeover.evidence.counters import Stats, difference
from takeover.evidence.snapshots import DEADLINE

LONGEST_WAIT = 0.02
"""Seconds between two looks: there are hundreds of probes."""

_BEGUN, _ENDED = ".upstream_cx_total", ".upstream_cx_destroy"
_UPSTREAM = re.compile(r"^cluster\.(.+)\.upstream_cx_active$")
# What to do about it, by what Envoy still has.
_FOR_REQUESTS = f"have the group's edits give what it waits for a timeout below {DEADLINE:g} s"
_FOR_CLIENTS = f"have the group's edits give the listener and its filters timeouts below {DEADLINE:g} s"
_FOR_UPSTREAMS = (
    "only what a base.yaml names as control ends its connections when asked (bases/hostile does): have the group's "
    "edits lead the cluster there, or let the cluster end its own by max_requests_per_connection: 1"
)
_FOR_EACH_OTHER = "; let those that lead to another Envoy end theirs by max_requests_per_connection: 1"
_FOR_MOVING = "have the group's edits take out what goes on by itself, for instance a health check"


class Rest:
    """Waits for it.

    Args:
        now: the counters of each Envoy by its name, which is empty where there is only one.
        end_upstreams: lets the upstreams that do so when asked end every connection that they have.
    """

    def __init__(self, now: Callable[[], Mapping[str, Stats]], end_upstreams: Callable[[], None]) -> None:
        self._now = now
        self._end_upstreams = end_upstreams

    def wait(self, deadline: float) -> tuple[Mapping[str, Stats], str]:
        """Waits at most `deadline` seconds.

        Returns the counters then; and what is missing to rest, and what to do about it, empty if nothing is.
        """
        found: list[Mapping[str, Stats]] = []

        def of_clients() -> str:
            found.append(self._now())
            for name, stats in found[-1].items():
                if known := quiescence.connections(stats):
                    more = _FOR_EACH_OTHER if name else ""
                    return f"{_envoy(name)} has {known} connections with clients; {_FOR_CLIENTS}{more}"
                if under_way := quiescence.under_way(stats):
                    return f"{_of(name)}{under_way}; {_FOR_REQUESTS}"
            return ""

        def all_of_it() -> str:
            found.append(self._now())
            for name, stats in found[-1].items():
                if active := _active(stats):
                    self._end_upstreams()  # one may have come about, or been accepted, only now
                    return f"{_envoy(name)} has connections with upstreams ({active}); {_FOR_UPSTREAMS}"
                if ending := _ending(stats):
                    ends = f"not yet counted the end of connections with upstreams ({ending})"
                    return f"{_envoy(name)} has {ends}; {_FOR_UPSTREAMS}"
                if moving := difference(found[-2][name], stats):
                    return f"{_of(name)}counters still move ({_listed(moving)}); {_FOR_MOVING}"
                if quiescence.written_entries(found[-2][name]) != quiescence.written_entries(stats):
                    return f"{_of(name)}entries of the access log still come; {_FOR_MOVING}"
            return ""

        begun = time.monotonic()
        if missing := quiescence.waited_for(of_clients, deadline, LONGEST_WAIT):
            return found[-1], missing
        self._end_upstreams()
        found.append(self._now())
        left = deadline - (time.monotonic() - begun)
        missing = quiescence.waited_for(all_of_it, left, LONGEST_WAIT)
        return found[-1], missing


def _envoy(name: str) -> str:
    return f"Envoy {name}".rstrip()


def _of(name: str) -> str:
    return f"{name}: " if name else ""


def _active(stats: Stats) -> str:
    """Clusters with connections, and how many; empty if there are none."""
    return _listed({found[1]: value for name, value in stats.items() if value and (found := _UPSTREAM.match(name))})


def _ending(stats: Stats) -> str:
    """Clusters with connections that are no longer active, but whose end is not counted yet: it is a moment later."""
    begun = {name.removesuffix(_BEGUN): value for name, value in stats.items() if name.endswith(_BEGUN)}
    ended = {each: stats.get(f"{each}{_ENDED}", 0) for each in begun}
    return _listed({each: begun[each] - ended[each] for each in begun if begun[each] > ended[each]})


def _listed(counted: Stats) -> str:
    return ", ".join(f"{name}: {value}" for name, value in counted.items())
