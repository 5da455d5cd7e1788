"""Pods that a cluster does not admit: for an account that comes, for one that never does, for something else."""

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from takeover.base.errors import BadInputError, LostError, TakeoverError
from takeover.engines.kubernetes import KubernetesEngine, deployment
from takeover.scenario.edits import Edit, add
from takeover.scenario.library import Library
from tests.engines.kubernetes.fake_cluster import FakeCluster
from tests.engines.kubernetes.fake_server import kubeconfig, serving, status
from tests.engines.kubernetes.real_cluster import RELEASE

SCC = (
    'pods "outpod" is forbidden: unable to validate against any security context constraint: [provider "anyuid": '
    "Forbidden: not usable by user or serviceaccount, provider restricted-v2: Privileged containers are not allowed]"
)


def not_found(pod: dict[str, Any]) -> web.Response:
    """What the admission of service accounts says."""
    name, namespace = pod["spec"].get("serviceAccountName", "default"), pod["metadata"]["namespace"]
    why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
    return status(403, f'pods "{pod["metadata"]["name"]}" is forbidden: {why}', "Forbidden")


def deployed(path: Path, cluster: FakeCluster, scenario: str, *edits: Edit) -> TakeoverError:
    """How it fails to deploy the scenario."""
    with serving(cluster.answer) as port:
        engine = KubernetesEngine(kubeconfig=kubeconfig(path / "config", f"http://127.0.0.1:{port}"))
        try:
            with pytest.raises(TakeoverError) as caught:
                engine.deploy(Library.bundled().scenario(scenario).edited(edits), RELEASE)
        finally:
            engine._disconnect()
    return caught.value


def test_what_forbids_a_pod_for_its_account_is_told_at_once(tmp_path: Path) -> None:
    cluster = FakeCluster(lambda _: status(403, SCC, "Forbidden"))
    error = deployed(tmp_path, cluster, "outbound-block-all")
    assert isinstance(error, BadInputError)
    assert "unable to validate against any security context constraint" in str(error)
    assert "choose another cluster by --kube-context" in str(error)
    assert cluster.refused <= 3  # once for each Pod


def test_an_account_that_the_manifests_do_not_have_is_bad_input(tmp_path: Path) -> None:
    def admit(pod: dict[str, Any]) -> web.Response | None:
        return not_found(pod) if "serviceAccountName" in pod["spec"] else None

    edit = add("Pod/outpod", "$.spec", "serviceAccountName", "nobody")
    error = deployed(tmp_path, FakeCluster(admit), "outbound-block-all", edit)
    assert isinstance(error, BadInputError)
    assert str(error) == (
        "outbound-block-all: Pod outpod names service account nobody, which the manifests do not have"
    )


@pytest.mark.parametrize(("scenario", "given"), [("outbound-block-all", False), ("mini-mesh", True)])
def test_an_account_that_must_come_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenario: str, given: bool
) -> None:
    """Each namespace's own one, and those of the manifests."""

    def admit(pod: dict[str, Any]) -> web.Response | None:
        return not_found(pod) if ("serviceAccountName" in pod["spec"]) is given else None

    monkeypatch.setattr(deployment, "_SERVICE_ACCOUNT_TIMEOUT", 0.5)
    cluster = FakeCluster(admit)
    error = deployed(tmp_path, cluster, scenario)
    assert isinstance(error, LostError)
    assert re.search("the cluster's controllers do not work: .* not found", str(error))
    assert cluster.refused > 3
