"""The connections that Envoys have with each other, or one with itself: no client's, and at rest they may stay open."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import UNSET

from takeover.evidence import passing, quiescence
from takeover.evidence.counters import Stats
from takeover.evidence.envoy_witness import Account, EnvoyWitness, place_of
from takeover.model.logs import entries


class _Accounts(Protocol):
    @property
    def envoys(self) -> tuple[Account, ...]: ...


class Between:
    """Tells them from clients' connections: by what was reached by an address before, or by whose address it is.

    Attributes:
        clients: how many connections clients had when that was last asked.
    """

    def __init__(self, envoys: Sequence[EnvoyWitness]) -> None:
        self._envoys = envoys
        self._known = {each.name: 0 for each in envoys}
        """Envoy → how many entries of its log have been learned from."""
        self._leads: passing.Leads = {}
        self._tells = True
        self.clients = 0

    def wrong(self, stats: Sequence[Stats], logs: Sequence[list[str]], wrong: Callable[[int], str]) -> str:
        """What is `wrong` with the number of the clients' connections, in words; empty if nothing is."""
        each_has = [quiescence.connections(its) for its in stats]
        certain, possible = self._with_each_other(stats, logs) if any(each_has) else (0, 0)
        self.clients = sum(each_has) - certain
        if not (told := wrong(self.clients)):
            return ""
        # Whoever passes a connection on as it is writes of it at its end: whether it is one with an Envoy is not told.
        if possible and not wrong(self.clients - possible):
            self.clients -= possible
            return ""
        if len(self._envoys) == 1:
            return f"Envoy has {self.clients} connections {told}"
        listed = ", ".join(f"{envoy.name} {number}" for envoy, number in zip(self._envoys, each_has, strict=True))
        how = "" if self._tells else "; upstream_local: %UPSTREAM_LOCAL_ADDRESS% in each access log tells which"
        return f"Envoys have {self.clients} connections {told} ({listed}, {certain} with each other{how})"

    def _with_each_other(self, stats: Sequence[Stats], logs: Sequence[list[str]]) -> tuple[int, int]:
        """How many connections they have with each other, and how many more they may have."""
        leads = self._leads | passing.hosts(self._written(logs))
        places = {envoy.name: place_of(envoy.addresses, its) for envoy, its in zip(self._envoys, stats, strict=True)}
        certain = possible = 0
        for envoy in self._envoys:
            others = [place for name, place in places.items() if name != envoy.name]
            for (cluster, host), number in envoy.dialled().items():
                # A log need not tell the cluster.
                found = leads.get((envoy.name, cluster, host), leads.get((envoy.name, "", host)))
                place = places[envoy.name]
                is_known = any(place.reaches(other, host) for other in others)
                if found or (found is None and is_known):
                    certain += number
                elif is_known:
                    possible += number
        return certain, possible

    def learn(self, told: _Accounts) -> None:
        """Takes in what the logs say that are whole."""
        self._leads |= passing.hosts(self._written([each.log for each in told.envoys]))
        self._known = {each.name: len(each.log) for each in told.envoys}

    def _written(self, logs: Sequence[list[str]]) -> passing.Written:
        found = {
            envoy.name: entries(log[self._known[envoy.name] :]) for envoy, log in zip(self._envoys, logs, strict=True)
        }
        if any(each.upstream_local is UNSET for its in found.values() for each in its):
            self._tells = False
        return found
