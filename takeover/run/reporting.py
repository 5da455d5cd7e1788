"""What becomes of reports, in the process to which all of them come. Every step stands in one function."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from takeover.run import judging, terminal
from takeover.run.added_reports import hand_out
from takeover.run.conclusion import Conclusion
from takeover.run.nothing_chosen import line as nothing_chosen
from takeover.run.plan import Plan
from takeover.run.record import Record, SabotageOutcome, attach, record_of
from takeover.run.results import Results
from takeover.run.states import is_last
from takeover.run.versions import declared_lines

if TYPE_CHECKING:
    from takeover.run.sabotage import Sabotages


class Reporting:
    """The hooks of that process.

    Args:
        results: None for a run whose results are not kept; `conclusion` likewise.
        sabotages: None without --sabotage.
    """

    def __init__(
        self, plan: Plan, results: Results | None, conclusion: Conclusion | None, sabotages: "Sabotages | None"
    ) -> None:
        self._plan = plan
        self._results = results
        self._conclusion = conclusion
        self._sabotages = sabotages
        self._sabotage_outcomes: list[SabotageOutcome] = []
        self._session: pytest.Session | None = None
        self._failing: list[pytest.TestReport] = []

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """With --sabotage, one line of dots: the tests of many files take turns."""
        self._session = session
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if self._sabotages is not None and reporter is not None:
            reporter.showfspath = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Counts tests not judged apart. Says nothing of sabotaged tests: the verdicts are such a run's results."""
        if record_of(report).not_judged:
            return judging.CATEGORY, "?", judging.CATEGORY.upper()
        return ("", "", "") if record_of(report).sabotaged and not report.failed else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Says what a test was about that ended its worker: xdist makes its report, and knows only its id."""
        if self._results is not None:
            attach(report, Record(subject=self._results.chosen.get(crashitem)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Takes in what could not be collected, where the run goes on all the same."""
        if report.failed and self._conclusion is not None:
            self._conclusion.without_envoy.take_uncollected(report)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes in a phase of a test: what a failure left, then its results, then the folder is there to keep both."""
        record = record_of(report)
        if record.sabotage is not None and report.when == "call":
            self._sabotage_outcomes.append(record.sabotage)
            if self._session is not None:  # the share of what is done is told of verdicts
                self._session.testscollected -= record.sabotage.tests
        if self._results is not None and self._conclusion is not None:
            self._conclusion.take(report, record)
            self._results.take(report, record)
            if is_last(report):
                self._conclusion.keep_failures()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Writes what is known, whatever ended the run; compares; writes the report.

        A difference fails a good run, and so do sabotages that are caught alike. It comes before whoever writes files
        of what failed: they hear of these, too.
        """
        if self._results is not None and self._conclusion is not None:
            self._results.finish()
            self._conclusion.compare(session.config.rootpath)
            self._conclusion.publish()
            self._failing += self._conclusion.failing
        if self._sabotages is not None:
            self._failing += self._sabotages.failing(self._sabotage_outcomes)
        hand_out(session.config, self._failing)
        if self._failing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
    ) -> None:
        """What there is to read at the end, in order. What fails the run besides tests stands among what failed."""
        sections: list[tuple[str, Iterable[str]]] = [
            ("not judged: lost while they ran", judging.lines(terminalreporter)),
            ("declared in scenario.yaml", declared_lines(terminalreporter)),
        ]
        if self._sabotages is not None and self._sabotage_outcomes:
            lines = self._sabotages.lines(self._sabotage_outcomes)
            sections.append(("sabotage: the test that caught it", lines))
        if self._conclusion is not None and (differences := self._conclusion.differences()):
            sections.append(differences)
        if self._conclusion is not None:
            sections.append(("coverage of the configuration", self._conclusion.coverage()))
        for title, found in sections:
            for number, line in enumerate(found):
                if number == 0:
                    terminalreporter.section(title)
                terminal.write(terminalreporter, line)
        for line in self._conclusion.places() if self._conclusion is not None else ():
            terminal.write(terminalreporter, line)
        if self._failing:
            terminalreporter.stats.setdefault("failed", []).extend(self._failing)
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            terminal.write(terminalreporter, nothing_chosen(config, self._plan))
