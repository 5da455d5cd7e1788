"""What Envoy, the destinations and the Pod's rules had counted or written down at one moment, when all is at rest."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from takeover.base.errors import TakeoverError
from takeover.engines.contract import Container, Deployment, Pod
from takeover.envoy.admin import Admin
from takeover.envoy.used_stats import UsedStats
from takeover.evidence import quiescence
from takeover.evidence.counters import Stats, difference
from takeover.evidence.destinations import Destinations
from takeover.evidence.rules import Rule, parse
from takeover.model.logs import json_lines

DEADLINE = 10.0
"""Seconds until all must be at rest."""
_SHORT_DEADLINE = 1.0


@dataclass(frozen=True)
class Snapshot:
    """What each witness had counted or written down by then, since its start."""

    stats: Stats
    log: list[str]
    arrived: dict[str, list[str]]
    rules: list[Rule]


class UnrestError(AssertionError):
    """The witnesses do not agree, or something is still under way, when the deadline comes: the test has failed."""


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
        if self._last and self._last[0] == attempted and not difference(self._last[1].stats, self._stats()):
            return self._last[1]

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
        """As `after`, of a block that has failed: at rest or not, and `before` itself where nobody answers any more."""
        self._last = None
        try:
            return _waited_for(self._at_rest(before, held), _SHORT_DEADLINE)
        except (TakeoverError, UnrestError, httpx.HTTPError, OSError):
            pass
        try:
            log = json_lines(self._container.followed_logs())
            return Snapshot(self._stats(), log, self._destinations.told(), self._rules())
        except (TakeoverError, httpx.HTTPError, OSError):
            return before

    def _at_rest(self, before: Snapshot, held: int) -> Callable[[], Snapshot | str]:
        """What looks whether all that happened since `before` is over."""
        expected = quiescence.connections(before.stats) + held
        forwarded_before, arrivals_before = quiescence.forwarded_requests(before.stats), _number(before.arrived)

        def look() -> Snapshot | str:
            stats = self._stats()
            if (known := quiescence.connections(stats)) != expected:
                return f"Envoy has {known} connections with clients, not {expected}"
            if isinstance(log := self._log(stats), str):
                return log
            arrived = self._destinations.told()
            arrivals = _number(arrived) - arrivals_before
            if arrivals < (forwarded := quiescence.forwarded_requests(stats) - forwarded_before):
                return f"destinations logged {arrivals} requests, Envoy sent them {forwarded}"
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


def _number(arrived: dict[str, list[str]]) -> int:
    return sum(map(len, arrived.values()))


def _waited_for(look: Callable[[], Snapshot | str], deadline: float) -> Snapshot:
    """The snapshot, once `look` returns one; until then it returns what is missing."""
    seen = quiescence.waited_for(look, deadline)
    if isinstance(seen, str):
        raise UnrestError(f"not at rest after {deadline:g} s; last seen: {seen}")
    return seen
