"""What a failing test shows and leaves, told before anything is taken down."""

import shlex
from collections.abc import Generator

import pytest

from takeover.evidence.diagnostics import Diagnostics
from takeover.run.scenes import SCENE
from takeover.run.subject import release_of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds each container's log, Envoy's counters and the Pod's rules to the report of a failed test.

    `report.artefacts` has them whole, by file name, and `report.command` reproduces the failure.
    """
    report = yield
    if not report.failed or not isinstance(item, pytest.Function):
        return report
    command = _command(item)
    report.__dict__["command"] = command
    if call.when == "call":
        if SCENE in item.stash:
            account = Diagnostics.of(item.stash[SCENE])
            report.sections += account.sections().items()
            report.__dict__["artefacts"] = account.files()
        report.sections.append(("to reproduce", command))
    return report


def _command(item: pytest.Function) -> str:
    option = item.config.option
    command = f"./run {shlex.quote(item.nodeid)} --engine {option.engine}"
    if option.envoy:
        command += f" --envoy {shlex.quote(_envoy(item))}"
    return f"{command} --keep"


def _envoy(item: pytest.Function) -> str:
    """What chooses the test's own Envoy again, of those that were asked for."""
    given: str = item.config.option.envoy
    name = release_of(item)
    own = [each for each in given.split(",") if each == name or each.startswith(f"{name}=")]
    return own[0] if own else name or given
