"""A test while it runs: deployments made ahead, what is left out, and what its report is given. In one process."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from takeover.model.trace import Trace
from takeover.run import failure, judging, safe_text
from takeover.run.plan import Plan
from takeover.run.probe_items import INVENTORY, OBSERVATIONS, REMOVED
from takeover.run.record import Record, attach
from takeover.run.scenes import LOGS, SCENE, Scenes
from takeover.run.subject import subject_of
from takeover.run.sweep_items import SWEEP
from takeover.run.versions import UNSUPPORTED, skip_if_unsupported

if TYPE_CHECKING:
    from takeover.run.sabotage import Sabotages


class Execution:
    """The hooks of a process that runs tests.

    Args:
        sabotages: None without --sabotage.
    """

    def __init__(self, plan: Plan, scenes: Scenes, sabotages: "Sabotages | None") -> None:
        self._plan = plan
        self._scenes = scenes
        self._sabotages = sabotages

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """While a test runs, the deployments of the next ones are made."""
        if self._sabotages is None or not self._sabotages.leaves_out(item):
            self._scenes.prefetch(item, nextitem)
        try:
            return (yield)
        finally:
            self._scenes.forget(item)
            judging.forget(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Leaves out what need not run."""
        skip_if_unsupported(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Gives the report its record; to that of a failure what tells why, before anything is taken down."""
        report = safe_text.safe((yield), item.config)
        record = Record(subject=subject_of(item))
        loss = judging.loss_of(item, call)
        if self._sabotages is not None:
            # What a sabotage does to a test is no failure of the run.
            self._sabotages.judge(item, call, report, record, loss)
        if support := item.stash.get(UNSUPPORTED, None):
            record.unsupported = support
        if call.when == "call":
            _take_what_was_found(item, record)
            if SCENE in item.stash:
                record.server_info = item.stash[SCENE].server_info
                _take_traffic(item, report, record)
        if loss is not None:
            judging.mark(item, report, record, loss)
            self._scenes.discard()
        else:
            failure.tell(item, call, report, record, self._plan)
        if logs := item.stash.get(LOGS, None):
            record.artefacts = {f"{title}.txt": text for title, text in logs.items() if text}
            del item.stash[LOGS]
        report = safe_text.safe(report, item.config)  # what was added since is of containers
        attach(report, record)
        return report

    def pytest_assertrepr_compare(self, op: str, left: Any, right: Any) -> None:
        """Remembers which trace was wanted where another one was observed: that tells where it broke off.

        With --sabotage, what was compared is why a test catches one.
        """
        if op == "==" and isinstance(left, Trace) and isinstance(right, list):
            left.expected = list(right)
        if self._sabotages is not None:
            self._sabotages.note_compared(op, left, right)


def _take_traffic(item: pytest.Item, report: pytest.TestReport, record: Record) -> None:
    """What the witnesses said of each watched block."""
    scene = item.stash[SCENE]
    record.evidence = [observed.hops for observed in scene.watched_blocks]
    record.measurements = list(scene.measurements)
    if report.failed:
        record.expected = [observed.trace.expected for observed in scene.watched_blocks]


def _take_what_was_found(item: pytest.Item, record: Record) -> None:
    """What probes and the inventory found. The item stays until the end of the run, and need not hold it."""
    if OBSERVATIONS in item.stash:
        record.observations = item.stash[OBSERVATIONS]
        del item.stash[OBSERVATIONS]
    if REMOVED in item.stash:
        record.removed = item.stash[REMOVED]
        del item.stash[REMOVED]
    if INVENTORY in item.stash:
        record.inventory = item.stash[INVENTORY]
        del item.stash[INVENTORY]
    if SWEEP in item.stash:
        record.sweep = item.stash[SWEEP]
        del item.stash[SWEEP]
