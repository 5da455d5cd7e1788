"""Waits until Envoy is at rest: no connection with clients or upstreams, no request, and no counter that moves."""

import re
import time
from collections.abc import Callable

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
_FOR_MOVING = "have the group's edits take out what goes on by itself, for instance a health check"


class Rest:
    """Waits for it.

    Args:
        now: Envoy's counters.
        end_upstreams: lets the upstreams that do so when asked end every connection that they have.
    """

    def __init__(self, now: Callable[[], Stats], end_upstreams: Callable[[], None]) -> None:
        self._now = now
        self._end_upstreams = end_upstreams

    def wait(self, deadline: float) -> tuple[Stats, str]:
        """Waits at most `deadline` seconds.

        Returns Envoy's counters then; and what is missing to rest, and what to do about it, empty if nothing is.
        """
        found: list[Stats] = []

        def of_clients() -> str:
            found.append(self._now())
            if known := quiescence.connections(found[-1]):
                return f"Envoy has {known} connections with clients; {_FOR_CLIENTS}"
            under_way = quiescence.under_way(found[-1])
            return f"{under_way}; {_FOR_REQUESTS}" if under_way else ""

        def all_of_it() -> str:
            found.append(self._now())
            if active := _active(found[-1]):
                self._end_upstreams()  # one may have come about, or been accepted, only now
                return f"Envoy has connections with upstreams ({active}); {_FOR_UPSTREAMS}"
            if ending := _ending(found[-1]):
                return f"Envoy has not yet counted the end of connections with upstreams ({ending}); {_FOR_UPSTREAMS}"
            if moving := difference(found[-2], found[-1]):
                return f"counters still move ({_listed(moving)}); {_FOR_MOVING}"
            return ""

        begun = time.monotonic()
        if missing := quiescence.waited_for(of_clients, deadline, LONGEST_WAIT):
            return found[-1], missing
        self._end_upstreams()
        found.append(self._now())
        left = deadline - (time.monotonic() - begun)
        missing = quiescence.waited_for(all_of_it, left, LONGEST_WAIT)
        return found[-1], missing


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
