"""Which runs tell which guard it is: many are turned over at the same time, each in runs of its own pattern.

Every guard has a number. In a pair of runs for each digit, those whose digit is 1 get true and the others false, and
the other way round; in the first pair all get the same. So whatever its default is, a guard is turned over in one run
of each pair, and no two are so in the same runs: what differs in these, and in no other, is of that guard alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeVar

Aspect = TypeVar("Aspect")
Settings = Mapping[str, bool]
"""Guards and the values that they get."""


@dataclass(frozen=True)
class Candidate:
    """A guard that may be what shows, and the value with which it does."""

    guard: str
    value: bool


def all_alike(guards: Sequence[str]) -> tuple[Settings, Settings]:
    """The first pair of runs: all false, and all true."""
    return dict.fromkeys(guards, False), dict.fromkeys(guards, True)


def by_digits(guards: Sequence[str]) -> list[Settings]:
    """The other runs, two for each digit of the greatest number."""
    runs: list[Settings] = []
    for digit in range((len(guards) - 1).bit_length()):
        of_digit = {each: bool(number >> digit & 1) for number, each in enumerate(guards)}
        runs += [of_digit, {each: not value for each, value in of_digit.items()}]
    return runs


def candidates(runs: Sequence[tuple[Settings, Set[Aspect]]], most: int) -> list[tuple[Candidate, set[Aspect]]]:
    """What may explain what differs, the likeliest first, each with all that it would explain.

    Args:
        runs: all pairs, each run with what differs in it.
        most: how many there may be for one thing that differs.
    """
    of: dict[Candidate, set[Aspect]] = {}
    alone: Counter[Candidate] = Counter()
    guards = list(dict.fromkeys(guard for settings, _ in runs for guard in settings))
    for aspect in {each for _, differing in runs for each in differing}:
        fitting: list[tuple[int, Candidate]] = []
        for candidate in (Candidate(guard, value) for guard in guards for value in (False, True)):
            is_value = (differing for settings, differing in runs if settings[candidate.guard] is candidate.value)
            turned = [aspect in differing for differing in is_value]
            if turned and all(turned):
                others = sum(aspect in differing for _, differing in runs) - len(turned)
                fitting.append((others, candidate))
        fitting.sort(key=lambda each: each[0])
        for others, candidate in fitting[:most]:
            of.setdefault(candidate, set()).add(aspect)
            alone[candidate] += not others
    return sorted(of.items(), key=lambda each: (alone[each[0]], len(each[1])), reverse=True)
