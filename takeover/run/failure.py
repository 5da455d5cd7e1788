"""What a failing test shows and leaves, told before anything is taken down."""

import shlex

import pytest

from takeover.model.trace import text
from takeover.run.plan import Plan
from takeover.run.record import Record
from takeover.run.scenes import SCENE
from takeover.run.subject import release_of
from takeover.scene.diagnostics import Diagnostics


def tell(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, record: Record, plan: Plan) -> None:
    """Adds the hops, each container's log, Envoy's counters and the Pod's rules to the report of a failed test.

    The record's `artefacts` has them whole, by file name, and its `command` reproduces the failure.
    """
    if not report.failed:
        return
    report.sections += [
        (f"hops of watched block {number}", text(each)) for number, each in enumerate(record.evidence, 1)
    ]
    if not isinstance(item, pytest.Function):
        return
    record.command = _command(item, plan)
    if call.when == "call":
        if SCENE in item.stash:
            diagnostics = Diagnostics.of(item.stash[SCENE])
            report.sections += diagnostics.sections().items()
            record.artefacts = diagnostics.files()
        report.sections.append(("to reproduce", record.command))


def _command(item: pytest.Function, plan: Plan) -> str:
    given = item.config.option.envoy
    envoy = f" --envoy {shlex.quote(_envoy(item, given))}" if given else ""
    return f"./run {shlex.quote(item.nodeid)} {shlex.join(plan.arguments)}{envoy} --keep"


def _envoy(item: pytest.Function, given: str) -> str:
    """What chooses the test's own Envoy again, of those that were asked for."""
    name = release_of(item)
    own = [each for each in given.split(",") if each == name or each.startswith(f"{name}=")]
    return own[0] if own else name or given
