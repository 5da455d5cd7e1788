"""What Envoys differ in is asked again: what is now this, now that is no difference of theirs."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from takeover.compare.sweeps import finding, sweep_changes
from takeover.model.document import Variant as Result
from takeover.sweep.asked import AskedEnvoy, Found
from takeover.sweep.offered import Offered
from takeover.sweep.sweeping import Asking, Going
from takeover.sweep.variants import fields_of
from tests.sweep.bases_of_tests import cluster


class Says:
    """An Envoy that says one thing after the other of whatever it is asked; in the end always the last one."""

    def __init__(self, *states: str) -> None:
        self._states = iter(states)
        self._last = ""

    def _next(self, offered: Offered) -> Found:
        self._last = next(self._states, self._last)
        why = {"taken": "", "refused": "no", "ended": "exit code 139", "unanswered": ""}[self._last]
        return Found(Result(offered.variant.base.scenario, offered.variant.name, cast(Any, self._last), why))

    def ask(self, offered: Sequence[Offered]) -> list[Found]:
        return [self._next(each) for each in offered]

    def ask_alone(self, offered: Offered) -> Found:
        return self._next(offered)

    def state(self, _: Offered) -> str:
        return self._last


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def _asked(pool: ThreadPoolExecutor, one: Says, other: Says) -> tuple[list[Result], int]:
    """What of the first variant is told of both, and how many were unstable."""
    going = Going(fields_of([cluster()]).ordered()[:1])
    Asking(cast(list[AskedEnvoy], [one, other]), pool).ask(going, 0)
    return [each.result for each in going.found[0]], going.unstable


@pytest.mark.parametrize(
    "other",
    [
        ["refused", "refused", "unanswered", "refused"],
        ["refused", "ended", "refused", "ended"],
        ["unanswered", "refused", "ended", "unanswered"],
    ],
)
def test_states_that_change_are_counted_and_no_difference(pool: ThreadPoolExecutor, other: list[str]) -> None:
    [first, second], unstable = _asked(pool, Says("taken"), Says(*other))
    assert (first.state, second.state, unstable) == ("taken", "unstable", 1)
    assert second.error == f"now {', now '.join(dict.fromkeys(other[1:]))}"
    assert list(sweep_changes(first, second)) == []
    assert list(sweep_changes(second, first)) == []
    assert finding(second) is None


def test_what_is_twice_the_same_alone_is_a_difference(pool: ThreadPoolExecutor) -> None:
    [first, second], unstable = _asked(pool, Says("taken"), Says("unanswered", "unanswered", "refused", "refused"))
    assert (first.state, second.state, second.error) == ("taken", "refused", "no")
    assert unstable == 0
