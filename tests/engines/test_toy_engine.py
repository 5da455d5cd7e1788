"""An engine from outside of the package, by registration alone: a run chooses it, and the contract's tests take it."""

import json
from pathlib import Path

import pytest

from takeover.envoy.releases import resolve
from tests.run.outside import ROOT, run

TOY = """
import dataclasses, pathlib

from takeover.engines import choose
from takeover.engines.local.engine import LocalEngine

TOLD = pathlib.Path(__file__).with_name("told")


class ToyEngine:
    name = "toy"
    concurrency = LocalEngine.concurrency

    def __init__(self, inner, heard=None):
        self._inner, self._heard = inner, heard

    def deploy(self, scenario, envoy):
        with TOLD.open("a") as file:
            file.write(f"{scenario.name} {envoy.name} {self._heard}\\n")
        return self._inner.deploy(scenario, envoy)

    def for_workers(self):
        return {"made by": "the controller"}

    def close(self):
        self._inner.close()


class DisorderlyEngine(ToyEngine):
    def deploy(self, scenario, envoy):
        deployment = super().deploy(scenario, envoy)
        for pod in deployment.pods.values():
            pod.containers = dict(reversed(pod.containers.items()))
        return deployment


def make(options, releases, tell):
    tell("making a toy")
    return ToyEngine(choose.engine(dataclasses.replace(options, name="local"), releases, tell), options.from_controller)


choose.register("toy", make, shared=True)
choose.register("impatient-toy", lambda *_: ToyEngine(LocalEngine({}, ready_timeout=8.0)))
choose.register("disorderly", lambda *_: DisorderlyEngine(LocalEngine({})))
"""
SUITE = """
import pytest
pytestmark = pytest.mark.scenario("inbound-interception")

def test_that_passes(scene):
    assert scene.ask("client/client", f"http://{scene.pod('envoy-traffic-mock').ip}/").status_code == 200
"""
CONTRACT = """
import contextlib
import pytest
from takeover.engines import choose
from takeover.engines.conformance.deployments import DeploymentContract
from takeover.engines.conformance.network import NetworkContract
from takeover.engines.conformance.replicas import ReplicasContract
from takeover.envoy.releases import resolve

def made(name):
    return contextlib.closing(choose.engine(choose.EngineOptions(name, {}), [], print))

@pytest.fixture(scope="session")
def envoy():
    return resolve(None)[0]

@pytest.fixture(scope="session")
def engine():
    with made("ENGINE") as engine:
        yield engine

@pytest.fixture(scope="session")
def impatient_engine():
    with made("impatient-toy") as engine:
        yield engine

class TestToy(DeploymentContract, NetworkContract, ReplicasContract):
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "conftest.py").write_text(TOY)
    return tmp_path


def test_a_run_chooses_it_and_its_workers_hear_of_the_controllers(folder: Path) -> None:
    (folder / "test_it.py").write_text(SUITE)
    result = run(str(folder), "--engine", "toy", "-n", "1")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "engine: toy" in result.stdout
    assert "making a toy" in result.stdout
    told = (folder / "told").read_text().splitlines()
    assert [line for line in told if "{'made by': 'the controller'}" in line] == told
    assert told[0].startswith("inbound-interception ")


def test_of_an_image_the_document_says_what_the_deployed_envoy_says(folder: Path) -> None:
    release = resolve(None)[0]
    options = ["--engine=toy", "-n0", "--probes", "-m", "probes", "-k", "inbound-interception or facts"]
    result = run("suites/inbound", "-p", "conftest", "-o", f"pythonpath={folder}", f"--reports={folder}/r", *options)

    assert result.returncode == 0, result.stdout + result.stderr
    assert f"envoy: {release.name} (an image's)" in result.stdout
    document = json.loads((folder / "r/latest/results" / f"{release.name}.json").read_bytes())
    assert document["envoy"] == {
        "name": release.name,
        "version": release.version,
        "commit": release.commit,
        "build": release.build,
        "sha256": "",
    }
    # The inventory would be of a file that nobody ran.
    assert (document["configs"], document["binary"]) == ([], None)
    assert not any("facts" in each["id"] for each in document["tests"])


def test_one_image_is_not_several_envoys(folder: Path) -> None:
    same, other = folder / "same", folder / "other"
    for name, version in ((same, "1.40.0"), (other, "1.41.0")):
        name.write_text(f'#!/bin/sh\necho "envoy  version: 0a/{version}/Clean/RELEASE/BoringSSL"\n')
        name.chmod(0o755)
    options = [str(folder), "--engine", "toy", "--image", "envoy=mine:1", "--collect-only", "-q"]

    result = run(*options, "--envoy", f"a={same},b={other}")

    assert result.returncode == 4
    assert result.stderr.strip() == (
        "ERROR: --image envoy=mine:1: one image is not several Envoys (a, b): run each with its image, and compare the "
        "results (takeover compare)"
    )
    assert run(*options, "--envoy", f"a={same},b={same}").returncode == 5  # one under two names: there are no tests


def test_where_it_is_not_registered_the_names_are_told(folder: Path) -> None:
    (folder / "conftest.py").unlink()
    result = run(str(folder), "--engine", "toy")

    assert result.returncode == 4
    assert result.stderr.strip() == "ERROR: --engine: no engine 'toy'; there are local, kubernetes, kind"


def test_the_contracts_tests_take_it(folder: Path) -> None:
    (folder / "test_it.py").write_text(CONTRACT.replace("ENGINE", "toy"))
    result = run(str(folder), "-k", "not mebibytes", "-n0")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "workshop" in (folder / "told").read_text()


def test_the_contracts_tests_fail_where_it_breaks_the_contract_and_show_how(folder: Path) -> None:
    (folder / "test_it.py").write_text(CONTRACT.replace("ENGINE", "disorderly"))
    result = run(str(folder), "-k", "those_that_run_in_order", "-n0")

    assert result.returncode == 1
    assert "At index 0 diff: 'web' != 'main'" in result.stdout
