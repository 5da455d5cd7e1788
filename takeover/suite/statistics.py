"""A random choice, judged by how often it fell: an exact binomial test, evaluated once over a fixed number of choices.

Whoever looks again and again until it fits, or stops when it looks bad, has another false alarm probability than said.
"""

import math
import operator
from bisect import bisect_left
from dataclasses import dataclass
from decimal import MIN_EMIN, Decimal, localcontext
from functools import cached_property
from itertools import accumulate, repeat

from takeover.base.errors import BadInputError
from takeover.model.measurement import ChoiceMeasurement

FALSE_ALARM = 1e-9
"""How probable it is that a right choice is called wrong."""

_DIGITS = 30  # twice what is needed: thousands of roundings stay far below a float's last digit


@dataclass(frozen=True)
class Choice:
    """So many choices, each of which falls on one side with the probability `share`."""

    number: int
    share: float

    def p(self, counted: int) -> float:
        """Twice the probability that a choice of this share falls as far to that side as `counted`, or farther."""
        at_most, at_least = self._tails
        return min(1.0, 2 * float(min(at_most[counted], at_least[counted])))

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The fewest and the most that are not called wrong."""
        expected = round(self.number * self.share)
        below, above = range(expected), range(self.number - expected)
        return (
            bisect_left(below, FALSE_ALARM, key=self.p),
            self.number - bisect_left(above, FALSE_ALARM, key=lambda missing: self.p(self.number - missing)),
        )

    @cached_property
    def _tails(self) -> tuple[list[Decimal], list[Decimal]]:
        """By each number from 0 on, how probable it is that that many fall on that side at most, and at least."""
        # As floats, the far ends of the powers would be 0.
        with localcontext(prec=_DIGITS, Emin=MIN_EMIN):
            share = Decimal(self.share)
            on_it, beside = self._powers(share), self._powers(1 - share)
            ways = accumulate(
                range(self.number), lambda many, n: many * (self.number - n) / (n + 1), initial=Decimal(1)
            )
            chances = [a * b * c for a, b, c in zip(ways, on_it, reversed(beside), strict=True)]
            return list(accumulate(chances)), list(accumulate(reversed(chances)))[::-1]

    def _powers(self, share: Decimal) -> list[Decimal]:
        return list(accumulate(repeat(share, self.number), operator.mul, initial=Decimal(1)))

    def measurement(self, counted: int, sides: tuple[str, str]) -> ChoiceMeasurement:
        """What was counted and what it was judged by, for a report.

        Args:
            sides: what the side that was counted is called, and the other one.
        """
        return ChoiceMeasurement(self.number, self.share, counted, sides, self.bounds, self.p(counted))

    def contradiction(self, counted: int) -> str:
        """Why `counted` of `number` cannot have come of this choice; empty if it can.

        Raises: BadInputError for so few choices that any number of them can: that would be a check that cannot fail.
        """
        if self.bounds == (0, self.number):
            rarer = min(self.share, 1 - self.share)
            enough = math.floor(math.log(FALSE_ALARM / 2) / math.log(rarer)) + 1 if rarer else 1
            told = f"{self.number} choices with a share of {self.share:g} prove nothing, however they fall"
            raise BadInputError(f"{told}: make at least {enough}")
        p = self.p(counted)
        if p >= FALSE_ALARM:
            return ""
        fewest, most = self.bounds
        return (
            f"n = {self.number}: {counted} against {self.number - counted}, expected {self.share:g} of them; "
            f"bounds {fewest} to {most}; p = {p:.3g} < {FALSE_ALARM:g}"
        )
