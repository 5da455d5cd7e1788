"""The end of a run whose results are kept: several Envoys are compared, and the report is written."""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.compare.accepted import accept
from takeover.compare.comparison import Comparison, compare
from takeover.compare.hidden import taken_out
from takeover.compare.listing import listing
from takeover.report.compared import Compared
from takeover.report.failure import Failure
from takeover.run.difference_reports import reports_of
from takeover.run.plan import Plan
from takeover.run.record import Record
from takeover.run.repeats import Repeats
from takeover.run.results import Results
from takeover.run.without_envoy import TestsWithoutEnvoy
from takeover.store import documents as store


class Conclusion:
    """What is made of the results.

    Args:
        repeats: makes probes again where Envoys differ.
    """

    def __init__(self, plan: Plan, results: Results, repeats: Repeats) -> None:
        self._plan = plan
        self._results = results
        self._repeats = repeats
        self._failed: list[tuple[Failure, dict[str, str]]] = []
        self._page = ""
        self._unknown: list[str] = []
        self.failing: list[pytest.TestReport] = []
        """A report for each difference that fails the run."""
        self._comparison: Comparison | None = None
        self.without_envoy = TestsWithoutEnvoy()

    def take(self, report: pytest.TestReport, record: Record) -> None:
        """Takes in what a failed test left; of one without an Envoy, all."""
        subject = record.subject
        if subject is None:
            self.without_envoy.take(report, record)
        if report.failed and subject is not None and not record.not_judged:
            failure = Failure(
                subject.scenario,
                subject.release,
                subject.name,
                report.longreprtext,
                expected=record.expected,
                command=record.command,
            )
            told = {f"{title}.txt": text for title, text in report.sections}
            self._failed.append((failure, record.artefacts or told))
            record.artefacts = {}

    def keep_failures(self) -> None:
        """Writes them as soon as there is a folder: they need not be held in memory until the end."""
        while self._failed and self._results.folder is not None:
            from takeover.report import folder  # costs a tenth of a second, and most runs have nothing to keep here

            folder.keep(self._results.folder, *self._failed.pop(0))

    def compare(self, root: Path) -> None:
        """Compares what the other Envoys do with the first one.

        Args:
            root: pytest's.
        """
        documents = self._results.known
        if self._plan.conduct is not None:
            for name in documents:
                self._results.complete(name, self._plan.conduct.complete)
        self._unknown = [each for each in self._plan.releases if each not in documents]
        if len(documents) < 2:
            return
        read = {name: functools.partial(store.read, path) for name, path in documents.items()}
        self._comparison = compare(read, store.published_names(self._plan.reports))
        self._comparison.where = store.option(self._plan.reports)
        self._comparison.program = self._plan.program_again
        self._comparison.remarks += self._without_results()
        if self._results.are_complete:
            repeated = self._repeats.made(self._comparison, documents)
            self._comparison.set_apart(repeated)
            self._results.add_repeats(repeated, self._repeats.removed)
            if repeated and any(each.wanted for each in self._comparison.hidden):
                self._comparison.hidden = taken_out(read)
        accept(self._comparison, self._plan.accepted)
        self.failing = list(reports_of(self._comparison, self._plan, root))

    def publish(self) -> None:
        """Writes the page, the summary and JUnit's XML; ends the run where that cannot be done."""
        if self._results.folder is None:
            return
        from takeover.report import folder

        compared = None if self._comparison is None else Compared(self._comparison, self._plan.failing_kinds)
        try:
            self.keep_failures()
            if self._plan.conduct is not None:
                self._plan.conduct.keep(self._results.folder)
            others = self.without_envoy.tests
            page = folder.publish(self._results.folder, self._plan.library, self._results.documents, compared, others)
            self._page = display_path(page.absolute())
        except (BadInputError, OSError) as error:
            pytest.exit(f"--reports: cannot write the report: {error}", returncode=pytest.ExitCode.USAGE_ERROR)

    def differences(self) -> tuple[str, Iterable[str]] | None:
        """Title and lines of what differs; None if there was nothing to compare."""
        if self._comparison is None:
            return ("differences", self._without_results()) if len(self._plan.releases) > 1 else None
        title = f"differences from Envoy {self._comparison.baseline}"
        return title, listing(self._comparison, self._plan.failing_kinds)

    def coverage(self) -> Iterable[str]:
        """Of a check, which parts of the configuration probes reached."""
        return self._plan.conduct.lines() if self._plan.conduct is not None else ()

    def _without_results(self) -> list[str]:
        return [f"not compared: {each}, on which no test ended" for each in self._unknown]

    def places(self) -> Iterator[str]:
        """Where everything is, a line each."""
        if self._page:
            yield f"report: {self._page}"
        if self._results.folder is not None:
            yield f"results: {display_path(self._results.folder.absolute() / store.RESULTS)}"
        if self._results.folder is not None and self._results.left_out:
            where = display_path(self._results.folder.absolute() / store.WHOLE)
            yield f"too large for the results, whole in {where}: {self._results.left_out}"
        if self._results.removed:
            yield self._results.removed
