"""Finds the guards that bring the old behaviour back, and proves it by the effect: with them set, and without."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from takeover.base.errors import BadInputError, DeploymentError
from takeover.compare.observations import ObservedChange
from takeover.compare.stability import Aspect, aspects
from takeover.explain.attempt import Attempt
from takeover.explain.ddmin import ddmin
from takeover.model.document import Observation
from takeover.probes.observing import NotObservedError

_TIMES = 5
"""How often the probe is made on a deployment, and on how many where it can be made only once on each."""

_Behaviour = Literal["old", "new", "another", "changing", "none"]
"""What an attempt shows of the aspect: `changing` is not always the same, `none` shows nothing: Envoy did not start."""
_SAID: dict[_Behaviour, str] = {
    "old": "the old behaviour",
    "new": "the new behaviour",
    "another": "another behaviour",
    "changing": "not always the same behaviour",
}


@dataclass(frozen=True)
class Explanation:
    """What came of it.

    Args:
        guards: those that must be set together, mostly one; none if no guard brings the old behaviour back.
        value: what they must be.
        with_them: what is seen when they have it.
        without: what is seen of the new Envoy as it is.
        deployments: how many it took.
    """

    guards: list[str]
    value: bool
    with_them: Observation | None
    without: Observation
    deployments: int


class Explaining:
    """The search for one changed aspect of one probe."""

    def __init__(
        self, attempt: Attempt, old: Observation, changed: ObservedChange, tell: Callable[[str], None]
    ) -> None:
        self._attempt = attempt
        self._old = old
        self._aspect = Aspect.of(changed)
        self._tell = tell
        self._new = old
        self._times = _TIMES
        self._deployments = 0

    def explain(self, guards: Sequence[str]) -> Explanation:
        """Searches among `guards`, which the new binary knows: all as false, then as true, as some are by default.

        Raises: BadInputError where the probe does not show the difference any more, or is unstable.
        """
        self._look_at_it_as_it_is()
        for value in (False, True):
            if found := self._found(guards, value):
                return self._proved(found, value)
        self._as_before()
        return Explanation([], False, None, self._new, self._deployments)

    def _found(self, guards: Sequence[str], value: bool) -> list[str]:
        """Those of `guards` that bring it back with that value, the fewest.

        Where some keep the aspect from being seen, because Envoy does not start with them or does something else
        altogether, each half is looked at by itself.
        """
        behaviour = self._behaviour(guards, value)
        if behaviour == "old":
            return ddmin(guards, lambda some: self._behaviour(some, value) == "old")
        if behaviour == "new" or len(guards) < 2:
            return []
        middle = len(guards) // 2
        return self._found(guards[:middle], value) or self._found(guards[middle:], value)

    def _proved(self, guards: list[str], value: bool) -> Explanation:
        with_them = self._seen(guards, value)
        self._as_before()
        if any(map(self._is_new, with_them)):
            raise self._unstable(with_them)
        return Explanation(guards, value, with_them[-1], self._new, self._deployments)

    def _look_at_it_as_it_is(self) -> None:
        """Learns what the new Envoy does, and how often it can be asked on one deployment."""
        seen = self._seen()
        old = sum(map(self._is_old, seen))
        if 0 < old < len(seen):
            # It may change what it meets itself. On deployments of its own nothing but chance is left.
            self._times = 1
            seen = self._once_on_each()
            old = sum(map(self._is_old, seen))
        if old == len(seen):
            # Alone it does as before; with the probes before it, it may not.
            self._times = 1
            self._attempt.after_those_before()
            seen = self._once_on_each()
            old = sum(map(self._is_old, seen))
            if old == len(seen):
                raise BadInputError("the probe shows the old behaviour on the new Envoy, too: compare fresh results")
        self._new = seen[-1]
        if old or not all(map(self._is_new, seen)):
            raise self._unstable(seen)

    def _as_before(self) -> None:
        """Asks the new Envoy once more. Raises: BadInputError where it does not do as it did."""
        seen = self._seen() if self._times > 1 else self._once_on_each()
        if not all(map(self._is_new, seen)):
            raise self._unstable(seen)

    def _unstable(self, seen: Sequence[Observation]) -> BadInputError:
        old = sum(map(self._is_old, seen))
        return BadInputError(
            "the probe is unstable: one and the same Envoy does not always do the same (as the old one in "
            f"{old} of {len(seen)} times): no guard could be proved to change it"
        )

    def _seen(self, guards: Sequence[str] = (), value: bool = False) -> list[Observation]:
        self._deployments += 1
        return self._attempt.seen(guards, value, self._times)

    def _once_on_each(self) -> list[Observation]:
        return [each for _ in range(_TIMES) for each in self._seen()]

    def _behaviour(self, guards: Sequence[str], value: bool) -> _Behaviour:
        """What is seen with them, and told."""
        said = f"{guards[0] if len(guards) == 1 else f'{len(guards)} guards'} {str(value).lower()}"
        try:
            seen = self._seen(guards, value)
        except (DeploymentError, NotObservedError) as error:
            self._tell(f"{said}: {str(error).splitlines()[0]}")
            return "none"
        shown: _Behaviour = "another"
        if all(map(self._is_old, seen)):
            shown = "old"
        elif all(map(self._is_new, seen)):
            shown = "new"
        elif any(map(self._is_old, seen)):
            shown = "changing"
        self._tell(f"{said}: {_SAID[shown]}")
        if shown == "changing":
            self._as_before()
        return shown

    def _is_old(self, seen: Observation) -> bool:
        """Whether the aspect is as before, which an answer that does not come, or an Envoy that ends, would hide."""
        return not any(each.hides(self._aspect) for each in aspects(self._old, seen))

    def _is_new(self, seen: Observation) -> bool:
        return not any(each.hides(self._aspect) for each in aspects(self._new, seen))
