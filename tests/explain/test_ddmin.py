"""Delta debugging finds what is needed, and asks seldom."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from takeover.explain.ddmin import ddmin
from tests.unhurried import UNHURRIED


@UNHURRIED
@given(st.data())
def test_it_finds_exactly_what_is_needed(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 200))
    needed = set(data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3)))
    assert set(ddmin(range(count), lambda chosen: needed <= set(chosen))) == needed


@UNHURRIED
@given(st.integers(0, 255))
def test_one_of_many_costs_few_questions(needed: int) -> None:
    asked = 0

    def works(chosen: Sequence[int]) -> bool:
        nonlocal asked
        asked += 1
        return needed in chosen

    assert ddmin(range(256), works) == [needed]
    assert asked <= 16
