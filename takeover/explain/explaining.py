"""Finds the guards that bring the old behaviour back, and proves it by the effect: with them set, and without."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from takeover.base.errors import BadInputError, DeploymentError
from takeover.compare.observations import ObservedChange
from takeover.compare.stability import Aspect, aspects
from takeover.explain.attempt import NONE, Attempt, Settings
from takeover.explain.ddmin import ddmin
from takeover.model.document import Observation
from takeover.probes.observing import NotObservedError

_TIMES = 5
"""How often the probe is made on a deployment, and on how many where it can be made only once on each."""
_PROOFS = 3
"""On how many deployments the guards must bring it back, with as many without them in between."""
_MOST_IN_THE_WAY = 4
"""How many guards that keep the aspect from being seen are found and left out."""

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
        settings: the guards that must be set together, mostly one, each to its value; none if no guard brings the old
            behaviour back.
        with_them: what is seen when they are.
        without: what is seen of the new Envoy as it is.
        deployments: how many it took.
        others: further guards that bring it back without those.
    """

    settings: dict[str, bool]
    with_them: Observation | None
    without: Observation
    deployments: int
    others: list[dict[str, bool]] = field(default_factory=list)


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

    def explain(self, guards: Sequence[str]) -> Explanation:
        """Searches among `guards`, which the new binary knows.

        All as false, then as true, as some are by default; then several that act together only, some as false and some
        as true. What was found is proved on several deployments, and looked for once more without it.

        Raises: BadInputError where the probe does not show the difference any more, or is unstable.
        """
        self._look_at_it_as_it_is()
        found = self._searched(guards)
        if not found:
            self._as_before()
            return Explanation({}, None, self._new, self._deployments)
        with_them = self._proved(found)
        others: list[dict[str, bool]] = []
        value, *another = set(found.values())
        left = [] if another else [each for each in guards if each not in found]
        while left and self._behaviour(dict.fromkeys(left, value)) == "old":
            other = self._fewest(dict.fromkeys(left, value))
            self._proved(other)
            others.append(other)
            left = [each for each in left if each not in other]
        return Explanation(found, with_them, self._new, self._deployments, others)

    def _searched(self, guards: Sequence[str]) -> dict[str, bool]:
        for value in (False, True):
            if found := self._found(dict.fromkeys(guards, value)):
                return found
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
            if len(settings) > 1 and self._behaviour(settings) == "old":
                return self._fewest(settings)
        for bit in range(max(len(guards) - 1, 0).bit_length()):
            for turned in (0, 1):
                values = {each: bool((number >> bit & 1) ^ turned) for number, each in enumerate(guards)}
                mixed = {each: value for each, value in values.items() if each in free[value]}
                if len(set(mixed.values())) == 2 and self._behaviour(mixed) == "old":
                    return self._fewest(mixed)
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

    def _proved(self, settings: Settings) -> Observation:
        """What is seen with them, the same on several deployments, and without them what was seen before.

        Raises: BadInputError where that is not always so.
        """
        for _ in range(_PROOFS):
            with_them = self._seen(settings)
            self._as_before()
            if any(map(self._is_new, with_them)) or not all(map(self._is_old, with_them)):
                raise self._unstable(with_them)
        return with_them[-1]

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


def in_full(settings: Settings) -> str:
    """All guards by their names, with their values."""
    named = {value: [each for each, set_to in settings.items() if set_to is value] for value in (False, True)}
    return " and ".join(f"{' and '.join(names)}: {str(value).lower()}" for value, names in named.items() if names)


def in_words(settings: Settings) -> str:
    """Which guards have which value, in few words: a single one by its name."""
    told = []
    for value in (False, True):
        named = [each for each, set_to in settings.items() if set_to is value]
        if named:
            told.append(f"{named[0] if len(named) == 1 else f'{len(named)} guards'} {str(value).lower()}")
    return " and ".join(told)
