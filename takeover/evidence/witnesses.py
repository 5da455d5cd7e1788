"""The accounts of Envoy, of the destinations and of the Pod's rules at one moment, when nothing is under way."""

from dataclasses import dataclass

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from takeover.engines.interface import Deployment, Pod
from takeover.envoy.admin import Admin
from takeover.errors import TakeoverError
from takeover.evidence import quiescence
from takeover.evidence.counters import Stats, difference
from takeover.evidence.destinations import Destinations
from takeover.evidence.logs import json_lines
from takeover.evidence.rules import Rule, parse

_DEADLINE = 10.0


@dataclass(frozen=True)
class Account:
    """What each witness had counted or written down by then, since its start."""

    stats: Stats
    log: list[str]
    arrived: dict[str, list[str]]
    rules: list[Rule]


class UnrestError(TakeoverError):
    """Something was still under way, or not yet written down, when the deadline came."""


class Witnesses:
    """Asks the witnesses of one deployment.

    Args:
        pod: the Pod with Envoy.
        container: Envoy's container in it.
    """

    def __init__(self, deployment: Deployment, pod: Pod, container: str, admin: Admin) -> None:
        self._pod = pod
        self._container = pod.container(container)
        self._admin = admin
        self._destinations = Destinations(deployment.pods)
        self._has_rules: bool | None = None

    def close(self) -> None:
        """Ends the connections that are kept."""
        self._destinations.close()

    def account(self, before: Account | None = None, held: int = 0, deadline: float = _DEADLINE) -> Account:
        """Waits until all is at rest and written down, and asks every witness.

        Args:
            before: the account from which on things are counted; None if this is that one.
            held: how many connections more than then are open on purpose (fewer, if negative).

        Raises: UnrestError that says what was last seen.
        """
        unrest = ""

        def look() -> Account | None:
            nonlocal unrest
            seen = self._look(before, held)
            if isinstance(seen, Account):
                return seen
            unrest = seen
            return None

        waiting = Retrying(
            retry=retry_if_result(lambda account: account is None),
            wait=wait_exponential(multiplier=0.001, max=0.05),
            stop=stop_after_delay(deadline),
        )
        try:
            account = waiting(look)
        except RetryError:
            raise UnrestError(f"not at rest after {deadline:g} s; last seen: {unrest}") from None
        assert account is not None
        return account

    def _look(self, before: Account | None, held: int) -> Account | str:
        """Everything, or what is not at rest. The counters are read again at the end: none may still move."""
        stats = self._admin.stats()
        expected = None if before is None else quiescence.connections(before.stats) + held
        if unrest := quiescence.under_way(stats, expected):
            return unrest
        log, entries = json_lines(self._container.logs()), quiescence.log_entries(stats)
        if len(log) != entries:
            return f"Envoy's access log has {len(log)} entries, its counters tell of {entries}"
        arrived = self._destinations.told()
        if before is not None:
            arrivals = _number(arrived) - _number(before.arrived)
            forwarded = quiescence.forwarded_requests(stats) - quiescence.forwarded_requests(before.stats)
            if arrivals < forwarded:
                return f"destinations logged {arrivals} requests, Envoy sent them {forwarded}"
        if moving := difference(stats, stats := self._admin.stats()):
            return f"counters still move: {moving}"
        return Account(stats, log, arrived, self._rules())

    def _rules(self) -> list[Rule]:
        if self._has_rules is False:
            return []
        rules = parse(self._pod.nat_rules())
        self._has_rules = bool(rules)  # only an init container makes some: a Pod without them stays without
        return rules


def _number(arrived: dict[str, list[str]]) -> int:
    return sum(map(len, arrived.values()))
