"""A pytest plugin that writes down how long each test took that passed: TAKEOVER_DURATIONS names the file."""

import os
from pathlib import Path

import pytest

_seconds: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Takes what each phase of a test took, and leaves out a test that did not pass."""
    if not report.passed:
        _seconds[report.nodeid] = float("-inf")
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish() -> None:
    """Writes a line for each test."""
    lines = [f"{seconds:.3f}\t{name}\n" for name, seconds in _seconds.items() if seconds >= 0]
    Path(os.environ["TAKEOVER_DURATIONS"]).write_text("".join(lines))
