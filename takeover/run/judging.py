"""Whether a test says anything of Envoy: it does not where what it ran on was lost meanwhile."""

import time
from collections.abc import Iterator

import pytest

from takeover.base.errors import LostError
from takeover.engines.contract import RemoteDeployment
from takeover.run.record import Record
from takeover.run.scenes import SCENE

_LOSS: pytest.StashKey[str] = pytest.StashKey()
"""On a test of which one phase was not judged, while it runs: no later phase is."""


def loss_of(item: pytest.Item, call: pytest.CallInfo[None]) -> LostError | None:
    """What was lost under this phase of a test, whatever its outcome; None if nothing was.

    A test that passed is believed unless it is known already that something was lost: to ask takes calls.
    """
    raised = call.excinfo
    if raised is not None and raised.errisinstance(pytest.skip.Exception):
        return None
    if raised is not None and (lost := next(_lost(raised.value), None)):
        return lost
    if _LOSS in item.stash:
        return LostError(item.stash[_LOSS]) if raised is not None else None
    if call.when == "teardown" or SCENE not in item.stash:
        return None
    deployment = item.stash[SCENE].deployment
    if not isinstance(deployment, RemoteDeployment):
        return None
    return deployment.loss(None if raised is None else time.monotonic() - call.duration)


def _lost(error: BaseException) -> Iterator[LostError]:
    """Among an error and those that led to it: a test's own code may have made another one of it."""
    known: set[int] = set()
    next_one: BaseException | None = error
    while next_one is not None and id(next_one) not in known:
        known.add(id(next_one))
        if isinstance(next_one, LostError):
            yield next_one
        next_one = next_one.__cause__ or next_one.__context__


def mark(item: pytest.Item, report: pytest.TestReport, record: Record, loss: LostError) -> None:
    """Makes the report one of a test that was not judged: in place of whatever it failed by, what was lost.

    For pytest it has failed: nothing is proved.
    """
    item.stash[_LOSS] = record.not_judged = str(loss)
    report.outcome, report.longrepr = "failed", f"not judged: {loss}"
    report.__dict__.pop("wasxfail", None)
    report.sections = list(loss.details.items())
    record.evidence, record.measurements, record.observations, record.removed, record.inventory = [], [], [], [], None


def forget(item: pytest.Item) -> None:
    """The item has ended, and may run again."""
    if _LOSS in item.stash:
        del item.stash[_LOSS]


def lines(reporter: pytest.TerminalReporter) -> Iterator[str]:
    """For the end of a run: each loss once, with what is known of it, and the tests that it took."""
    by_loss: dict[str, list[pytest.TestReport]] = {}
    for report in reporter.getreports(CATEGORY):
        by_loss.setdefault(str(report.longrepr).removeprefix("not judged: "), []).append(report)
    for loss, reports in by_loss.items():
        yield loss
        for title, text in dict(reports[0].sections).items():
            yield f"  {title}:"
            yield from (f"    {line}" for line in text.splitlines())
        yield from (f"  not judged: {nodeid}" for nodeid in dict.fromkeys(each.nodeid for each in reports))


CATEGORY = "not judged"
"""In pytest's own count."""
