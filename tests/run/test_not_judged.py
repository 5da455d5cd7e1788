"""What was lost under a test is no verdict on Envoy, and told apart: with an engine that loses what it deployed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from takeover.envoy.pypi import installed
from tests.run.outside import ROOT

VERSION = installed()[0]

ENGINE = """
import pytest

from takeover.base.errors import LostError
from takeover.engines import choose
from takeover.engines.local.deployment import LocalDeployment
from takeover.engines.local.engine import LocalEngine

STATE = {"noticed": "", "asked": "", "away": True}


def loss(self, since=None):
    if self is not STATE.get("of"):
        return None
    what = STATE["noticed"] or (since is not None and STATE["asked"])
    return LostError(what, {"events of outpod": "12:00 Killing: Stopping"}) if what else None


LocalDeployment.loss = loss


class Engine(LocalEngine):
    def deploy(self, scenario, envoy):
        if scenario.name == "outbound-block-all" and STATE.pop("away", False):
            raise LostError("the API server does not answer any more")
        return super().deploy(scenario, envoy)


choose.register("lossy", lambda *_: Engine({}))


@pytest.fixture
def state(scene):
    STATE.update(of=scene.deployment, noticed="", asked="")
    return STATE
"""
SUITE = """
import pytest
from takeover.base.errors import LostError
pytestmark = pytest.mark.scenario("inbound-interception")

def test_passes(scene):
    pass

def test_asserts_something_of_what_is_gone(scene, state):
    state["before"] = scene
    state["asked"] = "Pod outpod was deleted"
    assert not "answered"

def test_after(scene, state):
    assert state["before"] is not scene

def test_is_told_by_an_error(scene):
    raise LostError("it was cut off")

def test_makes_another_error_of_it(scene):
    try:
        raise LostError("it was cut off")
    except LostError:
        raise AssertionError("no answer") from None

def test_passes_though_it_is_gone(scene, state):
    state["noticed"] = "Pod outpod was deleted"

@pytest.mark.xfail(reason="a bug of theirs")
def test_is_known_to_fail(scene, state):
    state["asked"] = "Pod outpod was deleted"
    assert not "answered"

def test_is_lost_between_two_tests(scene, state):
    state["before"] = scene

def test_gets_another_deployment(scene, state):
    assert state["before"] is not scene

def test_skips(scene, state):
    state["asked"] = "Pod outpod was deleted"
    pytest.skip("for a reason")

def test_fails(scene, state):
    assert not "answered"

@pytest.mark.scenario("outbound-block-all")
def test_is_not_even_deployed(scene):
    pass

@pytest.mark.scenario("outbound-block-all")
def test_is_deployed_when_all_is_well_again(scene):
    pass
"""
CONFTEST = (
    ENGINE
    + """
def pytest_runtest_teardown(item):
    if "between_two" in item.name:
        STATE["noticed"] = "Pod outpod was deleted"
"""
)
NOT_JUDGED = {
    "test_asserts_something_of_what_is_gone": "Pod outpod was deleted",
    "test_is_told_by_an_error": "it was cut off",
    "test_makes_another_error_of_it": "it was cut off",
    "test_passes_though_it_is_gone": "Pod outpod was deleted",
    "test_is_known_to_fail": "Pod outpod was deleted",
    "test_is_not_even_deployed": "the API server does not answer any more",
}
PASSES = [
    "test_passes",
    "test_after",
    "test_is_lost_between_two_tests",
    "test_gets_another_deployment",
    "test_is_deployed_when_all_is_well_again",
]


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    (folder / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--engine=lossy", "--reports=reports"]
    return subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_what_was_lost_is_told_apart(tmp_path: Path, workers: str) -> None:
    result = run(tmp_path, workers)

    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    counted = rf"\b1 failed, {len(PASSES)} passed, 1 skipped, (1 warning, )?{len(NOT_JUDGED)} not judged in "
    assert re.search(counted, result.stdout)
    failures = result.stdout.partition("= FAILURES =")[2].partition("not judged: lost while they ran")
    assert "test_fails" in failures[0]
    assert not any(name in failures[0] for name in NOT_JUDGED)
    assert failures[2].count("12:00 Killing: Stopping") == 1
    assert all(f"not judged: test_it.py::{name}[" in failures[2] for name in NOT_JUDGED)

    latest = tmp_path / "reports" / "latest"
    document = json.loads((latest / "results" / f"{VERSION}.json").read_bytes())
    told = {each["name"].partition("::")[2]: (each["state"], each["reason"]) for each in document["tests"]}
    assert {name: reason for name, (state, reason) in told.items() if state == "not-judged"} == NOT_JUDGED
    assert [name for name, (state, _) in told.items() if state == "pass"] == PASSES
    assert [name for name, (state, _) in told.items() if state == "fail"] == ["test_fails"]

    [suite] = ElementTree.parse(latest / "junit.xml").getroot()  # noqa: S314 - our own
    assert (suite.get("errors"), suite.get("failures"), suite.get("skipped")) == (str(len(NOT_JUDGED)), "1", "1")
    errors = {str(case.get("name")).partition("[")[0] for case in suite if case.find("error") is not None}
    assert errors == set(NOT_JUDGED)
    summary = (latest / "summary.md").read_text()
    assert "1 of 13 tests failed, in inbound-interception; 6 tests could not be judged" in summary
    assert "not judged" in (latest / "index.html").read_text()


def test_nothing_is_proved_where_something_was_lost(tmp_path: Path) -> None:
    result = run(tmp_path, "-n0", "-k", "test_passes")

    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    summary = (tmp_path / "reports/latest/summary.md").read_text()
    assert "Nothing is proved on Envoy" in summary
    assert "takes over" not in summary


def test_a_sabotage_is_not_caught_by_a_loss(tmp_path: Path) -> None:
    result = run(tmp_path, "-n0", "--sabotage=inbound-interception/rule-missing", "-k", "makes_another")

    assert "0 of 1 sabotages caught" in result.stdout
    assert "1 ended by the loss of what it ran on" in result.stdout
