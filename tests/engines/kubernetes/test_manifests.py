"""From manifests to a run's objects: names, labels, images, users."""

from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.engines.kubernetes import objects, readiness
from takeover.engines.kubernetes.images import Images
from takeover.engines.kubernetes.objects import Naming

NAMING = Naming("cafe0123", 7, "a-scenario")
IMAGES = Images({"relay": "registry.test/python:3"}, "1.40.0")


def pod(**spec: Any) -> dict[str, Any]:
    containers = [
        {"name": "nginx", "image": "nginx:1.18-alpine"},
        {"name": "envoyproxy", "image": "envoyproxy/envoy:v1.0.0"},
    ]
    spec = {"containers": containers, **spec}
    metadata = {"name": "gateway", "namespace": "default", "labels": {"app": "gateway"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def service(**spec: Any) -> dict[str, Any]:
    spec = {"selector": {"app": "gateway"}, "ports": [{"port": 80}], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "gateway", "namespace": "default"},
        "spec": spec,
    }


def test_envoys_image_follows_the_version_and_choices_replace_defaults() -> None:
    images = Images({"nginx": "registry.test/nginx:9"}, "1.36.2")
    for repository in ("envoy", "envoy-alpine", "envoy-distroless", "envoy-contrib"):
        assert images.for_manifest(f"envoyproxy/{repository}:v1.30.0", "here") == "envoyproxy/envoy:v1.36.2"
    assert images.for_manifest("nginx:1.18-alpine", "here") == "registry.test/nginx:9"
    assert images.for_manifest("own/image", "here") == "own/image"


@pytest.mark.parametrize("version", ["1.36.2.post1", "1.41.0.dev0"])
def test_a_version_without_an_image_tag_is_refused(version: str) -> None:
    with pytest.raises(BadInputError, match="--image envoy=REFERENCE"):
        Images({}, version)
    assert Images({"envoy": "own/envoy"}, version).of_role("envoy") == "own/envoy"


@pytest.mark.parametrize(
    ("chosen", "policy"), [({}, "Never"), ({"peers": "registry.test/peers:3"}, "IfNotPresent")], ids=["ours", "another"]
)
def test_our_own_image_is_pulled_from_nowhere_unless_another_is_named(chosen: dict[str, str], policy: str) -> None:
    manifest = pod(containers=[{"name": "python", "image": "envoy-takeover/peers", "imagePullPolicy": "Never"}])
    images = Images(chosen, "1.40.0")
    [made] = NAMING.object(manifest, images)["spec"]["containers"]
    assert (made["image"], made["imagePullPolicy"]) == (images.of_role("peers"), policy)


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(BadInputError, match="'nginxx'; there are nginx, iptables, envoy, relay, peers"):
        Images({"nginxx": "a"}, "1.40.0")


def test_a_pod_of_a_run() -> None:
    manifest = pod()
    made = NAMING.object(manifest, IMAGES)
    assert made["metadata"]["namespace"] == "takeover-cafe0123-7-default"
    assert made["metadata"]["labels"] == {
        "app": "gateway",
        "app.kubernetes.io/managed-by": "envoy-takeover",
        "envoy-takeover/run": "cafe0123",
        "envoy-takeover/deployment": "cafe0123-7",
    }
    assert [each["image"] for each in made["spec"]["containers"]] == ["nginx:1.18-alpine", "envoyproxy/envoy:v1.40.0"]
    assert {each["imagePullPolicy"] for each in made["spec"]["containers"]} == {"IfNotPresent"}
    assert manifest == pod()


def test_a_manifests_own_choices_stay() -> None:
    containers = [{"name": "c", "image": "own/image", "imagePullPolicy": "Always"}]
    made = NAMING.object(pod(automountServiceAccountToken=True, containers=containers), IMAGES)
    assert made["spec"]["automountServiceAccountToken"] is True
    assert made["spec"]["containers"][0]["imagePullPolicy"] == "Always"


def test_the_cluster_chooses_a_services_address() -> None:
    assert "clusterIP" not in NAMING.object(service(clusterIP="10.107.42.16"), IMAGES)["spec"]
    assert NAMING.object(service(clusterIP="None"), IMAGES)["spec"]["clusterIP"] == "None"


def test_what_a_test_may_change_is_not_immutable() -> None:
    metadata = {"name": "c", "namespace": "default"}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}, "immutable": True}
    made = NAMING.object(manifest, Images({}, "1.40.0"))
    assert ("immutable" in made, made["data"]) == (False, {"a": "b"})


def test_a_namespace_of_a_run_allows_net_admin_and_names_its_maker() -> None:
    metadata = NAMING.namespace_object("v1")["metadata"]
    assert metadata["name"] == "takeover-cafe0123-7-v1"
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert metadata["annotations"]["envoy-takeover/scenario"] == "a-scenario"
    assert metadata["annotations"]["envoy-takeover/pid"].isdigit()


def test_a_namespace_that_gets_too_long_is_refused() -> None:
    with pytest.raises(BadInputError, match="at most 43 characters"):
        NAMING.actual("n" * 44)
    assert len(NAMING.actual("n" * 43)) == 63


def test_another_kind_is_refused() -> None:
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "default"}}
    with pytest.raises(BadInputError, match="Deployment default/d: the kubernetes engine takes"):
        NAMING.object(manifest, IMAGES)


@pytest.mark.parametrize(
    ("of_pod", "of_container", "expected"),
    [
        ({}, {}, (0, 0)),
        ({}, {"runAsUser": 1337, "runAsGroup": 1337}, (1337, 1337)),
        ({"runAsUser": 5, "runAsGroup": 6}, {"runAsUser": 7}, (7, 6)),
    ],
)
def test_the_user_of_a_container(
    of_pod: dict[str, int], of_container: dict[str, int], expected: tuple[int, int]
) -> None:
    containers = [{"name": "c", "image": "own/image", "securityContext": of_container}]
    assert objects.user(pod(securityContext=of_pod, containers=containers), "c") == expected


def test_a_service_selects_pods_of_its_namespace_by_all_labels() -> None:
    elsewhere = pod()
    elsewhere["metadata"]["namespace"] = "v1"
    assert objects.selects(service(), pod())
    assert not objects.selects(service(), elsewhere)
    assert not objects.selects(service(selector={"app": "gateway", "tier": "x"}), pod())
    assert not objects.selects(service(selector={}), pod())


class FakePod:
    def __init__(self, manifest: dict[str, Any]) -> None:
        self.manifest = manifest


def test_services_are_tried_from_a_pod_that_nothing_intercepts() -> None:
    intercepted = FakePod(pod(initContainers=[{"name": "init", "image": "bgiddings/iptables"}]))
    client = FakePod({**pod(), "metadata": {"name": "client", "namespace": "client", "labels": {"app": "client"}}})
    pods: Any = [intercepted, client]
    services = {"gateway": service()}
    assert readiness.scout(pods, services) is pods[1]
    assert readiness.clients(pods, services) == pods[1:]
    alone: Any = [intercepted]
    assert readiness.clients(alone, services) == alone
