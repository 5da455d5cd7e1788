"""What fails a run and is no test is a report of pytest: whoever writes down what failed (--junitxml) hears of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

# They count tests, go on with them, or print each: what is added is none that could be run again.
_NOT_ASKED = (
    "terminalreporter",
    "terminalprogress",
    "session",
    "lfplugin",
    "stepwiseplugin",
    "takeover-Reporting",
    "takeover-Live",
)


@dataclass(frozen=True)
class _Crash:
    """Where pytest looks for what goes on one line."""

    message: str


@dataclass(frozen=True)
class _Told:
    """What made a test fail: in one line, and in full."""

    reprcrash: _Crash
    whole: str

    def __str__(self) -> str:
        return self.whole


def failed(nodeid: str, place: tuple[str, int | None, str], line: str, whole: str) -> pytest.TestReport:
    """The report of a failed test.

    Args:
        place: the file seen from pytest's root, the line's number from 0 on, a name.
        line: what failed, in one line; `whole` has all of it.
    """
    longrepr: Any = _Told(_Crash(line), whole)
    return pytest.TestReport(nodeid, place, {}, "failed", longrepr, "call")


def hand_out(config: pytest.Config, reports: Iterable[pytest.TestReport]) -> None:
    """Lets all know of them who hear of failed tests, but for those that count tests."""
    left_out = [found for name in _NOT_ASKED if (found := config.pluginmanager.get_plugin(name)) is not None]
    call = config.pluginmanager.subset_hook_caller("pytest_runtest_logreport", left_out)
    for each in reports:
        call(report=each)
