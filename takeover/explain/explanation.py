"""What a search among guards found, and how guards with their values are told."""

from collections.abc import Sequence
from dataclasses import dataclass

from takeover.compare.stability import Aspect
from takeover.explain.attempt import Settings
from takeover.model.document import Observation

_NAMED = 10
"""More guards than that are counted."""


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
        not_proved: where the search for others ended early, why.
        besides: what they change to something that neither Envoy does.
        not_tried: guards, each as a setting of its own, of which nothing could be seen with that value.
        only_alone: likewise, those that were tried, but not together with others.
        are_mixed: whether two together, one as false and one as true, could be tried.
    """

    settings: Settings
    with_them: Observation | None
    without: Observation
    deployments: int
    others: tuple[Settings, ...] = ()
    not_proved: str = ""
    besides: tuple[Aspect, ...] = ()
    not_tried: tuple[Settings, ...] = ()
    only_alone: tuple[Settings, ...] = ()
    are_mixed: bool = True


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


def listed(settings: Sequence[Settings]) -> str:
    """Settings of one guard each: by their names; of many with one value how many they are."""
    told = []
    for value in (False, True):
        names = [name for each in settings for name, set_to in each.items() if set_to is value]
        if names:
            said = ", ".join(names) if len(names) <= _NAMED else f"{len(names)} guards"
            told.append(f"{said} as {str(value).lower()}")
    return "; ".join(told)
