"""Documents of Kubernetes for tests of what the local engine takes of them."""

from typing import Any

from takeover.scenario.documents import REPLICA


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    first = {"name": "a", "image": "nginx"}
    second = {"name": "b", "image": "nginx"} | (container or {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [first, second], **spec},
    }


def replica(container: dict[str, Any]) -> dict[str, Any]:
    made = pod(container)
    return made | {"metadata": {"name": "a-web-bcd-fgh", "annotations": {REPLICA: "a-web-0"}}}


def service(**spec: Any) -> dict[str, Any]:
    spec = {"selector": {"app": "a"}, "ports": [{"port": 80}]} | spec
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


def named(kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
    spec = {"spec": pod()["spec"]} if kind == "Pod" else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **spec}


def config_map(data: dict[str, str], binary: dict[str, str] | None = None) -> dict[str, Any]:
    more = {} if binary is None else {"binaryData": binary}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data, **more}


def secret(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, **fields}


def secret_items(*items: dict[str, Any]) -> dict[str, Any]:
    return pod(volumes=[{"name": "v", "secret": {"secretName": "s", "items": list(items)}}])


def projected(*sources: dict[str, Any]) -> dict[str, Any]:
    return pod(volumes=[{"name": "v", "projected": {"sources": list(sources)}}])


def fields(*paths: str, fieldPath: str = "metadata.name", **more: int) -> dict[str, Any]:  # noqa: N803 - Kubernetes'
    return {"downwardAPI": {"items": [{"path": each, "fieldRef": {"fieldPath": fieldPath}, **more} for each in paths]}}


def variable(source: dict[str, Any], **more: str) -> dict[str, Any]:
    return pod({"env": [{"name": "A", "valueFrom": source, **more}]})


def sub_path(path: str) -> dict[str, Any]:
    return pod({"volumeMounts": [mount("/v") | {"subPath": path}]})


def volume(name: str) -> dict[str, Any]:
    return {"name": name, "emptyDir": {}}


def mount(path: str) -> dict[str, str]:
    return {"name": "v", "mountPath": path}
