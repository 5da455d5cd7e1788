import math
from fractions import Fraction

import pytest

from takeover.suite.statistics import FALSE_ALARM, Choice


def exactly(number: int, share: float, counted: int) -> float:
    """The probability of that number, without scipy."""
    right, wrong = Fraction(share), 1 - Fraction(share)
    return float(math.comb(number, counted) * right**counted * wrong ** (number - counted))


@pytest.mark.parametrize(("number", "share"), [(800, 0.5), (500, 0.9), (300, 0.25)])
def test_the_bounds_keep_the_false_alarms_that_are_promised(number: int, share: float) -> None:
    fewest, most = Choice(number, share).bounds
    outside = sum(exactly(number, share, n) for n in range(number + 1) if not fewest <= n <= most)
    assert 0 < outside <= FALSE_ALARM * 1.000001
    # One more on the likelier side would break the promise.
    nearer = max(exactly(number, share, fewest), exactly(number, share, most))
    assert outside + nearer > FALSE_ALARM / 2


def test_power_is_the_probability_outside_of_the_bounds() -> None:
    choice = Choice(400, 0.5)
    fewest, most = choice.bounds
    inside = sum(exactly(400, 0.6, n) for n in range(fewest, most + 1))
    assert choice.power(0.6) == pytest.approx(1 - inside)
    assert choice.power(0.5) <= FALSE_ALARM


def test_too_few_choices_cannot_contradict() -> None:
    assert Choice(10, 0.5).bounds == (0, 10)
    assert Choice(10, 0.5).contradiction(10) == ""


def test_a_contradiction_tells_all_that_it_rests_on() -> None:
    choice = Choice(2000, 0.5)
    fewest, most = choice.bounds
    assert choice.contradiction(most) == choice.contradiction(fewest) == ""
    assert choice.contradiction(1200) == (
        f"n = 2000: 1200 against 800, expected 0.5 of them; bounds {fewest} to {most}; p = {choice.p(1200):.3g} < 1e-09"
    )


def test_what_the_suite_of_weights_promises() -> None:
    assert Choice(2000, 0.5).power(0.6) > 0.99
