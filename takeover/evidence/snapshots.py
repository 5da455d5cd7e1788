"""What Envoy, the destinations and the Pod's rules had counted or written down at one moment, when all is at rest."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx

from takeover.base.errors import TakeoverError
from takeover.engines.contract import Container, Deployment, Pod
from takeover.envoy.admin import Admin
from takeover.envoy.used_stats import NoStatsError, UsedStats
from takeover.evidence import quiescence
from takeover.evidence.counters import Stats, difference
from takeover.evidence.destinations import Destinations
from takeover.evidence.rules import Rule, parse
from takeover.model.logs import json_lines

DEADLINE = 10.0
"""Seconds until all must be at rest."""
_SHORT_DEADLINE = 1.0
_UNTIL_LOGGED = 2.0
"""Seconds after which a request that no destination has written down went to somebody else."""
_Account = TypeVar("_Account")


@dataclass(frozen=True)
class Snapshot:
    """What each witness had counted or written down by then, since its start."""

    stats: Stats
    log: list[str]
    arrived: dict[str, list[str]]
    rules: list[Rule]


class UnrestError(AssertionError):
    """The witnesses do not agree, or something is still under way, when the deadline comes: the test has failed."""


_NOT_TOLD = (TakeoverError, UnrestError, httpx.HTTPError, OSError)
"""Why a witness has nothing to say."""


class Witnesses:
    """Asks the witnesses of one deployment.

    Args:
        pod: the Pod with Envoy.
        container: Envoy's container in it.
        used: is closed with this.
    """

    def __init__(self, deployment: Deployment, pod: Pod, container: Container, admin: Admin, used: UsedStats) -> None:
        self._pod = pod
        self._container = container
        self._unused = dict.fromkeys(admin.stats(), 0)
        self._used = used
        self._destinations = Destinations(deployment.scenario.destinations, deployment.pods)
        self._has_rules: bool | None = None
        self._last: tuple[int, Snapshot] | None = None
        # Clusters whose requests no destination writes down: scenario.yaml need not name all that is behind Envoy.
        self._unlogged: set[str] = set()

    def close(self) -> None:
        """Ends the connections that are kept."""
        self._destinations.close()
        self._used.close()

    def before(self, open_connections: int, attempted: int) -> Snapshot:
        """Waits until what came before is over and written down, and asks every witness.

        Args:
            open_connections: how many connections clients have open: Envoy may not yet know of the end of others.
            attempted: how often they tried to open one so far.

        Raises: UnrestError that says what was last seen.
        """
        # Nothing happened since the last block ended: what was told then holds, and nobody needs to be asked again.
        if self._last and self._last[0] == attempted:
            told = self._last[1]  # it held connections that have ended since, if it knows of more than there are
            is_over = quiescence.connections(told.stats) <= open_connections
            if is_over and not difference(told.stats, self._stats()):
                return told

        def look() -> Snapshot | str:
            stats = self._stats()
            if (known := quiescence.connections(stats)) > open_connections:
                return f"Envoy has {known} connections with clients, which have {open_connections} open"
            log = self._log(stats)
            return log if isinstance(log, str) else Snapshot(stats, log, self._destinations.told(), self._rules())

        return _waited_for(look, DEADLINE)

    def after(self, before: Snapshot, held: int, attempted: int) -> Snapshot:
        """Waits until all that happened since is over and written down, and asks every witness.

        Args:
            held: how many connections more than then are open on purpose (fewer, if negative).
            attempted: how often clients tried to open a connection so far.

        Raises: UnrestError that says what was last seen.
        """
        told = _waited_for(self._at_rest(before, held), DEADLINE)
        self._last = attempted, told
        return told

    def after_failure(self, before: Snapshot, held: int) -> Snapshot:
        """As `after`, of a block that has failed: at rest or not. Who answers no more has told only `before`."""
        self._last = None
        is_there = True
        try:
            return _waited_for(self._at_rest(before, held), _SHORT_DEADLINE)
        except NoStatsError:
            is_there = False
        except _NOT_TOLD:
            pass
        return Snapshot(
            _told(self._stats, before.stats) if is_there else before.stats,
            _told(lambda: json_lines(self._container.logs()), before.log),
            _told(self._destinations.told, before.arrived),
            _told(self._rules, before.rules),
        )

    def _at_rest(self, before: Snapshot, held: int) -> Callable[[], Snapshot | str]:
        """What looks whether all that happened since `before` is over."""
        expected = quiescence.connections(before.stats) + held
        arrivals_before = _number(before.arrived)
        logged_by = 0.0

        def look() -> Snapshot | str:
            nonlocal logged_by
            stats = self._stats()
            if (known := quiescence.connections(stats)) != expected:
                return f"Envoy has {known} connections with clients, not {expected}"
            if isinstance(log := self._log(stats), str):
                return log
            arrived = self._destinations.told()
            arrivals = _number(arrived) - arrivals_before
            forwarded = quiescence.forwarded_requests(before.stats, stats, self._unlogged)
            if arrivals < sum(forwarded.values()):
                logged_by = logged_by or time.monotonic() + _UNTIL_LOGGED
                if time.monotonic() < logged_by:
                    return f"destinations logged {arrivals} requests, Envoy sent them {sum(forwarded.values())}"
                if not arrivals:
                    self._unlogged.update(forwarded)
            # Envoy reads one counter after the other while its worker goes on: what counts is read at rest.
            if moving := difference(stats, stats := self._stats()):
                return f"counters still move: {moving}"
            return Snapshot(stats, log, arrived, self._rules())

        return look

    def _stats(self) -> Stats:
        """All counters and gauges: those that there are, and those that came about since."""
        return self._unused | self._used.now()

    def _log(self, stats: Stats) -> list[str] | str:
        """Envoy's access log, or what is under way or not yet in it."""
        if active := quiescence.under_way(stats):
            return active
        lines, entries = json_lines(self._container.followed_logs()), quiescence.log_entries(stats)
        if len(lines) != entries:
            return f"Envoy's access log has {len(lines)} entries, its counters tell of {entries}"
        return lines

    def _rules(self) -> list[Rule]:
        if self._has_rules is False:
            return []
        rules = parse(self._pod.nat_rules())
        self._has_rules = bool(rules)  # only an init container makes some: a Pod without them stays without
        return rules


def _told(ask: Callable[[], _Account], known: _Account) -> _Account:
    """What a witness tells; what it had told before, where it does not answer."""
    try:
        return ask()
    except _NOT_TOLD:
        return known


def _number(arrived: dict[str, list[str]]) -> int:
    return sum(map(len, arrived.values()))


def _waited_for(look: Callable[[], Snapshot | str], deadline: float) -> Snapshot:
    """The snapshot, once `look` returns one; until then it returns what is missing."""
    seen = quiescence.waited_for(look, deadline)
    if isinstance(seen, str):
        raise UnrestError(f"not at rest after {deadline:g} s; last seen: {seen}")
    return seen
