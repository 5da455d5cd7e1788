"""Writes what people look at at a run's end, also when it was stopped: the page, the summary, JUnit's XML."""

import threading
from collections.abc import Generator

import pytest

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.report.compared import Compared
from takeover.report.failure import Failure
from takeover.run.differences import DIFFERENCES
from takeover.run.results import RESULTS


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Reports of what is kept: see `takeover.run.results`."""
    if RESULTS in config.stash:
        config.pluginmanager.register(_Report(config), "takeover-report")


class _Report:
    """The hooks of a run that leaves results."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._results = config.stash[RESULTS]
        self._failed: list[tuple[Failure, dict[str, str]]] = []
        self._page = ""
        self._preparing: threading.Thread | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes in what a failed test left, before its results are kept and dropped from the report."""
        if self._preparing is None and getattr(report, "measurements", None):
            self._preparing = threading.Thread(target=_prepare, name="prepare the report", daemon=True)
            self._preparing.start()
        subject = getattr(report, "subject", None)
        if report.failed and subject is not None:
            failure = Failure(
                subject["scenario"],
                subject["release"],
                subject["name"],
                report.longreprtext,
                expected=getattr(report, "expected", []),
                command=getattr(report, "command", ""),
            )
            told = {f"{title}.txt": text for title, text in report.sections}
            self._failed.append((failure, report.__dict__.pop("artefacts", None) or told))
        if report.when == "teardown":
            self._keep()

    def _keep(self) -> None:
        """Writes it as soon as there is a folder: it need not be held in memory until the end."""
        from takeover.report import folder  # costs a tenth of a second, and most runs have nothing to keep here

        while self._failed and self._results.folder is not None:
            folder.keep(self._results.folder, *self._failed.pop(0))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        """Comes after the documents are written, and before pytest's summary tells where everything is."""
        yield
        if self._preparing is not None:
            self._preparing.join()
        if self._results.folder is None:
            return
        from takeover.report import folder

        try:
            self._keep()
            page = folder.publish(self._results.folder, self._results.documents, self._compared())
            self._page = display_path(page.absolute())
        except (BadInputError, OSError) as error:
            pytest.exit(f"--reports: cannot write the report: {error}", returncode=pytest.ExitCode.USAGE_ERROR)

    def _compared(self) -> Compared | None:
        found = self._config.stash[DIFFERENCES]
        return None if found.comparison is None else Compared(found.comparison, found.kinds)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says where it is."""
        if self._page:
            terminalreporter.write_line(f"report: {self._page}")


def _prepare() -> None:
    """Imports what draws measurements: while tests wait for Envoy, and not when somebody waits for the run's end."""
    from takeover.report import canvas

    canvas.prepare()
