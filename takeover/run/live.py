"""In a terminal: which scenario is in which phase on which Envoy, the time left, failures as they come.

Only where somebody looks on: not with -q, -v, -s or a debugger, not without a terminal or in CI. There pytest's own
lines stay as they are.
"""

import contextlib
import os
import sys
from collections.abc import Generator
from typing import IO

import pytest

from takeover.base.visible import visible_line
from takeover.run.judging import CATEGORY
from takeover.run.record import Subject, record_of
from takeover.run.results import Results
from takeover.run.states import is_last
from takeover.run.subject import failure_line
from takeover.scenario.library import Library


def somebody_looks_on(config: pytest.Config) -> bool:
    """Whether the view is worth anything."""
    if config.option.verbose or config.getoption("capture") == "no" or config.getoption("usepdb", False):
        return False
    if os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return False
    with contextlib.suppress(OSError, ValueError):  # whatever stands in the place of stdout
        return os.isatty(sys.stdout.fileno())
    return False


class Live:
    """The hooks of a run that somebody looks at."""

    def __init__(
        self, config: pytest.Config, reporter: pytest.TerminalReporter, results: Results, library: Library
    ) -> None:
        from rich.console import Console
        from rich.live import Live as View

        from takeover.report.progress import Progress

        # A descriptor of our own: while a test runs, pytest has put a file in the place of the terminal.
        self._out: IO[str] = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
        width = os.get_terminal_size(self._out.fileno()).columns or 80
        no_color = True if config.option.color == "no" else None  # NO_COLOR is rich's own business
        console = Console(file=self._out, force_terminal=True, width=width, no_color=no_color)
        self._results = results
        self._reporter = reporter
        self._progress = Progress(library)
        self._live = View(
            self._progress, console=console, refresh_per_second=8, redirect_stdout=False, redirect_stderr=False
        )
        self._began: set[tuple[str, str]] = set()
        self._ended: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """The view is there as long as tests run, however that ends."""
        self._reporter.showfspath = False
        try:
            return (yield)
        finally:
            if self._live.is_started:
                self._progress.end()
                self._live.stop()
            self._out.close()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begins with the first test: before, xdist writes about its workers."""
        if not self._live.is_started:
            for subject in self._results.chosen.values():
                self._progress.expect(subject.scenario, subject.release)
            self._live.start()
        begun = self._results.chosen.get(nodeid)
        if begun is not None:
            place = _place(begun)
            self._progress.enter(*place, "testing" if place in self._began else "deploying")
            self._began.add(place)
            self._live.refresh()  # a phase may be over before the next picture would be due

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes in each phase of a test, and shows a failure at once."""
        subject = self._results.chosen.get(report.nodeid)
        if subject is None:
            return
        place = _place(subject)
        if report.failed:
            from rich.text import Text

            reason = Text(visible_line(f"  {failure_line(report)}"))
            sign = "?" if record_of(report).not_judged else "✗"
            self._live.console.print(Text(f"{sign} {report.nodeid}", "bold red"), reason, sep="\n")
        if report.outcome != "passed" or report.nodeid not in self._ended:
            self._ended[report.nodeid] = CATEGORY if record_of(report).not_judged else report.outcome
        if is_last(report):
            self._progress.finish(*place, self._ended.pop(report.nodeid))
        else:
            self._progress.enter(*place, "testing")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Generator[None, tuple[str, str, object], tuple[str, str, object]]:
        """The reporter counts, and writes nothing meanwhile: the view says it."""
        category, letter, word = yield
        return (category, "", "") if self._live.is_started else (category, letter, word)


def _place(subject: Subject) -> tuple[str, str]:
    return subject.scenario, subject.release
