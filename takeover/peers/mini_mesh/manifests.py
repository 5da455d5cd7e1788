"""What is read of Kubernetes' manifests: Services, and the Pods that they select."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takeover.peers.mini_mesh.addresses import is_address
from takeover.peers.yaml_data import YamlError, read_yaml

_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 253


class MeshError(ValueError):
    """What a person wrote is wrong, in one line."""


@dataclass(frozen=True)
class ServicePort:
    """A port of a Service, and the port of its Pods behind it: a number, or the name that a container gives it."""

    port: int
    target: int | str


@dataclass(frozen=True)
class Service:
    """A Service of the mesh.

    Args:
        name: `NAME` in the namespace default, `NAMESPACE/NAME` else.
        address: its ClusterIP.
        selector: the labels of the Pods behind it.
    """

    name: str
    namespace: str
    address: str
    ports: tuple[ServicePort, ...]
    selector: tuple[tuple[str, str], ...]

    def selects(self, workload: "Workload") -> bool:
        """Whether it leads to the Pods of that workload."""
        labels = dict(workload.labels)
        return self.namespace == workload.namespace and all(labels.get(key) == value for key, value in self.selector)


@dataclass(frozen=True)
class Workload:
    """A Pod, or the Pods of a Deployment.

    Args:
        is_many: whether it is a Deployment, whose Pods' names begin with its own.
        account: the Pods' service account: who they are to others.
        labels: of the Pods.
        ports: name → number of the containers' ports that have one.
    """

    name: str
    namespace: str
    is_many: bool
    account: str
    labels: tuple[tuple[str, str], ...]
    ports: tuple[tuple[str, int], ...]

    def has(self, pod: str, namespace: str) -> bool:
        """Whether the Pod of that name is one of its Pods."""
        is_named = pod.startswith(f"{self.name}-") if self.is_many else pod == self.name
        return is_named and namespace == self.namespace

    def port_of(self, target: int | str) -> int | None:
        """The number of a Service's target port in its Pods; None where no container has the name."""
        return target if isinstance(target, int) else dict(self.ports).get(target)


@dataclass(frozen=True)
class Manifests:
    """What a folder's manifests say."""

    services: tuple[Service, ...]
    workloads: tuple[Workload, ...]

    def workload(self, pod: str, namespace: str) -> Workload | None:
        """Whose Pod that is: a Pod of just that name, else the Deployment with the longest name."""
        found = [each for each in self.workloads if each.has(pod, namespace)]
        return max(found, key=lambda each: (not each.is_many, len(each.name)), default=None)

    def behind(self, service: Service) -> list[Workload]:
        """The workloads to which the Service leads."""
        return [each for each in self.workloads if service.selects(each)]

    def service(self, name: str) -> Service | None:
        """The Service of that name."""
        return next((each for each in self.services if each.name == name), None)


def read_manifests(files: Iterable[Path]) -> Manifests:
    """Reads Services with an address and a port of TCP, Pods and Deployments, those of a `kind: List` among them.

    All else is passed over, as it is somebody else's.

    Raises: MeshError that names the file.
    """
    services: list[Service] = []
    workloads: list[Workload] = []
    seen: dict[str, Path] = {}
    for file in sorted(files):
        for data in _documents(file):
            kind = data.get("kind")
            try:
                if kind == "Service" and _has_address(data) and (service := _service(data)).ports:
                    addresses = (f"{service.address} port {each.port}" for each in service.ports)
                    _once(seen, [f"{kind} {service.name}", *addresses], file)
                    services.append(service)
                elif kind in ("Pod", "Deployment"):
                    workload = _workload(data, is_many=kind == "Deployment")
                    _once(seen, [f"{kind} {workload.name} of namespace {workload.namespace}"], file)
                    workloads.append(workload)
            except MeshError as error:
                raise MeshError(f"{_called(data, file)}: {error}") from None
            except (KeyError, TypeError, AttributeError) as error:
                raise MeshError(f"{_called(data, file)} without what the mesh needs of it: {error}") from error
    return Manifests(tuple(services), tuple(workloads))


def _once(seen: dict[str, Path], names: Iterable[str], file: Path) -> None:
    """Raises: MeshError for what is there already: to Envoy, two of one name, or of one address, are the same."""
    for each in names:
        if each in seen:
            raise MeshError(f"{each} is there already, in {seen[each].name}")
        seen[each] = file


def _documents(file: Path) -> list[Mapping[str, Any]]:
    """What the file holds that may be objects, those of lists each by itself."""
    try:
        left = read_yaml(file.read_text(encoding="utf-8"))
    except (YamlError, UnicodeDecodeError) as error:
        raise MeshError(f"{file.name}: no YAML: {error}") from error
    found: list[Mapping[str, Any]] = []
    while left:
        data = left.pop(0)
        if not isinstance(data, dict):
            continue
        if not (str(data.get("kind")).endswith("List") and "items" in data):  # as kubectl has it
            found.append(data)
            continue
        items = [] if data["items"] is None else data["items"]
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            raise MeshError(f"{_called(data, file)}: its items must be a list of objects")
        left[:0] = items
    return found


def _called(data: Mapping[str, Any], file: Path) -> str:
    """How an object is called in a message: by its file, its kind, and its name if it has one."""
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{file.name}: {data['kind']}{'' if name is None else f' {name}'}"


def _named(data: Mapping[str, Any]) -> tuple[str, str]:
    metadata = data["metadata"]
    return _name(metadata["name"], "name"), _name(metadata.get("namespace") or "default", "namespace")


def _name(written: Any, field: str) -> str:
    """A name as Kubernetes takes it: it becomes a part of Envoys' names for things, and of an identity."""
    if not isinstance(written, str) or len(written) > _LONGEST_NAME or not _NAME.fullmatch(written):
        raise MeshError(f"{field} {ascii(written)[:80]} must be of small letters, digits, - and .")
    return written


def _has_address(data: Mapping[str, Any]) -> bool:
    """Whether it is dialled by an address of its own: a headless one is not, its Pods are."""
    return data["spec"].get("clusterIP") not in (None, "", "None")


def _service(data: Mapping[str, Any]) -> Service:
    (name, namespace), spec = _named(data), data["spec"]
    ports = [each for each in spec["ports"] if each.get("protocol", "TCP") == "TCP"]
    short = name if namespace == "default" else f"{namespace}/{name}"
    address = str(spec["clusterIP"])
    if not is_address(address):
        raise MeshError(f"clusterIP {address} is no IP address")
    return Service(short, namespace, address, tuple(map(_service_port, ports)), tuple(spec["selector"].items()))


def _service_port(data: Mapping[str, Any]) -> ServicePort:
    target = data.get("targetPort", data["port"])
    return ServicePort(_port(data["port"], "port"), target if isinstance(target, str) else _port(target, "targetPort"))


def _port(written: Any, field: str) -> int:
    if type(written) is not int or not 0 < written < 1 << 16:
        raise MeshError(f"{field} {written!r} must be a number from 1 to 65535")
    return written


def _workload(data: Mapping[str, Any], is_many: bool) -> Workload:
    name, namespace = _named(data)
    pod = data["spec"]["template"] if is_many else data
    labels = pod["metadata"].get("labels") or {}
    ports = {
        str(port["name"]): _port(port["containerPort"], "containerPort")
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or []
        if "name" in port
    }
    account = _name(pod["spec"].get("serviceAccountName") or "default", "serviceAccountName")
    return Workload(name, namespace, is_many, account, tuple(labels.items()), tuple(ports.items()))
