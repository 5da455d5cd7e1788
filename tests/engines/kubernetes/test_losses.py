"""What others do to Pods under a run: read off their states without a cluster, and on a real one."""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import LostError, TakeoverError
from takeover.engines.kubernetes import watching
from takeover.engines.kubernetes.losses import Losses
from takeover.engines.kubernetes.refusals import ApiError, UnwellError, refusal
from takeover.engines.kubernetes.watching import Watch
from takeover.scenario.library import Library
from tests.engines.kubernetes.real_cluster import CONTEXT, RELEASE, asking, needed, new_engine
from tests.run.outside import ROOT

READY = {"type": "Ready", "status": "True"}


def pod(*conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "n", "uid": "1", **more.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": {"conditions": list(conditions), **more}}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (pod(READY), ""),
        (pod(), ""),
        (pod({**READY, "status": "False", "reason": "ContainersNotReady"}), ""),
        (pod(phase="Failed"), ""),  # its containers ended: that may be Envoy's own doing
        (pod({**READY, "status": "False"}), "is on node n1, which does not answer"),
        (pod(READY, metadata={"deletionTimestamp": "2031"}), "is being deleted by somebody (until 2031)"),
        (pod(phase="Failed", reason="Evicted", message="no\nroom"), "failed: Evicted: no room"),
        (
            pod({"type": "DisruptionTarget", "status": "True", "reason": "Preempted", "message": "by x"}),
            "has to go: Preempted: by x",
        ),
    ],
)
def test_what_a_pods_state_says(found: dict[str, Any], told: str) -> None:
    assert watching.lost(found) == told


class FakeApi:
    """Lists once what there is, then something else; the watch between both is cut off."""

    def __init__(self, *lists: list[dict[str, Any]]) -> None:
        self._lists = list(lists)

    async def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"items": self._lists.pop(0), "metadata": {"resourceVersion": "1"}}

    async def watch(self, *_: Any) -> Any:
        if not self._lists:
            await asyncio.sleep(60)
        nothing: list[dict[str, Any]] = []
        for event in nothing:
            yield event


class FakePod:
    key, uid = "p", "1"


def test_a_deletion_while_the_server_was_away_is_noticed() -> None:
    api: Any = FakeApi([pod(READY)], [])

    async def look() -> str:
        async with Watch(api, "/api/v1/pods", "") as watch:
            await watch.until(lambda seen: True if not seen else None, 60, lambda _: "still there")
            pods: Any = [FakePod()]
            return Losses(api, "s", watch).noticed(pods)

    assert asyncio.run(look()) == "Pod p was deleted by somebody"


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (500, "dial tcp: refused", UnwellError),
        (503, "", UnwellError),
        (429, "too many", UnwellError),
        (403, 'RBAC: clusterrole "x" not found', UnwellError),
        (500, "failed to create typed patch object: field not declared", ApiError),
        (403, "exceeded quota", ApiError),
        (404, "not found", ApiError),
    ],
)
def test_a_server_that_is_unwell_is_told_from_one_that_refuses(status: int, message: str, kind: type) -> None:
    assert type(refusal("ask", status, "", message)) is kind
    assert issubclass(kind, LostError) == (kind is UnwellError)


@needed
def test_a_pod_that_is_deleted_while_it_is_deployed_is_told_at_once() -> None:
    engine = new_engine()
    path = f"/api/v1/namespaces/takeover-{engine.run_id}-1-default/pods/envoy-traffic-mock"
    outcome: list[object] = []

    def deploy() -> None:
        try:
            outcome.append(engine.deploy(Library.bundled().scenario("inbound-interception"), RELEASE))
        except TakeoverError as error:
            outcome.append(error)

    try:
        deploying = threading.Thread(target=deploy)
        began = time.monotonic()
        deploying.start()
        with asking() as ask:
            while ask(lambda api: api.delete(path, grace=0)) is None:
                assert time.monotonic() - began < 120
        deploying.join(300)
        assert isinstance(outcome[0], LostError)
        assert "Pod envoy-traffic-mock" in str(outcome[0])
        assert "deleted" in str(outcome[0])
    finally:
        engine.close()


SUITE = """
import os, pytest
from tests.engines.kubernetes.real_cluster import asking
pytestmark = pytest.mark.scenario("inbound-interception")

def ask(scene):
    with scene.watched() as observed:
        assert scene.ask("client/client", f"http://{scene.pod('envoy-traffic-mock').ip}/").status_code == 200

def test_before(scene):
    ask(scene)

def test_while_it_goes(scene):
    pod = scene.pod("envoy-traffic-mock")
    path = f"/api/v1/namespaces/{pod.actual_namespace}/pods/{pod.name}"
    with asking() as api:
        api(lambda api: api.delete(path))
        while "Killing" not in str(api(lambda api: api.get(f"/api/v1/namespaces/{pod.actual_namespace}/events"))):
            pass  # what the cluster notes of it comes after the Pod is known to go
    for _ in range(5_000):  # until it is noticed
        ask(scene)

def test_while_it_goes_unnoticed(scene):
    pod = scene.pod("client/client")
    path = f"/api/v1/namespaces/{pod.actual_namespace}/pods/{pod.name}"
    with asking() as api:
        api(lambda api: api.delete(path, grace=0))
        while "deletionTimestamp" in str(api(lambda api: api.get(path.rpartition("/")[0]))):
            pass

def test_after(scene):
    ask(scene)
"""


@needed
def test_a_pod_that_somebody_deletes_is_no_verdict_on_envoy(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\npythonpath = {ROOT}\n")
    (tmp_path / "test_it.py").write_text(SUITE)
    options = ["--engine=kubernetes", f"--kube-context={CONTEXT}", f"--reports={tmp_path / 'reports'}"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path), "-n0", "-v", *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)

    assert result.returncode == 1, result.stdout
    assert re.search(r"\b2 passed, (.*, )?2 not judged in ", result.stdout)
    assert "Envoy does not take over" not in result.stdout
    assert "Killing: Stopping container envoyproxy" in result.stdout
    document = json.loads((tmp_path / f"reports/latest/results/{RELEASE.name}.json").read_bytes())
    states = [each["state"] for each in document["tests"]]
    assert states == ["pass", "not-judged", "not-judged", "pass"]
