"""What a failing test shows and leaves, told before anything is taken down."""

import os

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
    record.command = plan.command(*_words(item), release=release_of(item))
    if call.when == "call":
        if SCENE in item.stash:
            diagnostics = Diagnostics.of(item.stash[SCENE])
            report.sections += diagnostics.sections().items()
            record.artefacts = diagnostics.files()
        report.sections.append(("to reproduce", record.command))


def _words(item: pytest.Function) -> list[str]:
    """What chooses the test again: its id, seen from where the run began, and what multiplied it."""
    count = getattr(item.config.option, "count", 1)  # pytest-repeat's
    file, separator, name = item.nodeid.partition("::")
    path = os.path.relpath(item.config.rootpath / file, item.config.invocation_params.dir)
    return [f"{path}{separator}{name}", *([f"--count={count}"] if count > 1 else [])]
