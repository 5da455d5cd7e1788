"""Keeps what a run finds: one document per Envoy, written while it runs and at its end, also when it is stopped."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.model.document import Outcome, State
from takeover.run.run import RUN
from takeover.run.subject import failure_line, subject_of
from takeover.store import documents as store
from takeover.store.collector import Collected

_CHOSEN = "takeover_chosen"  # for a worker of xdist: the file in which it tells its controller what was chosen
_SECONDS_BETWEEN_WRITES = 10  # what is lost by kill -9


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the option beside the others."""
    parser.getgroup("envoy-takeover").addoption(
        "--reports",
        metavar="DIR",
        default="reports",
        help="where each run leaves its results, each in a folder; DIR/latest is the newest (default: %(default)s)",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Collects where all reports arrive: in the only process, or in xdist's controller."""
    option = config.option
    if RUN not in config.stash or option.collectonly or option.sabotage is not None:
        return
    if worker := getattr(config, "workerinput", None):
        if _CHOSEN in worker:
            config.pluginmanager.register(_Worker(Path(worker[_CHOSEN])), "takeover-chosen")
        return
    config.stash[RESULTS] = Results(config)
    config.pluginmanager.register(config.stash[RESULTS], "takeover-results")


def _chosen(items: list[pytest.Item]) -> dict[str, dict[str, str]]:
    return {item.nodeid: subject for item in items if (subject := subject_of(item))}


class _Worker:
    """Tells the controller, which itself collects nothing, what was chosen."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Comes before the controller hears that this worker has collected."""
        self._file.write_bytes(json.dumps(_chosen(session.items)).encode())


class Results:
    """The documents of a run, and where they are."""

    def __init__(self, config: pytest.Config) -> None:
        self._reports = Path(config.option.reports).expanduser()
        self._releases = {
            name: Collected(release, config.option.engine) for name, release in config.stash[RUN].releases.items()
        }
        self._names = list(self._releases)
        # A file in memory: none is left when this process dies.
        self._between = Path(f"/proc/{os.getpid()}/fd/{os.memfd_create('chosen')}")
        self._unfinished: dict[str, Outcome] = {}
        self._last_write = time.monotonic()
        self.chosen: dict[str, dict[str, str]] = {}
        """The tests of the run by their ids, and what each is about: see `takeover.run.subject`."""
        self.folder: Path | None = None
        """The run's folder, None as long as no test that uses an Envoy has ended."""

    @property
    def documents(self) -> list[Path]:
        """The documents of the run's Envoys, in the order in which `--envoy` named them; not all may be there."""
        if self.folder is None:
            return []
        return [self.folder / store.RESULTS / f"{name}.json" for name in self._names]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """One worker tells for all: they collect the same."""
        if node.gateway.id == "gw0":
            node.workerinput[_CHOSEN] = str(self._between)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Learns what was chosen, with xdist."""
        if node.gateway.id == "gw0":
            self._expect(json.loads(self._between.read_bytes()))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learns what was chosen, without xdist."""
        self._expect(_chosen(session.items))

    def _expect(self, chosen: dict[str, dict[str, str]]) -> None:
        self.chosen = chosen
        for name, release in self._releases.items():
            release.expect(
                _outcome(nodeid, subject, "not-run", "the run was stopped before")
                for nodeid, subject in chosen.items()
                if subject["release"] == name
            )

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes in a report. What is kept in the document is dropped from the report: pytest keeps all of them."""
        subject = getattr(report, "subject", None)
        if subject is None:
            return
        release = self._releases[subject["release"]]  # not yet complete: this test has not ended
        outcome = self._unfinished.setdefault(report.nodeid, _outcome(report.nodeid, subject, "pass", ""))
        outcome.seconds = round(outcome.seconds + report.duration, 3)
        outcome.evidence = report.__dict__.pop("evidence", None) or outcome.evidence
        outcome.measurements = report.__dict__.pop("measurements", None) or outcome.measurements
        state, reason = _state(report)
        if outcome.state == "pass" or state == "fail":
            outcome.state, outcome.reason = state, outcome.reason or reason
        release.observe(report.__dict__.pop("observations", []))
        release.take_facts(report.__dict__.pop("facts", {}))
        if report.when == "teardown":
            release.add(self._unfinished.pop(report.nodeid))
            overdue = time.monotonic() - self._last_write > _SECONDS_BETWEEN_WRITES
            if self.folder is None or overdue or (release.is_complete and len(self._releases) > 1):
                self._write()

    def pytest_sessionfinish(self) -> None:
        """Writes what is known, whatever ended the run."""
        if self.folder is not None:
            self._write()

    def _write(self) -> None:
        now = datetime.now(UTC)
        try:
            if self.folder is None:
                self.folder = store.new_run(self._reports, now)
            for name, release in list(self._releases.items()):
                if release.is_anything_known and release.is_changed:
                    store.write(self.folder, name, release.document(now))
                if release.is_complete:
                    del self._releases[name]  # nothing of it comes any more: what many Envoys did need not be held
        except BadInputError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        except OSError as error:
            pytest.exit(f"--reports: cannot write results: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
        self._last_write = time.monotonic()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says where the results are."""
        if self.folder is not None:
            terminalreporter.write_line(f"results: {display_path(self.folder.absolute() / store.RESULTS)}")


RESULTS: pytest.StashKey[Results] = pytest.StashKey()
"""On the config of the process that collects, if the run's results are kept."""


def _outcome(nodeid: str, subject: dict[str, str], state: State, reason: str) -> Outcome:
    return Outcome(nodeid, subject["scenario"], subject["name"], state, reason)


def _state(report: pytest.TestReport) -> tuple[State, str]:
    """What one phase of a test says of it, and why in one line."""
    if report.failed:
        return "fail", failure_line(report)
    if support := getattr(report, "unsupported", None):
        return "unsupported", support
    if known := getattr(report, "wasxfail", None):
        return "known-failure", known
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return "not-run", reason.removeprefix("Skipped: ")
    return "pass", ""
