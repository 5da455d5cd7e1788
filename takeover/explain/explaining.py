"""Finds the guards that bring the old behaviour back, and proves it by the effect: with them set, and without."""

from collections.abc import Callable, Sequence
from typing import Literal

from takeover.base.errors import BadInputError, DeploymentError, TakeoverError
from takeover.compare import breakdowns
from takeover.compare.observations import ObservedChange
from takeover.compare.stability import Aspect, aspects
from takeover.explain.attempt import NONE, Attempt, Settings
from takeover.explain.ddmin import ddmin
from takeover.explain.explanation import Explanation, in_full, in_words
from takeover.model.document import Observation
from takeover.probes.observing import NotObservedError

_TIMES = 5
"""How often the probe is made on a deployment, and on how many where it can be made only once on each."""
_PROOFS = 3
"""On how many deployments the guards must bring it back, with as many without them in between."""
_MOST_IN_THE_WAY = 4
"""How many guards that keep the aspect from being seen are found and left out."""
_BREAKING = frozenset({"connection", "route", "status", breakdowns.KIND})
"""Where something of these kinds is as with neither Envoy, the request meets something else altogether: that an aspect
is then as before, mostly as there is nothing of it, says nothing."""

_Behaviour = Literal["old", "new", "another", "changing", "none"]
"""What an attempt shows of the aspect: `changing` is not always the same, `none` shows nothing: Envoy did not start."""
_SAID: dict[_Behaviour, str] = {
    "old": "the old behaviour",
    "new": "the new behaviour",
    "another": "another behaviour",
    "changing": "not always the same behaviour",
}


