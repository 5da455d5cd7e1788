"""Keeps what a run finds: one document per Envoy, written while it runs and at its end, also when it is stopped."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from takeover.base.errors import BadInputError
from takeover.engines import choose
from takeover.model.document import ConfigResult, Document, Inventory, Outcome, ProbeResult, RepeatedProbe, State
from takeover.model.json import encode
from takeover.model.removed import Removed, together
from takeover.run.chosen import Chosen
from takeover.run.early_end import stop
from takeover.run.plan import Plan
from takeover.run.record import Record, Subject
from takeover.run.states import add_phase, is_last
from takeover.store import bounds
from takeover.store import documents as store
from takeover.store.collector import Collected
from takeover.store.old_runs import hold, remove_old_runs

_Entry = TypeVar("_Entry", Outcome, ProbeResult, ConfigResult)
_SECONDS_BETWEEN_WRITES = 10  # what is lost by kill -9


class Results:
    """The documents of a run, and where they are."""

    def __init__(self, plan: Plan) -> None:
        self._reports = plan.reports
        self._engine = plan.engine.name
        runs_binary = choose.runs_binary(plan.engine.name)
        self._releases = {
            name: Collected(release, plan.engine.name, runs_binary, plan.library.delivery)
            for name, release in plan.releases.items()
        }
        self._names = list(self._releases)
        self._unfinished: dict[str, Outcome] = {}
        self._last_write = time.monotonic()
        self.chosen: Chosen = {}
        """The tests of the run by their ids, and what each is about."""
        self.folder: Path | None = None
        """The run's folder, None as long as no test that uses an Envoy has ended."""
        self.removed = ""
        """What to say of old runs that were removed; empty if none was."""
        self.left_out = 0
        """How many probes, tests and configs are too large for a document, and are kept whole beside it."""

    @property
    def documents(self) -> list[Path]:
        """The documents of the run's Envoys, in the order in which `--envoy` named them; not all may be there."""
        if self.folder is None:
            return []
        return [self.folder / store.RESULTS / f"{name}.json" for name in self._names]

    @property
    def known(self) -> dict[str, Path]:
        """Those of them in which a test has ended, by the Envoys' names."""
        unknown = {name for name, release in self._releases.items() if not release.is_anything_known}
        return {each.stem: each for each in self.documents if each.stem not in unknown and each.exists()}

    @property
    def are_complete(self) -> bool:
        """Whether every test that was chosen came to its end, on each Envoy."""
        return bool(self._names) and not self._releases

    def add_repeats(
        self, repeated: Mapping[str, list[RepeatedProbe]], removed: Mapping[str, Sequence[Removed]]
    ) -> None:  # fmt: skip
        """Adds to the documents, which are complete, the probes that were made again, and what was taken out then."""

        def add(document: Document) -> Document:
            name = document.envoy.name
            document.repeated = repeated[name]
            if taken_out := removed.get(name):
                document.removed = together((*(document.removed or ()), *taken_out))
            return document

        for name in repeated:
            self.complete(name, add)

    def complete(self, name: str, change: Callable[[Document], Document]) -> None:
        """Changes the document of the Envoy of that name, which is there."""
        assert self.folder is not None
        document = change(store.read(self.folder / store.RESULTS / f"{name}.json"))
        with _or_exit():
            store.write(self.folder, name, encode(document))

    def expect(self, chosen: Chosen) -> None:
        """Learns which tests there will be."""
        self.chosen = chosen
        for name, release in self._releases.items():
            release.expect(
                _outcome(nodeid, subject, "not-run", "the run was stopped before")
                for nodeid, subject in chosen.items()
                if subject.release == name
            )

    def take(self, report: pytest.TestReport, record: Record) -> None:
        """Takes in a report; what is kept in the document is dropped from the record: pytest keeps all reports."""
        subject = record.subject
        if subject is None or (release := self._releases.get(subject.release)) is None:
            return  # of a release that is complete: a test of a worker that died at its end has run once more
        outcome = self._unfinished.setdefault(report.nodeid, _outcome(report.nodeid, subject, "pass", ""))
        add_phase(outcome, report, record)
        outcome.evidence = record.evidence or outcome.evidence
        outcome.measurements = record.measurements or outcome.measurements
        if record.server_info is not None and (other := release.runs(record.server_info)):
            stop(
                f"Envoy {subject.release} is not the same everywhere: what ran was {other.version} of commit "
                f"{other.commit}, and now {record.server_info.version} of {record.server_info.commit}: give its image "
                "by a digest (--image envoy=REPOSITORY@sha256:…)"
            )
        for each in record.observations:
            release.observe([self._bounded(f"{subject.release}-{each.scenario}-{each.probe}", each, bounds.probe)])
        if record.inventory is not None:
            configs = [
                self._bounded(f"{subject.release}-{each.scenario}-{each.source}", each, bounds.config)
                for each in record.inventory.configs
            ]
            release.take_inventory(Inventory(configs, record.inventory.binary))
        if record.sweep is not None:
            release.take_sweep(record.sweep)
        release.leave_out(record.removed)
        record.evidence, record.measurements, record.observations, record.removed = [], [], [], []
        record.inventory = record.sweep = None
        if is_last(report):
            ended = self._unfinished.pop(report.nodeid)
            release.add(self._bounded(f"{subject.release}-{subject.name}", ended, bounds.outcome))
            overdue = time.monotonic() - self._last_write > _SECONDS_BETWEEN_WRITES
            if self.folder is None or overdue or (release.is_complete and len(self._releases) > 1):
                self.write()

    def finish(self) -> None:
        """Writes what is known, whatever ended the run: also of which Envoys nothing is."""
        if self.folder is not None:
            self.write(missed_too=True)

    def write(self, *, missed_too: bool = False) -> None:
        """Writes what has changed; ends the run where that cannot be done.

        Args:
            missed_too: whether there is also a document of an Envoy that none of its tests has reached.
        """
        now = datetime.now(UTC)
        root_file_system = choose.root_file_system(self._engine)
        with _or_exit():
            folder = self._made(now)
            for name, release in list(self._releases.items()):
                release.root_file_system = root_file_system
                if (release.is_anything_known and release.is_changed) or (missed_too and release.is_missed):
                    store.write(folder, name, release.document(now))
                if release.is_complete:
                    del self._releases[name]  # nothing of it comes any more: what many Envoys did need not be held
        self._last_write = time.monotonic()

    def _made(self, now: datetime) -> Path:
        if self.folder is None:
            self.folder = store.new_run(self._reports, now)
            hold(self.folder)
            self.removed = remove_old_runs(self._reports)
        return self.folder

    def _bounded(self, name: str, entry: _Entry, shorten: Callable[[_Entry], _Entry]) -> _Entry:
        """What goes into the document; where that is not all, the whole is written beside it, under that name."""
        shorter = shorten(entry)
        if shorter != entry:
            with _or_exit():
                store.write_whole(self._made(datetime.now(UTC)), name, entry)
            self.left_out += 1
        return shorter


@contextlib.contextmanager
def _or_exit() -> Iterator[None]:
    """Ends the run where nothing can be written."""
    try:
        yield
    except BadInputError as error:
        stop(str(error))
    except OSError as error:
        stop(f"--reports: cannot write results: {error}")


def _outcome(nodeid: str, subject: Subject, state: State, reason: str) -> Outcome:
    return Outcome(nodeid, subject.scenario, subject.name, state, reason)
