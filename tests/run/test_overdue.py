"""What takes long at a run's end says where it is; what does not says nothing."""

import re
from collections.abc import Callable

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.engines.contract import Concurrency
from takeover.run.overdue import told_where_long
from takeover.run.scene_pool import ScenePool


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Callable[[int], list[str]]:
    """The lines on stderr, when there are so many."""
    all_of_it = ""

    def lines() -> list[str]:
        nonlocal all_of_it
        all_of_it += capfd.readouterr().err
        return all_of_it.splitlines()

    def told(number: int) -> list[str]:
        few = retry_if_result(lambda told: len(told) < number)
        return list(Retrying(retry=few, wait=wait_fixed(0.01), stop=stop_after_delay(60))(lines))

    return told


def test_it_is_told_again_and_again(said: Callable[[int], list[str]]) -> None:
    with told_where_long("what is removed", after=0.02):
        lines = said(2)
    assert [each.partition(";")[0] for each in lines[:2]] == [
        "what is removed: not done after 0.02 s",
        "what is removed: not done after 0.04 s",
    ]


def test_what_is_quick_says_nothing(said: Callable[[int], list[str]]) -> None:
    with told_where_long("what is removed"):
        pass
    assert said(0) == []


def test_it_names_the_innermost_place_in_our_code(said: Callable[[int], list[str]]) -> None:
    class Engine:
        concurrency = Concurrency(1, 0)

        @staticmethod
        def close() -> None:
            lines.extend(said(1))

    lines: list[str] = []
    pool = ScenePool(Engine, lambda *_: None, keep=False)  # type: ignore[arg-type]
    assert pool.engine is not None
    with told_where_long("what is removed", after=0.02):
        pool.close()
    assert re.fullmatch(
        r"what is removed: not done after 0\.02 s; MainThread is in run/scene_pool\.py:\d+ _close", lines[0]
    )
