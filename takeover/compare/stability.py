"""What one Envoy does now and then by itself: it is no difference between two, whichever of them did it this time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from takeover.compare import breakdowns, observations, tls
from takeover.model.document import Observation, RepeatedProbe, UnstableAspect

# Kinds under which one thing is told, as its values have it.
_ONE = {"statistic-added": "statistic", "deprecation": "warning", "security-header": "header"}


class Changed(Protocol):
    """A change, or a difference: of what, and what it was and is."""

    @property
    def kind(self) -> str: ...

    @property
    def what(self) -> str: ...

    @property
    def was(self) -> str | None: ...

    @property
    def now(self) -> str | None: ...


class Aspect(msgspec.Struct, frozen=True, order=True):
    """What of a probe can change, whatever its values are. Of a line of Envoy's log `what` is the line."""

    kind: str
    what: str

    @classmethod
    def of(cls, change: Changed) -> "Aspect":
        """The aspect that changed."""
        kind = _ONE.get(change.kind, change.kind)
        line = change.now or change.was or ""
        return cls(kind, line if (kind, change.what) == ("warning", "log") else change.what)

    def hides(self, other: "Aspect") -> bool:
        """Whether it is the other one, or a change of it leaves unsaid what becomes of the other."""
        if self == other:
            return True
        match self.kind, self.what:
            case ("connection", "answer") | (breakdowns.KIND, _):
                return True
            case observations.UPSTREAM, "connections":
                return other.kind == observations.UPSTREAM
            case "log-field", "entries":
                return other.kind in ("log-field", "route")
            case tls.KIND, tls.HANDSHAKE:
                return other.kind == tls.KIND
            case "status", "status":
                return other == Aspect("header", "reason phrase")
            case "body", "body":
                return other.kind == "body" or other.what.startswith("what the application saw")
            case _:
                return False


def aspects(was: Observation, now: Observation) -> set[Aspect]:
    """What differs between two observations."""
    return set(map(Aspect.of, observations.observation_changes(was, now)))


def unstable_aspects(
    first: Observation, repeats: Sequence[Observation], unlike: Iterable[tuple[Observation, Observation]]
) -> list[UnstableAspect]:
    """What is not always the same.

    Args:
        first: what was observed in the run.
        repeats: all that was observed later, to count in how many it was otherwise.
        unlike: pairs that were made alike, and of which what differs is therefore of chance.
    """
    of_chance = {each for pair in unlike for each in aspects(*pair)}
    otherwise = Counter(each for repeat in repeats for each in aspects(first, repeat))
    return [UnstableAspect(each.kind, each.what, max(otherwise[each], 1)) for each in sorted(of_chance)]


def share(difference: Changed, repeated: Iterable[RepeatedProbe]) -> tuple[int, int]:
    """In how many of how many repeats of a probe it was otherwise than at first on one Envoy.

    Args:
        repeated: the probe, on each Envoy on which it was made again.
    """
    aspect = Aspect.of(difference)
    otherwise = times = 0
    if difference.kind == breakdowns.KIND:
        repeated = ()  # a finding, however seldom it is
    for probe in repeated:
        times += probe.times
        hiding = [each.otherwise for each in probe.unstable if Aspect(each.kind, each.what).hides(aspect)]
        otherwise += max(hiding, default=0)
    return otherwise, times