class _NotProvedError(BadInputError):
    """Guards that brought it back in the search do not always do so."""


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
        self._known: dict[frozenset[tuple[str, bool]], _Behaviour] = {}
        self._of_chance: set[Aspect] = set()
        self._why_not = ""
        self._together: set[tuple[str, bool]] = set()
        self._are_mixed = True

    def explain(self, guards: Sequence[str]) -> Explanation:
        """Searches among `guards`, which the new binary knows.

        All as false, then as true, as some are by default; then several that act together only, some as false and some
        as true. What was found is proved on several deployments, and looked for once more without it.

        Raises: BadInputError where the probe does not show the difference any more, or is unstable; TakeoverError where
        Envoy starts with none of the guards.
        """
        self._look_at_it_as_it_is()
        found = self._searched(guards)
        if not found:
            self._as_before()
            return self._none_of(guards)
        proved = self._proved(found)
        besides = set[Aspect].intersection(*map(self._as_neither, proved))
        others, not_proved = self._others(guards, found)
        return Explanation(
            found, proved[-1], self._new, self._deployments, tuple(others), not_proved, tuple(sorted(besides))
        )

    def _others(self, guards: Sequence[str], found: Settings) -> tuple[list[Settings], str]:
        """Further guards that bring it back, and why there may be more: what was proved stays so."""
        others: list[Settings] = []
        value, *another = set(found.values())
        left = [] if another else [each for each in guards if each not in found]
        other: dict[str, bool] = {}
        try:
            while left and (other := self._found(dict.fromkeys(left, value))):
                self._proved(other)
                others.append(other)
                left = [each for each in left if each not in other]
        except _NotProvedError:
            return others, f"{in_full(other)} does so now and then"
        except (DeploymentError, NotObservedError) as error:
            return others, str(error).splitlines()[0]
        return others, ""

    def _none_of(self, guards: Sequence[str]) -> Explanation:
        """That none of them does it, and which were not tried."""
        not_tried = [{guard: value} for guard in guards for value in (False, True) if not self._is_tried(guard, value)]
        only_alone = [
            {guard: value}
            for guard in guards
            for value in (False, True)
            if (guard, value) not in self._together and {guard: value} not in not_tried
        ]
        return Explanation(
            {},
            None,
            self._new,
            self._deployments,
            not_tried=tuple(not_tried),
            only_alone=tuple(only_alone) if len(guards) > 1 else (),
            are_mixed=self._are_mixed,
        )

    def _is_tried(self, guard: str, value: bool) -> bool:
        """Whether something was seen with it: alone, or of the aspect with others, too."""
        shown = [behaviour for settings, behaviour in self._known.items() if (guard, value) in settings]
        return "old" in shown or "new" in shown or self._known.get(frozenset({(guard, value)})) == "another"

    def _searched(self, guards: Sequence[str]) -> dict[str, bool]:
        for value in (False, True):
            if found := self._found(dict.fromkeys(guards, value)):
                return found
        if not any(self._is_tried(guard, value) for guard in guards for value in (False, True)):
            raise TakeoverError(f"none of {len(guards)} guards could be tried: {self._why_not}")
        return self._found_together(guards)

    def _found(self, settings: Settings) -> dict[str, bool]:
        """Those of the settings that bring it back, the fewest.

        Where some keep the aspect from being seen, because Envoy does not start with them or does something else
        altogether, each half is looked at by itself.
        """
        behaviour = self._behaviour(settings)
        if behaviour == "old":
            return self._fewest(settings)
        if behaviour == "new" or len(settings) < 2:
            return {}
        items = list(settings.items())
        middle = len(items) // 2
        return self._found(dict(items[:middle])) or self._found(dict(items[middle:]))

    def _found_together(self, guards: Sequence[str]) -> dict[str, bool]:
        """Guards that bring it back together only, though they are in two halves, or have two values.

        Each pair of guards differs in a bit of their numbers: as that bit is, so their values are.
        """
        if len(guards) < 2:
            return {}
        free = {value: self._out_of_the_way(dict.fromkeys(guards, value)) for value in (False, True)}
        for settings in free.values():
            self._together |= settings.items()
            if len(settings) > 1 and self._behaviour(settings) == "old":
                return self._fewest(settings)
        for bit in range(max(len(guards) - 1, 0).bit_length()):
            for turned in (0, 1):
                values = {each: bool((number >> bit & 1) ^ turned) for number, each in enumerate(guards)}
                mixed = {each: value for each, value in values.items() if each in free[value]}
                if len(set(mixed.values())) < 2:
                    continue
                behaviour = self._behaviour(mixed)
                if behaviour == "old":
                    return self._fewest(mixed)
                self._are_mixed &= behaviour == "new"
        return {}

    def _out_of_the_way(self, settings: Settings) -> Settings:
        """The settings without those that keep the aspect from being seen; none if these are too many."""
        left = dict(settings)
        for _ in range(_MOST_IN_THE_WAY):
            if not left or self._behaviour(left) in ("old", "new"):
                return left
            items = list(left.items())
            guilty = ddmin(items, lambda some: self._behaviour(dict(some)) in ("another", "none", "changing"))
            left = {each: value for each, value in left.items() if each not in dict(guilty)}
        return NONE

    def _fewest(self, settings: Settings) -> dict[str, bool]:
        return dict(ddmin(list(settings.items()), lambda some: self._behaviour(dict(some)) == "old"))

    def _proved(self, settings: Settings) -> list[Observation]:
        """What is seen with them, the same on several deployments, and without them what was seen before.

        Raises: BadInputError where that is not always so.
        """
        proved: list[Observation] = []
        for _ in range(_PROOFS):
            with_them = self._seen(settings)
            self._as_before()
            if any(map(self._is_new, with_them)) or not all(map(self._is_old, with_them)):
                raise _NotProvedError(self._unstable(with_them))
            proved += with_them
        return proved

    def _look_at_it_as_it_is(self) -> None:
        """Learns what the new Envoy does, and how often it can be asked on one deployment."""
        seen = self._seen()
        old = sum(map(self._shows_old, seen))
        if 0 < old < len(seen):
            # It may change what it meets itself. On deployments of its own nothing but chance is left.
            self._times = 1
            seen = self._once_on_each()
            old = sum(map(self._shows_old, seen))
        if old == len(seen):
            # Alone it does as before; with the probes before it, it may not.
            self._times = 1
            self._attempt.after_those_before()
            seen = self._once_on_each()
            old = sum(map(self._shows_old, seen))
            if old == len(seen):
                raise BadInputError("the probe shows the old behaviour on the new Envoy, too: compare fresh results")
        self._new = seen[-1]
        if old or not all(map(self._is_new, seen)):
            raise BadInputError(self._unstable(seen))
        self._of_chance = set().union(*(aspects(self._new, each) for each in seen))

    def _as_before(self) -> None:
        """Asks the new Envoy once more. Raises: BadInputError where it does not do as it did."""
        seen = self._seen() if self._times > 1 else self._once_on_each()
        if not all(map(self._is_new, seen)):
            raise BadInputError(self._unstable(seen))

    def _unstable(self, seen: Sequence[Observation]) -> str:
        old = sum(map(self._shows_old, seen))
        return (
            "the probe is unstable: one and the same Envoy does not always do the same (as the old one in "
            f"{old} of {len(seen)} times): no guard could be proved to change it"
        )

    def _seen(self, settings: Settings = NONE) -> list[Observation]:
        self._deployments += 1
        return self._attempt.seen(settings, self._times)

    def _once_on_each(self) -> list[Observation]:
        return [each for _ in range(_TIMES) for each in self._seen()]

    def _behaviour(self, settings: Settings) -> _Behaviour:
        """What is seen with them, and told; each is asked once in a search."""
        asked = frozenset(settings.items())
        if asked not in self._known:
            self._known[asked] = self._asked(settings)
        return self._known[asked]

    def _asked(self, settings: Settings) -> _Behaviour:
        said = in_words(settings)
        try:
            seen = self._seen(settings)
        except (DeploymentError, NotObservedError) as error:
            self._why_not = str(error).splitlines()[0]
            self._tell(f"{said}: {self._why_not}")
            return "none"
        shown: _Behaviour = "another"
        if all(map(self._is_old, seen)):
            shown = "old"
        elif any(map(self._is_old, seen)):
            shown = "changing"
        elif all(map(self._is_new, seen)) and not any(map(self._is_broken, seen)):
            shown = "new"
        self._tell(f"{said}: {_SAID[shown]}")
        if shown == "changing":
            self._why_not = _SAID[shown]
            self._as_before()
        return shown

    def _is_old(self, seen: Observation) -> bool:
        """Whether the aspect is as before, and nothing that could be why happens to the request otherwise."""
        return self._shows_old(seen) and not self._is_broken(seen)

    def _shows_old(self, seen: Observation) -> bool:
        """Whether the aspect is as before, which an answer that does not come, or an Envoy that ends, would hide."""
        return not any(each.hides(self._aspect) for each in aspects(self._old, seen))

    def _is_new(self, seen: Observation) -> bool:
        return not any(each.hides(self._aspect) for each in aspects(self._new, seen))

    def _is_broken(self, seen: Observation) -> bool:
        return any(each.kind in _BREAKING for each in self._as_neither(seen))

    def _as_neither(self, seen: Observation) -> set[Aspect]:
        """What neither Envoy does so, but for what the new one does not always do alike."""
        return (aspects(self._old, seen) & aspects(self._new, seen)) - self._of_chance
