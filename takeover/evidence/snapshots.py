"""What Envoy, the destinations and the Pod's rules had counted or written down at one moment, when all is at rest."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from takeover.base.errors import TakeoverError
from takeover.engines.contract import Deployment
from takeover.envoy.used_stats import NoStatsError
from takeover.evidence import passing, quiescence
from takeover.evidence.between import Between
from takeover.evidence.counters import Stats, difference
from takeover.evidence.destinations import Destinations
from takeover.evidence.envoy_witness import Account, EnvoyWitness
from takeover.evidence.rules import Rule
from takeover.model.logs import entries

DEADLINE = 10.0
"""Seconds until all must be at rest."""
_SHORT_DEADLINE = 1.0
_UNTIL_LOGGED = 2.0
"""Seconds after which a request that no destination has written down went to somebody else."""
_Account = TypeVar("_Account")


@dataclass(frozen=True)
class Snapshot:
    """What each witness had counted or written down by then, since its start.

    Args:
        stats: of the first Envoy; `log`, `rules`, `name` and `addresses` likewise: see `Account`.
        arrived: destination → its log.
        others: the other Envoys.
        clients: how many connections with clients there were.
    """

    stats: Stats
    log: list[str]
    arrived: dict[str, list[str]]
    rules: list[Rule]
    name: str = ""
    addresses: tuple[str, ...] = ()
    others: tuple[Account, ...] = ()
    clients: int = 0

    @classmethod
    def of(cls, accounts: Sequence[Account], arrived: dict[str, list[str]], clients: int) -> "Snapshot":
        """Of what all Envoys tell, and the destinations."""
        first, *others = accounts
        return cls(first.stats, first.log, arrived, first.rules, first.name, first.addresses, tuple(others), clients)

    @property
    def envoys(self) -> tuple[Account, ...]:
        """All of them, the first one first."""
        return (Account(self.name, self.addresses, self.stats, self.log, self.rules), *self.others)


class UnrestError(AssertionError):
    """The witnesses do not agree, or something is still under way, when the deadline comes: the test has failed."""


def _not_told() -> tuple[type[Exception], ...]:
    """Why a witness has nothing to say."""
    import httpx

    return TakeoverError, UnrestError, httpx.HTTPError, OSError


class Witnesses:
    """Asks the witnesses of one deployment.

    Args:
        envoys: are closed with this.
    """

    def __init__(self, deployment: Deployment, envoys: Sequence[EnvoyWitness]) -> None:
        self._envoys = envoys
        self._between = Between(envoys)
        # Whether Envoys may call each other, or one itself; of one alone its log says so, once there is one.
        self._call_envoys: bool | None = True if len(envoys) > 1 else None
        self._destinations = Destinations(deployment.scenario.destinations, deployment.pods)
        self._last: tuple[int, Snapshot] | None = None
        # Clusters whose requests no destination writes down: scenario.yaml need not name all that is behind Envoy.
        self._unlogged: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Ends the connections that are kept."""
        self._destinations.close()
        for each in self._envoys:
            each.close()

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
            is_over = _connections(told) <= open_connections
            if is_over and not any(
                difference(then.stats, now.stats()) for then, now in zip(told.envoys, self._envoys, strict=True)
            ):
                return told

        def wrong(known: int) -> str:
            return f"with clients, which have {open_connections} open" if known > open_connections else ""

        def look() -> Snapshot | str:
            stats = [each.stats() for each in self._envoys]
            logs = self._logs(stats, wrong)
            return logs if isinstance(logs, str) else self._snapshot(stats, logs, self._destinations.told())

        return self._taken(look, DEADLINE)

    def after(self, before: Snapshot, held: int, attempted: int) -> Snapshot:
        """Waits until all that happened since is over and written down, and asks every witness.

        Args:
            held: how many connections more than then are open on purpose (fewer, if negative).
            attempted: how often clients tried to open a connection so far.

        Raises: UnrestError that says what was last seen.
        """
        told = self._taken(self._at_rest(before, held), DEADLINE)
        self._last = attempted, told
        return told

    def after_failure(self, before: Snapshot, held: int) -> Snapshot:
        """As `after`, of a block that has failed: at rest or not. Who answers no more has told only `before`."""
        self._last = None
        is_there = True
        try:
            return self._taken(self._at_rest(before, held), _SHORT_DEADLINE)
        except NoStatsError:
            is_there = len(self._envoys) > 1  # which one of several fell silent shows when each is asked
        except _not_told():
            pass
        accounts = [
            replace(
                then,
                stats=_told(now.stats, then.stats) if is_there else then.stats,
                log=_told(now.written, then.log),
            )
            for then, now in zip(before.envoys, self._envoys, strict=True)
        ]
        arrived = _told(self._destinations.told, before.arrived)
        accounts = [
            replace(each, rules=_told(now.rules, each.rules)) for each, now in zip(accounts, self._envoys, strict=True)
        ]
        return Snapshot.of(accounts, arrived, before.clients)

    def _at_rest(self, before: Snapshot, held: int) -> Callable[[], Snapshot | str]:
        """What looks whether all that happened since `before` is over."""
        expected = _connections(before) + held
        arrivals_before = _number(before.arrived)
        logged_by = 0.0

        def wrong(known: int) -> str:
            return f"with clients, not {expected}" if known != expected else ""

        def look() -> Snapshot | str:
            nonlocal logged_by
            stats = [each.stats() for each in self._envoys]
            if isinstance(logs := self._logs(stats, wrong), str):
                return logs
            arrived = self._destinations.told()
            arrivals = _number(arrived) - arrivals_before
            forwarded = {
                (envoy.name, cluster): number
                for envoy, then, now in zip(self._envoys, before.envoys, stats, strict=True)
                for cluster, number in quiescence.forwarded_requests(
                    then.stats, now, {cluster for name, cluster in self._unlogged if name == envoy.name}
                ).items()
            }
            sent = sum(forwarded.values())
            if sent > arrivals and (self._call_envoys or _tells_whence_it_dialled(logs[0])):
                sent -= _from_envoys(before, logs)
            if arrivals < sent:
                logged_by = logged_by or time.monotonic() + _UNTIL_LOGGED
                if time.monotonic() < logged_by:
                    return f"destinations logged {arrivals} requests, Envoy sent them {sent}"
                if not arrivals:
                    self._unlogged.update(forwarded)
            # Envoy reads one counter after the other while its worker goes on: what counts is read at rest.
            for number, each in enumerate(self._envoys):
                then, stats[number] = stats[number], each.stats()
                if moving := difference(then, stats[number]):
                    return each.of_several(f"counters still move: {moving}")
            return self._snapshot(stats, logs, arrived)

        return look

    def _logs(self, stats: Sequence[Stats], wrong: Callable[[int], str]) -> list[list[str]] | str:
        """The Envoys' access logs; or what is under way, not yet there, or `wrong` with clients' connections."""
        known = sum(map(quiescence.connections, stats))
        told = wrong(known)
        if told and not self._call_envoys and (words := self._of_clients_alone(stats[0], known, told)):
            return words
        logs = []
        for envoy, its in zip(self._envoys, stats, strict=True):
            if isinstance(log := envoy.log(its), str):
                return log
            logs.append(log)
        if told or len(self._envoys) > 1:
            return self._between.wrong(stats, logs, wrong) or logs
        self._between.clients = known
        return logs

    def _of_clients_alone(self, stats: Stats, known: int, told: str) -> str:
        """What is wrong with the number of an Envoy's connections; empty if some of them may be with itself."""
        if self._call_envoys is None:
            log = self._envoys[0].log(stats)
            if not isinstance(log, str) and _tells_whence_it_dialled(log):
                return ""
        return f"Envoy has {known} connections {told}"

    def _snapshot(self, stats: Sequence[Stats], logs: Sequence[list[str]], arrived: dict[str, list[str]]) -> Snapshot:
        accounts = [
            Account(each.name, each.addresses, its, log, each.rules())
            for each, its, log in zip(self._envoys, stats, logs, strict=True)
        ]
        return Snapshot.of(accounts, arrived, self._between.clients)

    def _taken(self, look: Callable[[], Snapshot | str], deadline: float) -> Snapshot:
        """The snapshot, once `look` returns one; until then it returns what is missing."""
        seen = quiescence.waited_for(look, deadline)
        if isinstance(seen, str):
            raise UnrestError(f"not at rest after {deadline:g} s; last seen: {seen}")
        if self._call_envoys is None and seen.log:
            self._call_envoys = _tells_whence_it_dialled(seen.log)
        if self._call_envoys:
            self._between.learn(seen)
        return seen


def _tells_whence_it_dialled(log: Sequence[str]) -> bool:
    """Whether an Envoy's log tells what is needed to see that it called itself."""
    return bool(log) and '"upstream_local"' in log[-1]


def _from_envoys(before: Snapshot, logs: Sequence[list[str]]) -> int:
    """How many of the requests in the logs since then came from one of the Envoys: no destination writes them down."""
    return passing.received(
        {then.name: entries(log[len(then.log) :]) for then, log in zip(before.envoys, logs, strict=True)}
    )


def _connections(told: Snapshot) -> int:
    """How many connections Envoys had with clients."""
    return told.clients


def _told(ask: Callable[[], _Account], known: _Account) -> _Account:
    """What a witness tells; what it had told before, where it does not answer."""
    try:
        return ask()
    except _not_told():
        return known


def _number(arrived: dict[str, list[str]]) -> int:
    return sum(map(len, arrived.values()))
