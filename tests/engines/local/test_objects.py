"""What the local engine does not take is refused by its full path, never ignored."""

from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.engines.conformance.contract import single
from takeover.engines.contract import Engine
from takeover.engines.local import objects
from takeover.model.release import Release
from takeover.scenario.edits import Edit, add, append, replace


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    first = {"name": "a", "image": "nginx"}
    second = {"name": "b", "image": "nginx"} | (container or {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [first, second], **spec},
    }


def service(**spec: Any) -> dict[str, Any]:
    spec = {"selector": {"app": "a"}, "ports": [{"port": 80}]} | spec
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


PROBE = {"httpGet": {"port": 80}}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (pod({"livenessProbe": PROBE}), "Pod/web: spec.containers[1].livenessProbe is not supported"),
        (pod({"lifecycle": {}}), "Pod/web: spec.containers[1].lifecycle is not supported"),
        (pod({"envFrom": []}), "Pod/web: spec.containers[1].envFrom is not supported"),
        (pod({"env": [{"name": "A", "valueFrom": {}}]}), "Pod/web: spec.containers[1].env[0].valueFrom is not"),
        (pod({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "x"}]}), "volumeMounts[0].subPath is not"),
        (pod({"securityContext": {"readOnlyRootFilesystem": True}}), "[1].securityContext.readOnlyRootFilesystem is"),
        (pod({"readinessProbe": {"grpc": {"port": 1}}}), "spec.containers[1].readinessProbe.grpc is not supported"),
        (pod({"readinessProbe": PROBE | {"tcpSocket": {"port": 1}}}), "spec.containers[1].readinessProbe: a readiness"),
        (pod({"readinessProbe": {}}), "spec.containers[1].readinessProbe: a readinessProbe has exactly one of"),
        (pod({"readinessProbe": {"httpGet": {"port": 80, "scheme": "HTTPS"}}}), "readinessProbe.httpGet.scheme is not"),
        (pod({"ports": [{"containerPort": 80, "hostPort": 80}]}), "spec.containers[1].ports[0].hostPort is not"),
        (pod({"ports": [{"containerPort": "80"}]}), "spec.containers[1].ports[0].containerPort: Expected `int`"),
        (pod({"args": "x"}), "Pod/web: spec.containers[1].args: Expected `array`, got `str`"),
        (pod({"command": [1]}), "Pod/web: spec.containers[1].command[0]: Expected `str`, got `int`"),
        (pod(initContainers=[{"name": "i"}]), "Pod/web: spec.initContainers[0].image is missing"),
        (pod(hostNetwork=True), "Pod/web: spec.hostNetwork is not supported by the local engine; remove the field"),
        (pod(securityContext={}), "Pod/web: spec.securityContext is not supported"),
        (pod(restartPolicy="Sometimes"), "Pod/web: spec.restartPolicy: Invalid enum value 'Sometimes'"),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "Pod/web: spec.volumes[0].hostPath is not supported"),
        (pod(volumes=[{"name": "v"}]), "Pod/web: spec.volumes[0]: a volume is either a configMap or an emptyDir"),
        (pod(volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}]), "spec.volumes[0].emptyDir.medium is not"),
        (pod() | {"status": {}}, "Pod/web: status is not supported by the local engine; remove the field"),
        (pod() | {"apiVersion": "v2"}, "Pod/web: apiVersion: Invalid enum value 'v2'"),
        (service(type="NodePort"), "Service/web: spec.type: Invalid enum value 'NodePort'"),
        (service(clusterIP="None"), "Service/web: spec: clusterIP 'None' is no IPv4 address"),
        (service(sessionAffinity="ClientIP"), "Service/web: spec.sessionAffinity is not supported"),
        (service(ports=[{"port": 53, "protocol": "UDP"}]), "Service/web: spec.ports[0].protocol: Invalid enum value"),
        (
            {"kind": "Deployment", "metadata": {"name": "web"}},
            "Deployment/web: the local engine takes the kinds Namesp",
        ),
        ({"apiVersion": "v1"}, "None/(unnamed): the local engine takes the kinds Namespace, ConfigMap, Service, Pod"),
    ],
)
def test_refused_by_its_path(document: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError) as caught:
        objects.parse(document)

    assert told in str(caught.value)


MAIN = "$.spec.containers[0]"


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([replace("Pod/app", f"{MAIN}.image", "redis:7")], "image redis:7: nothing on this machine provides it"),
        ([add("Pod/app", MAIN, "tty", True)], "Pod/app: spec.containers[0].tty is not supported"),
        (
            [add("Pod/app", "$.spec", "volumes", [{"name": "v", "configMap": {"name": "nothing"}}])],
            "Pod/app: spec.volumes[v]: there is no ConfigMap nothing in namespace default",
        ),
        ([add("Pod/app", MAIN, "volumeMounts", [{"name": "v", "mountPath": "/v"}])], "container main mounts v, which"),
        ([append("Pod/app", "$.spec.containers", {"name": "before", "image": "nginx"})], "two containers are named"),
    ],
    ids=["image", "field", "ConfigMap", "volume", "name"],
)
def test_a_deployment_is_refused_in_one_line(
    engine: Engine,
    envoy: Release,
    edits: list[Edit],
    told: str,
) -> None:
    with pytest.raises(BadInputError) as caught:
        engine.deploy(single(edits), envoy)

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
