"""In a job of GitHub Actions: a line for each failure or difference that GitHub shows at the place in the source."""

import os

import pytest

from takeover.base.visible import visible
from takeover.run.subject import failure_of
from takeover.store.bounds import cut

_MOST = 4_000  # characters: as much as GitHub shows


class Annotations:
    """Writes workflow commands; pytest-github-actions-annotate-failures does not know failures of a set-up."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter

    @staticmethod
    def are_wanted() -> bool:
        """Whether this is such a job."""
        return os.environ.get("GITHUB_ACTIONS") == "true"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One command, on a line of its own."""
        if not report.failed:
            return
        file, line, name = report.location
        place = f"file={_property(file)},line={(line or 0) + 1}," if file else ""
        place += f"title={_property(name)}"
        self._reporter.write_line("")  # with xdist the reporter does not know that letters stand on the line
        # The only lines of a run that GitHub is to obey: what stands in them is made safe before.
        self._reporter.write_line(f"::error {place}::{_data(cut(failure_of(report), _MOST))}")


def _data(text: str) -> str:
    """The text as a workflow command takes it."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
