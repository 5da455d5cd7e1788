"""A random choice, judged by how often it fell: an exact binomial test, evaluated once over a fixed number of choices.

Whoever looks again and again until it fits, or stops when it looks bad, has another false alarm probability than said.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from takeover.uninterrupted import uninterrupted

FALSE_ALARM = 1e-9
"""How probable it is that a right choice is called wrong."""


@dataclass(frozen=True)
class Choice:
    """So many choices, each of which falls on one side with the probability `share`."""

    number: int
    share: float

    def p(self, counted: int) -> float:
        """Twice the probability that a choice of this share falls as far to that side as `counted`, or farther."""
        tails = _special().bdtr(counted, self.number, self.share), self._more_than(counted - 1, self.share)
        return min(1.0, 2 * float(min(tails)))

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The fewest and the most that are not called wrong."""
        expected = round(self.number * self.share)
        return self._last_that_passes(expected, 0), self._last_that_passes(expected, self.number)

    def _last_that_passes(self, passes: int, fails: int) -> int:
        if self.p(fails) >= FALSE_ALARM:
            return fails
        while abs(passes - fails) > 1:
            middle = (passes + fails) // 2
            passes, fails = (middle, fails) if self.p(middle) >= FALSE_ALARM else (passes, middle)
        return passes

    def power(self, share: float) -> float:
        """How probable it is that a choice whose true share is `share` is called wrong."""
        fewest, most = self.bounds
        return 1 - self._more_than(fewest - 1, share) + self._more_than(most, share)

    def _more_than(self, counted: int, share: float) -> float:
        return float(_special().bdtrc(counted, self.number, share))

    def measurement(self, counted: int, sides: tuple[str, str]) -> dict[str, Any]:
        """What was counted and what it was judged by, as data for a report.

        Args:
            sides: what the side that was counted is called, and the other one.
        """
        fewest, most = self.bounds
        return {
            "kind": "choice",
            "number": self.number,
            "share": self.share,
            "counted": counted,
            "sides": list(sides),
            "bounds": [fewest, most],
            "p": self.p(counted),
        }

    def contradiction(self, counted: int) -> str:
        """Why `counted` of `number` cannot have come of this choice; empty if it can."""
        p = self.p(counted)
        if p >= FALSE_ALARM:
            return ""
        fewest, most = self.bounds
        return (
            f"n = {self.number}: {counted} against {self.number - counted}, expected {self.share:g} of them; "
            f"bounds {fewest} to {most}; p = {p:.3g} < {FALSE_ALARM:g}"
        )


def _special() -> Any:
    """`scipy.special`: `scipy.stats`, which has this test as a function, takes half a second to import."""
    with uninterrupted():
        from scipy import special
    return special
