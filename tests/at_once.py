"""Says at once what failed: all of the tests take half an hour, and the limit of a CI may cut them short."""

import pytest


class AtOnce:
    """Prints the whole of each failure as it comes."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter

    @pytest.hookimpl(trylast=True)  # after the letter of the test
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of a phase that failed."""
        if report.failed:
            self._reporter.write_line("")  # with xdist the reporter does not know that letters stand on the line
            self._reporter.write_line(f"{report.when} of {report.nodeid} failed:\n{report.longreprtext}")


@pytest.hookimpl(trylast=True)  # when the terminal's report is there
def pytest_configure(config: pytest.Config) -> None:
    """Without one, as in a worker of xdist, nothing is said."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        config.pluginmanager.register(AtOnce(reporter))
