"""What takes long at a run's end says where it is; what does not says nothing."""

import contextlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.engines.contract import Concurrency
from takeover.run.overdue import Overdue, told_where_long
from takeover.run.scene_pool import ScenePool
from tests.run.outside import ROOT, run


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
        r"what is removed: not done after 0\.02 s; MainThread is in run/scene_pool\.py:\d+ _close(; below: .*)?",
        lines[0],
    )


def test_it_names_what_is_below_this_process(said: Callable[[int], list[str]]) -> None:
    with (
        subprocess.Popen(["sleep", "60"]) as child,
        contextlib.closing(SimpleNamespace(close=child.kill)),
        told_where_long("what is removed", after=0.02),
    ):
        [told] = [each for each in said(2)[-1].split("; ") if f" {child.pid} " in each]
    assert re.fullmatch(rf"below: {child.pid} sleep \(S( \w+)?\)", told)


def test_the_end_of_a_run_is_told_wherever_it_is(said: Callable[[int], list[str]]) -> None:
    end = Overdue(after=0.02).pytest_sessionfinish()
    next(end)
    told = said(1)[0]  # this test waits in tenacity, which is none of ours
    with pytest.raises(StopIteration):
        next(end)
    assert re.match(r"the run ends: not done after 0\.02 s; MainThread is in \S+\.py:\d+ \w+", told)


def test_each_process_of_a_run_has_it_but_where_somebody_keeps_what_runs(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(
        "def test_it(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.hasplugin('takeover-Overdue') is not pytestconfig.option.keep\n"
    )
    for options in (["-n0"], ["-n2"], ["--keep"]):
        result = run(str(tmp_path), *options)
        assert result.returncode == 0, result.stdout
