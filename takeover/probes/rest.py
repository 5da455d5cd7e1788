"""Waits until all Envoys are at rest: no connection with clients or upstreams, no request, no counter that moves."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from takeover.evidence import ends, quiescence
from takeover.evidence.counters import Stats, difference
from takeover.evidence.snapshots import DEADLINE
from takeover.scenario.typed_yaml import Json

LONGEST_WAIT = 0.02
"""Seconds between two looks: there are hundreds of probes."""

# What to do about it, by what Envoy still has.
_FOR_REQUESTS = f"have the group's edits give what it waits for a timeout below {DEADLINE:g} s"
_FOR_CLIENTS = f"have the group's edits give the listener and its filters timeouts below {DEADLINE:g} s"
_FOR_UPSTREAMS = (
    "only what a base.yaml names as control ends its connections when asked (bases/hostile does): have the group's "
    "edits lead the cluster there, or let the cluster end its own by max_requests_per_connection: 1"
)
_FOR_EACH_OTHER = "; let those that lead to another Envoy end theirs by max_requests_per_connection: 1"
_FOR_ENTRIES = "where an access log is not written at each end, have the group's edits give it a filter"
_FOR_MOVING = "have the group's edits take out what goes on by itself, for instance a health check"


class Reading(NamedTuple):
    """What an Envoy counts, and the states that it tells of."""

    counters: Stats
    gauges: Stats

    @property
    def stats(self) -> Stats:
        """Both."""
        return {**self.counters, **self.gauges}


class Rest:
    """Waits for it.

    What is open is told by gauges, which are few. Counters are read when nothing is open any more, and then the gauges
    once more: only if these are as before, and the end of all that began is counted, nothing went on meanwhile. A TCP
    proxy's entry in the access log comes after that, and is waited for.

    Args:
        gauges: those of each Envoy by its name, which is empty where there is only one.
        counters: likewise.
        end_upstreams: lets the upstreams that do so when asked end every connection that they have.
        config: the config dump of the Envoy of that name, asked for where a TCP proxy's connections are met first.
    """

    def __init__(
        self,
        gauges: Callable[[], Mapping[str, Stats]],
        counters: Callable[[], Mapping[str, Stats]],
        end_upstreams: Callable[[], None],
        config: Callable[[str], Json],
    ) -> None:
        self._gauges = gauges
        self._counters = counters
        self._end_upstreams = end_upstreams
        self._config = config
        self._left: dict[str, dict[str, int]] = {}
        self._before: Mapping[str, Stats] = {}  # when all was at rest last

    def wait(self, deadline: float, twice: bool = False) -> tuple[Mapping[str, Reading], str]:
        """Waits at most `deadline` seconds.

        Args:
            deadline: see above.
            twice: reads the counters twice: whether something counts by itself shows only so.

        Returns what was read last; and what is missing to rest, and what to do about it, empty if nothing is.
        """
        gauges: Mapping[str, Stats] = {}
        counters: list[Mapping[str, Stats]] = []
        is_stale = False

        def of_clients() -> str:
            nonlocal gauges
            gauges = self._gauges()
            return _open_with_clients(gauges)

        def of_upstreams() -> str:
            nonlocal gauges
            if any(map(quiescence.upstreams, gauges.values())):
                self._end_upstreams()  # again and again: one may have come about, or been accepted, only now
                gauges = self._gauges()
            for name, its in gauges.items():
                if active := quiescence.upstreams(its):
                    return f"{_envoy(name)} has connections with upstreams ({_listed(active)}); {_FOR_UPSTREAMS}"
            return ""

        def all_of_it() -> str:
            nonlocal gauges, is_stale
            if is_stale:
                gauges = self._gauges()
            is_stale = True
            if active := of_upstreams():
                return active
            before = gauges
            counters.append(self._counters())
            gauges = self._gauges()
            for name, its in gauges.items():
                if ending := quiescence.not_ended(counters[-1][name], its, self._before.get(name, {})):
                    ends = f"not yet counted the end of connections ({_listed(ending)})"
                    return f"{_envoy(name)} has {ends}; {_FOR_UPSTREAMS}"
                if kept := quiescence.kept_by_filters(its):
                    return f"{_envoy(name)} has filters that still have connections ({_listed(kept)}); {_FOR_CLIENTS}"
                moving = difference(before[name], its)
                if len(counters) > 1:
                    earlier, last = (each[name] for each in counters[-2:])
                    moving |= difference(earlier, last)
                    if not moving and quiescence.written_entries(earlier) != quiescence.written_entries(last):
                        return f"{_of(name)}entries of the access log still come; {_FOR_MOVING}"
                if moving:
                    return f"{_of(name)}counters still move ({_listed(moving)}); {_FOR_MOVING}"
                if missing := self._entries_to_come(name, counters[-1][name]):
                    return f"{_of(name)}{missing} entries of the access log have not come; {_FOR_ENTRIES}"
            if twice and len(counters) == 1:
                return "the counters were read once"
            return _open_with_clients(gauges)

        begun = time.monotonic()
        missing = quiescence.waited_for(of_clients, deadline, LONGEST_WAIT)
        if not missing:
            left = deadline - (time.monotonic() - begun)
            missing = quiescence.waited_for(all_of_it, left, LONGEST_WAIT)
        if missing or not counters:
            counters.append(self._counters())
        self._before = counters[-1]
        return {name: Reading(counters[-1][name], its) for name, its in gauges.items()}, missing

    def _entries_to_come(self, name: str, counters: Stats) -> int:
        """How many entries of connections that have ended are not written yet, of that Envoy."""
        before = self._before.get(name, {})
        moved = ends.connections(before, counters)
        if not moved:
            return 0
        known = self._left.setdefault(name, {})
        if any(each not in known for each in moved):
            known |= dict.fromkeys(moved, 0) | ends.left(self._config(name))
        written = quiescence.written_entries(counters) - quiescence.written_entries(before)
        return max(0, ends.due(before, counters, known) - written)


def _open_with_clients(gauges: Mapping[str, Stats]) -> str:
    for name, its in gauges.items():
        if known := quiescence.connections(its):
            more = _FOR_EACH_OTHER if name else ""
            return f"{_envoy(name)} has {known} connections with clients; {_FOR_CLIENTS}{more}"
        if under_way := quiescence.under_way(its):
            return f"{_of(name)}{under_way}; {_FOR_REQUESTS}"
    return ""


def _envoy(name: str) -> str:
    return f"Envoy {name}".rstrip()


def _of(name: str) -> str:
    return f"{name}: " if name else ""


def _listed(counted: Stats) -> str:
    return ", ".join(f"{name}: {value}" for name, value in counted.items())
