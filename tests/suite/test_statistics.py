import math
from fractions import Fraction

import pytest

from takeover.base.errors import BadInputError
from takeover.suite.statistics import FALSE_ALARM, Choice


def exactly(number: int, share: float | Fraction, counted: int) -> float:
    """The probability of that number, in fractions."""
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


@pytest.mark.parametrize(("number", "share"), [(2000, 0.5), (300, 0.9), (200, 0.01)])
def test_p_is_exact_also_where_powers_are_too_small_for_a_float(number: int, share: float) -> None:
    chances = [exactly(number, share, n) for n in range(number + 1)]
    for counted in range(0, number + 1, number // 20):
        tail = min(math.fsum(chances[: counted + 1]), math.fsum(chances[counted:]))
        assert Choice(number, share).p(counted) == pytest.approx(min(1, 2 * tail), rel=1e-14, abs=1e-300)


@pytest.mark.parametrize("share", [0, 1])
def test_what_never_or_always_falls_admits_one_number(share: int) -> None:
    choice = Choice(10, share)
    assert choice.bounds == (10 * share, 10 * share)
    assert [choice.p(n) for n in (0, 10)] == [1 - share, share]


@pytest.mark.parametrize(("share", "enough"), [(0.5, 31), (0.9, 10), (0.1, 10), (0.25, 16), (0, 1), (1, 1)])
def test_too_few_choices_to_contradict_are_refused(share: float, enough: int) -> None:
    with pytest.raises(BadInputError, match=f"^{enough - 1} choices with a share of {share} prove nothing.* {enough}$"):
        Choice(enough - 1, share).contradiction(0)
    with pytest.raises(BadInputError, match=r"^0 choices .*: make at least"):
        Choice(0, share).contradiction(0)

    rarest = enough if share < 0.5 else 0  # by chance alone it would not come
    assert Choice(enough, share).contradiction(rarest) != ""


def test_a_contradiction_tells_all_that_it_rests_on() -> None:
    choice = Choice(2000, 0.5)
    fewest, most = choice.bounds
    assert choice.contradiction(most) == choice.contradiction(fewest) == ""
    assert choice.contradiction(1200) == (
        f"n = 2000: 1200 against 800, expected 0.5 of them; bounds {fewest} to {most}; p = {choice.p(1200):.3g} < 1e-09"
    )


def test_what_the_suite_of_weights_promises() -> None:
    fewest, most = Choice(2000, 0.5).bounds
    assert sum(exactly(2000, Fraction(6, 10), n) for n in range(fewest, most + 1)) < 0.01
