"""How a test ended, from what its phases say."""

import pytest

from takeover.model.document import Outcome, State
from takeover.run.record import Record
from takeover.run.subject import failure_line


def add_phase(outcome: Outcome, report: pytest.TestReport, record: Record) -> None:
    """Adds what one more phase says to the outcome of its test, which begins as one that passed."""
    outcome.seconds = round(outcome.seconds + report.duration, 3)
    state, reason = _state(report, record)
    if outcome.state == "pass" or (state == "fail" and outcome.state != "not-judged"):
        outcome.state, outcome.reason = state, outcome.reason or reason


def is_last(report: pytest.TestReport) -> bool:
    """Whether no other phase of the test comes: it was torn down, or its worker ended under it, of which xdist tells.

    See https://github.com/pytest-dev/pytest-xdist/blob/v3.8.0/src/xdist/dsession.py, handle_crashitem.
    """
    return report.when not in ("setup", "call")


def _state(report: pytest.TestReport, record: Record) -> tuple[State, str]:
    """What one phase of a test says of it, and why in one line."""
    if record.not_judged:
        return "not-judged", record.not_judged
    if report.failed:
        return "fail", failure_line(report)
    if record.unsupported:
        return "unsupported", record.unsupported
    if report.skipped and hasattr(report, "wasxfail"):  # one that passes against expectation has it, too
        return "known-failure", report.wasxfail
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return "not-run", reason.removeprefix("Skipped: ")
    return "pass", ""
