"""What a cluster's quotas, policies and finalizers do to a run: one line each. On a real cluster."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError, NotRemovedError
from takeover.engines.kubernetes import removal
from takeover.engines.kubernetes.engine import KubernetesEngine
from takeover.scenario.library import Library
from tests.engines.kubernetes.real_cluster import CONTEXT, RELEASE, asking, needed, new_engine
from tests.run.outside import ROOT

pytestmark = needed
_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


@contextmanager
def policy(resource: str, expression: str, message: str) -> Iterator[None]:
    """Forbids what is of the test's run, by an admission policy of the cluster itself."""
    name = f"takeover-test-{resource.replace('/', '-')}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": [resource]}
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression, "message": message, "reason": "Forbidden"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    with asking() as ask:
        try:
            ask(lambda api: api.apply(f"{_POLICIES}/{name}", body))
            ask(lambda api: api.apply(f"{_POLICIES.removesuffix('ies')}ybindings/{name}", binding))
            yield
        finally:
            ask(lambda api: api.delete(f"{_POLICIES.removesuffix('ies')}ybindings/{name}"))
            ask(lambda api: api.delete(f"{_POLICIES}/{name}"))


@pytest.mark.parametrize(
    ("resource", "expression"),
    [
        ("namespaces", "!object.metadata.name.startsWith('takeover-{run}-')"),
        ("pods", "!object.metadata.namespace.startsWith('takeover-{run}-')"),
        (
            "pods/ephemeralcontainers",
            "!object.metadata.namespace.startsWith('takeover-{run}-') ||"
            " !object.spec.ephemeralContainers.exists(each, each.name == 'takeover-rules')",
        ),
    ],
)
def test_what_a_policy_forbids_is_told_in_one_line(resource: str, expression: str) -> None:
    engine = new_engine()
    try:
        with policy(resource, expression.replace("{run}", engine.run_id), "not here, says the house"):
            told = until_refused(engine)
    finally:
        engine.close()
    assert "\n" not in told
    assert "not here, says the house" in told
    assert "a policy, a quota or the rights" in told


def until_refused(engine: KubernetesEngine) -> str:
    """Deploys until the API server has learned of the policy, which takes it a moment. Returns what was told then."""
    scenario = Library.bundled().scenario("inbound-interception")
    for attempt in Retrying(stop=stop_after_delay(300), wait=wait_fixed(0.2), reraise=True):
        with attempt:
            engine.connected().tried.clear()
            try:
                engine.deploy(scenario, RELEASE).delete()
            except BadInputError as error:
                return str(error)
            raise AssertionError("nothing was refused")
    raise AssertionError("not reached")


def test_a_quota_that_is_used_up_is_told_in_one_line() -> None:
    engine = new_engine()
    namespace = f"takeover-{engine.run_id}-1-default"
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    made: list[object] = []
    with asking() as ask:
        # As whoever runs the cluster: it is there before the engine makes its namespace anew.
        ask(lambda api: api.apply(f"/api/v1/namespaces/{namespace}", as_namespace(namespace)))
        ask(lambda api: api.apply(f"/api/v1/namespaces/{namespace}/resourcequotas/none", quota))
        for attempt in Retrying(stop=stop_after_delay(300), wait=wait_fixed(0.2)):
            with attempt:
                found = ask(lambda api: api.get(f"/api/v1/namespaces/{namespace}/resourcequotas/none"))
                assert found["status"]["hard"]
    try:
        with pytest.raises(BadInputError, match=r"exceeded quota: none.*a policy, a quota"):
            made.append(engine.deploy(Library.bundled().scenario("inbound-interception"), RELEASE))
    finally:
        engine.close()


def as_namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


HELD = {"metadata": {"finalizers": ["example.com/hold"]}}
LET_GO = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/hold"]}}


def test_what_holds_a_namespace_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = new_engine()
    engine.deploy(Library.bundled().scenario("inbound-interception"), RELEASE)
    path = f"/api/v1/namespaces/takeover-{engine.run_id}-1-default/configmaps/envoyconfig"
    with asking() as ask:
        ask(lambda api: api.merge(path, HELD))
        with monkeypatch.context() as patch:
            patch.setattr(removal, "_HELD_TIMEOUT", 10.0)
            with pytest.raises(NotRemovedError, match=r"-1-default \(.*example\.com/hold") as told:
                engine.close()
        ask(lambda api: api.merge(path, LET_GO))
    assert "-1-client" not in str(told.value)
    assert "look: kubectl " in str(told.value)
    again = new_engine(run_id=engine.run_id)
    again.connected()
    again.close()


SUITE = """
import pytest
from tests.engines.kubernetes.real_cluster import asking
from takeover.engines.kubernetes import removal
removal._HELD_TIMEOUT = 10.0

@pytest.mark.scenario("inbound-interception")
def test_it(scene):
    path = f"/api/v1/namespaces/{scene.pod('envoy-traffic-mock').actual_namespace}/configmaps/envoyconfig"
    print("held:", path)
    with asking() as ask:
        ask(lambda api: api.merge(path, {"metadata": {"finalizers": ["example.com/hold"]}}))
"""


def test_a_run_that_passed_has_passed_whatever_is_left(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\npythonpath = {ROOT}\n")
    (tmp_path / "test_it.py").write_text(SUITE)
    options = ["--engine=kubernetes", f"--kube-context={CONTEXT}", f"--reports={tmp_path}", "-s", "-n0"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path), *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    path = result.stdout.partition("held: ")[2].splitlines()[0]
    with asking() as ask:
        ask(lambda api: api.merge(path, LET_GO))

    assert result.returncode == 0, result.stderr
    assert "not all could be removed: still there: namespace takeover-" in result.stderr
    assert "example.com/hold" in result.stderr
