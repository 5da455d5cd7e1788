"""What Envoy, the destinations and the Pod's rules say of the traffic of one `with scene.watched()` block."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Never

from takeover.base.errors import BadInputError
from takeover.evidence import rules
from takeover.evidence.counters import counted, exclusion
from takeover.evidence.envoy_witness import Account
from takeover.evidence.snapshots import Snapshot
from takeover.evidence.trace import hops
from takeover.model.logs import Arrival, Entry, arrivals, entries
from takeover.model.trace import ClientHop, ControlPlaneHop, Hop, Trace


class EnvoyTraffic:
    """What one Envoy and the rules of its Pod say of a block, to be read after it."""

    _then: Account
    _now: Account

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries of Envoy's access log, in order."""
        return entries(self._now.log[len(self._then.log) :])

    @property
    def envoy(self) -> Entry:
        """The one entry of Envoy's access log.

        Raises: AssertionError that shows them when there is not exactly one.
        """
        assert len(self.entries) == 1, f"not one entry in Envoy's access log: {self.entries}"
        return self.entries[0]

    @cached_property
    def moved(self) -> dict[str, int]:
        """By how much each of Envoy's counters moved; without those that `counters.EXCLUDED` names."""
        return counted(self._then.stats, self._now.stats)

    def counter(self, name: str) -> int:
        """By how much one counter moved.

        Raises: BadInputError for a name that Envoy does not have, or that is left out of account.
        """
        if name not in self._now.stats:
            raise BadInputError(f"Envoy has no counter {name}")
        if excluded := exclusion(name):
            raise BadInputError(f"the counter {name} is left out of account: {excluded.reason}")
        return self.moved.get(name, 0)

    def rule(self, *words: str) -> int:
        """How many connections the one rule of the Pod took whose text holds all these words.

        Raises: BadInputError when not exactly one does.
        """
        taken = rules.caught(self._then.rules, self._now.rules)
        found = [each for each in taken if set(words) <= set(each.text.split())]
        if len(found) != 1:
            raise BadInputError(f"{len(found)} rules hold {' '.join(words)}: {[each.text for each in taken]}")
        return found[0].packets

    @property
    def taken_by(self) -> list[tuple[str, int]]:
        """The Pod's rules that took connections, as iptables writes them, in order, and how many each took."""
        taken = rules.caught(self._then.rules, self._now.rules)
        return [(each.text, each.packets) for each in taken if each.packets]


class ObservedTraffic(EnvoyTraffic):
    """What was observed of one block, to be read after it. Reading it within the block raises AttributeError.

    Of several Envoys, entries, counters and rules are those of the scenario's first; `of` has those of any.
    """

    _before: Snapshot
    _after: Snapshot
    _clients: Sequence[ClientHop]
    _delivered: Sequence[ControlPlaneHop]

    if not TYPE_CHECKING:  # to a type checker, it would be any attribute

        def __getattr__(self, name: str) -> Never:
            """Tells of what is not there, or not yet."""
            if not self.is_told:
                raise AttributeError("what a block did is known at its end: read it after `with scene.watched()`")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def tell(
        self,
        before: Snapshot,
        after: Snapshot,
        clients: Sequence[ClientHop] = (),
        delivered: Sequence[ControlPlaneHop] = (),
    ) -> None:
        """Takes the snapshots before and after the block, what its clients saw, and what was delivered by xDS."""
        self._before, self._after, self._clients, self._delivered = before, after, clients, delivered
        self._then, self._now = before.envoys[0], after.envoys[0]

    @property
    def is_told(self) -> bool:
        """Whether the block has ended, and what was observed is known."""
        return "_after" in vars(self)

    def of(self, envoy: str) -> EnvoyTraffic:
        """What another one of several Envoys says, by POD/CONTAINER, or by the Pod alone.

        Raises: BadInputError where there is not exactly one such.
        """
        both = list(zip(self._before.envoys, self._after.envoys, strict=True))
        found = [each for each in both if envoy in (each[1].name, each[1].name.rpartition("/")[0])]
        if len(found) != 1:
            names = ", ".join(each.name for _, each in both) or "one"
            raise BadInputError(f"{len(found)} Envoys are {envoy}; there are {names}: name it as POD/CONTAINER")
        its = EnvoyTraffic()
        its._then, its._now = found[0]
        return its

    def destination(self, pod: str, container: str = "") -> list[Arrival]:
        """What arrived there, in order; without a container, at the Pod's first destination in scenario.yaml.

        Raises: BadInputError for a place that keeps no log of who asks.
        """
        wanted = f"{pod}/{container}"
        of_pod = (each for each in self._after.arrived if each == wanted or (not container and _pod_of(each) == pod))
        place = next(of_pod, None)
        if place is None:
            raise BadInputError(f"{wanted} is no destination; there are {', '.join(self._after.arrived)}")
        return arrivals(self._after.arrived[place][len(self._before.arrived[place]) :])

    def arrival(self, pod: str, container: str = "") -> Arrival:
        """The one request that arrived there.

        Raises: AssertionError that shows them when there is not exactly one.
        """
        found = self.destination(pod, container)
        assert len(found) == 1, f"not one request arrived at {pod}{container and '/' + container}: {found}"
        return found[0]

    @cached_property
    def hops(self) -> list[Hop]:
        """The clients, what control planes had delivered, then what counted the traffic, with its log entries."""
        return [*self._clients, *self._delivered, *hops(self._before, self._after, self._clients)]

    @cached_property
    def trace(self) -> Trace:
        """The names of what counted the traffic, such as `rule OUTPUT REDIRECT --to-ports 15001`, `tcp AllowAll`."""
        return Trace.of(self.hops)


def _pod_of(destination: str) -> str:
    return destination.rpartition("/")[0]
