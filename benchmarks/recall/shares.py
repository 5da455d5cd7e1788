"""The share of a list that is found, and what chance alone would find."""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from benchmarks.mutation.verdicts import wilson
from benchmarks.recall.findings import Pair
from benchmarks.recall.matching import Best, Matching
from benchmarks.recall.rows import Row

_SHUFFLES = 50
_SEED = 1


@dataclass(frozen=True)
class Share:
    """How many of some rows are found, and which part would be with the version, or the area, of others (0 to 1).

    Args:
        read: how many a reader finds.
    """

    name: str
    rows: int
    found: int
    other_version: float
    other_area: float
    read: int

    @property
    def line(self) -> str:
        """A row of the table; the interval is Wilson's, of 95 %."""
        return (
            f"{self.name:<28} {self.rows:>4} {self._of_all(self.found)} {self.other_version:>14.1%}"
            f" {self.other_area:>11.1%} {self._of_all(self.read)}"
        )

    def _of_all(self, found: int) -> str:
        low, high = wilson(found, self.rows)
        return f"{found:>6} {found / self.rows if self.rows else 0.0:>6.0%} {f'{low:.0%}–{high:.0%}':>9}"


class Recall:
    """The shares of a list.

    Args:
        read: the places of rows that a reader finds.
    """

    HEADER = (
        f"{'rows that need':<28} {'rows':>4} {'found':>6} {'share':>6} {'95 %':>9} {'other version':>14}"
        f" {'other area':>11} {'read':>6} {'share':>6} {'95 %':>9}"
    )

    def __init__(self, matching: Matching, rows: Sequence[Row], read: Collection[int] = ()) -> None:
        self._matching = matching
        self.rows = rows
        self._read = {*read}

    @cached_property
    def found(self) -> dict[int, Best]:
        """A row's place → what shows it."""
        return self._matching.found(self.rows)

    @cached_property
    def shares(self) -> list[Share]:
        """By what a row needs, then all, then those of the goal."""
        classes = sorted({row.needs for row in self.rows})
        shares = [self._share(each, [n for n, row in enumerate(self.rows) if row.needs == each]) for each in classes]
        shares.append(self._share("all", range(len(self.rows))))
        aims = [number for number, row in enumerate(self.rows) if not self._matching.beyond(row)]
        reasons = sorted({why for row in self.rows if (why := self._matching.beyond(row))})
        return [*shares, self._share(f"none of {', '.join(reasons)}" if reasons else "any of these", aims)]

    def above_chance(self) -> str:
        """How much of the last share is no accident, in one line."""
        last = self.shares[-1]
        accident = max(last.other_version, last.other_area)
        share = last.found / last.rows if last.rows else 0.0
        return f"above what chance finds: {100 * (share - accident):+.0f} points of {last.name}"

    def _share(self, name: str, numbers: Iterable[int]) -> Share:
        chosen = {*numbers}
        found = len(chosen & self.found.keys())
        return Share(
            name,
            len(chosen),
            found,
            self._accidents(self._with_neighbours_versions, chosen),
            self._accidents(self._with_others_areas, chosen),
            len(chosen & self._read),
        )

    def _accidents(self, exchange: Callable[[], list[dict[int, Row]]], chosen: set[int]) -> float:
        """The part of the chosen rows that is found after an exchange; those to which it gives nothing else apart.

        What a row's words find in another's area, too, because it is of both, is no accident.
        """
        tried = hits = 0
        for rows in exchange():
            numbers = list(rows)
            found = {numbers[n]: best for n, best in self._matching.found([rows[each] for each in numbers]).items()}
            others = {each for each, best in found.items() if not self._is_found_by(each, best)}
            tried += len(chosen & rows.keys())
            hits += len(chosen & others)
        return hits / tried if tried else 0.0

    def _is_found_by(self, number: int, best: Best) -> bool:
        known = self.found.get(number)
        return known is not None and known.finding is best.finding

    def _with_neighbours_versions(self) -> list[dict[int, Row]]:
        """The rows as if each had come one step of versions later, and one earlier: steps at which some row came."""
        steps = [pair for pair in self._matching.pairs if any(pair in self._matching.own(row) for row in self.rows)]
        return [self._moved(steps, by) for by in (1, -1)]

    def _moved(self, steps: Sequence[Pair], by: int) -> dict[int, Row]:
        moved = {}
        for number, row in enumerate(self.rows):
            own = self._matching.own(row)
            at = [steps.index(each) + by for each in own]
            others = [steps[each] for each in at if 0 <= each < len(steps) and steps[each] not in own]
            if others:
                moved[number] = replace(row, versions=tuple(pair.new for pair in others))
        return moved

    @cached_property
    def _shuffled(self) -> list[dict[int, Row]]:
        chance = random.Random(_SEED)  # noqa: S311
        return [self._with_areas(chance) for _ in range(_SHUFFLES)]

    def _with_others_areas(self) -> list[dict[int, Row]]:
        """The rows, each with the area of another one that came at the same step, many times."""
        return self._shuffled

    def _with_areas(self, chance: random.Random) -> dict[int, Row]:
        steps: dict[tuple[Pair, ...], list[int]] = {}
        for number, row in enumerate(self.rows):
            steps.setdefault(tuple(self._matching.own(row)), []).append(number)
        moved = {}
        for own, numbers in steps.items():
            for number, other in zip(numbers, chance.sample(numbers, len(numbers)), strict=True):
                row, another = self.rows[number], self.rows[other]
                if own and not self._matching.is_same_area(row, another):
                    moved[number] = replace(row, area=another.area)
        return moved
