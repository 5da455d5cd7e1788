"""Keeps what came of tests without an Envoy, of which no document tells."""

import pytest

from takeover.model.document import Outcome
from takeover.report.without_envoy import WithoutEnvoy
from takeover.run.record import Record
from takeover.run.states import add_phase
from takeover.run.subject import failure_line
from takeover.store import bounds


class TestsWithoutEnvoy:
    """Those of a run, and the files of tests that could not be collected."""

    __test__ = False  # whatever pytest makes of the name

    def __init__(self) -> None:
        self._found: dict[str, WithoutEnvoy] = {}

    @property
    def tests(self) -> list[WithoutEnvoy]:
        """In the order in which they began."""
        return list(self._found.values())

    def take(self, report: pytest.TestReport, record: Record) -> None:
        """Takes in a phase of such a test."""
        outcome = Outcome(report.nodeid, "", report.nodeid, "pass")
        known = self._found.get(report.nodeid, WithoutEnvoy(outcome))
        add_phase(known.outcome, report, record)
        message = bounds.message(report.longreprtext) if report.failed else ""
        self._found[report.nodeid] = WithoutEnvoy(known.outcome, known.message or message)

    def take_uncollected(self, report: pytest.CollectReport) -> None:
        """Takes in a file that could not be collected."""
        outcome = Outcome(report.nodeid, "", report.nodeid, "fail", failure_line(report))
        self._found[report.nodeid] = WithoutEnvoy(outcome, bounds.message(report.longreprtext))
