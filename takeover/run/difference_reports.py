"""A difference that fails a run is a report of pytest: whoever writes down what failed (--junitxml, CI) hears of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.compare.comparison import Comparison, Place
from takeover.compare.detail import example, in_short
from takeover.compare.listing import line
from takeover.probes.probe_file import FILE as PROBES
from takeover.run.plan import Plan
from takeover.scenario.scenario_file import FILE

# They count tests, go on with them, or print each: a difference is none that could be run again.
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
    """A difference as what made a test fail: in one line, and in full."""

    reprcrash: _Crash
    whole: str

    def __str__(self) -> str:
        return self.whole


def reports_of(comparison: Comparison, plan: Plan, root: Path) -> Iterator[pytest.TestReport]:
    """A failed test for each difference that fails the run.

    Args:
        root: pytest's; places in files are seen from there.
    """
    for each in comparison.failing(plan.failing_kinds):
        longrepr: Any = _Told(_Crash(line(comparison, each)), in_short(comparison, each))
        yield pytest.TestReport(
            f"differences::{each.kind}-{each.id}",
            (_file(example(each), plan, root), None, f"{each.kind}-{each.id}"),
            {},
            "failed",
            longrepr,
            "call",
        )


def hand_out(config: pytest.Config, reports: Iterable[pytest.TestReport]) -> None:
    """Lets all know of them who hear of failed tests, but for those that count tests."""
    left_out = [found for name in _NOT_ASKED if (found := config.pluginmanager.get_plugin(name)) is not None]
    call = config.pluginmanager.subset_hook_caller("pytest_runtest_logreport", left_out)
    for each in reports:
        call(report=each)


def _file(place: Place, plan: Plan, root: Path) -> str:
    """The file in which what differs is written; empty for what is about the binary."""
    if "::" in place.probe:
        return place.probe.partition("::")[0]
    try:
        folder = plan.library.scenario(place.scenario).folder
    except BadInputError:
        return ""
    file = folder / (PROBES if "/" in place.probe else FILE)
    return str(file.relative_to(root) if file.is_relative_to(root) else file)
