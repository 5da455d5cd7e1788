"""The Kubernetes objects that the local engine understands, by their form; see `parsing` and `object_rules`.

Shapes and defaults are those of the Kubernetes API reference (core/v1).
"""

import binascii
import ipaddress
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from takeover.engines.local.security import PodSecurityContext, SecurityContext
from takeover.engines.local.strict_object import StrictObject
from takeover.engines.local.volumes import FieldReference, Volume


class Metadata(StrictObject, frozen=True):
    name: str
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class NamespaceSpec(StrictObject, frozen=True):
    finalizers: list[Literal["kubernetes"]] = []


class Namespace(StrictObject, frozen=True):
    """Its spec says what the API server writes there."""

    api_version: Literal["v1"]
    kind: Literal["Namespace"]
    metadata: Metadata
    spec: NamespaceSpec = NamespaceSpec()


class ConfigMap(StrictObject, frozen=True):
    api_version: Literal["v1"]
    kind: Literal["ConfigMap"]
    metadata: Metadata
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}
    immutable: bool = False

    @property
    def contents(self) -> dict[str, bytes]:
        """What is in its files, text or not."""
        binary = {key: binascii.a2b_base64(_joined(text)) for key, text in self.binary_data.items()}
        return {key: text.encode() for key, text in self.data.items()} | binary

    def wrong_base64(self, key: str) -> bool:
        """Whether that value of binaryData is no base64, in which lines may end."""
        return _is_no_base64(self.binary_data[key])


def _is_no_base64(lines: str) -> bool:
    try:
        binascii.a2b_base64(_joined(lines), strict_mode=True)
    except ValueError:
        return True
    return False


def _joined(lines: str) -> str:
    return lines.replace("\r", "").replace("\n", "")


class Secret(StrictObject, frozen=True):
    """`data` is in base64; `stringData` is not, and what it has stands in the place of that."""

    api_version: Literal["v1"]
    kind: Literal["Secret"]
    metadata: Metadata
    type: str = "Opaque"
    data: dict[str, str] = {}
    string_data: dict[str, str] = {}
    immutable: bool = False

    @property
    def contents(self) -> dict[str, bytes]:
        """What is in its files."""
        written = {key: binascii.a2b_base64(_joined(text)) for key, text in self.data.items()}
        return written | {key: text.encode() for key, text in self.string_data.items()}

    def wrong_base64(self, key: str) -> bool:
        """Whether that value of data is no base64, in which lines may end."""
        return _is_no_base64(self.data[key])


class ServicePort(StrictObject, frozen=True):
    port: int
    target_port: int | str | UnsetType = UNSET
    name: str = ""
    protocol: Literal["TCP"] = "TCP"
    app_protocol: str = ""


class ServiceSpec(StrictObject, frozen=True):
    """What follows `cluster_ips` has one value here, which the API server writes where nobody does."""

    selector: dict[str, str]
    ports: list[ServicePort] = []
    type: Literal["ClusterIP"] = "ClusterIP"
    session_affinity: Literal["None"] = "None"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    cluster_ips: list[str] = msgspec.field(default=[], name="clusterIPs")
    ip_families: list[Literal["IPv4"]] = []
    ip_family_policy: Literal["SingleStack", "PreferDualStack"] = "SingleStack"
    internal_traffic_policy: Literal["Cluster"] = "Cluster"
    publish_not_ready_addresses: Literal[False] = False

    def __post_init__(self) -> None:
        try:
            ipaddress.IPv4Address("0.0.0.0" if self.is_headless else self.cluster_ip or "0.0.0.0")  # noqa: S104 - any
        except ValueError:
            raise ValueError(
                f"clusterIP {self.cluster_ip!r} is no IPv4 address: give one, or leave the field out"
            ) from None

    @property
    def is_headless(self) -> bool:
        """Whether it has no address: its name has those of its Pods, and it need have no port."""
        return self.cluster_ip == "None"


class ServiceAccount(StrictObject, frozen=True):
    """Taken, and without effect: there is no API server that it could be known to."""

    api_version: Literal["v1"]
    kind: Literal["ServiceAccount"]
    metadata: Metadata
    automount_service_account_token: bool = False
    secrets: list["LocalReference"] = []
    image_pull_secrets: list["LocalReference"] = []


class Service(StrictObject, frozen=True):
    api_version: Literal["v1"]
    kind: Literal["Service"]
    metadata: Metadata
    spec: ServiceSpec


class KeyReference(StrictObject, frozen=True):
    """A key of a ConfigMap or a Secret."""

    name: str
    key: str
    optional: bool = False


class ValueSource(StrictObject, frozen=True):
    config_map_key_ref: KeyReference | None = None
    secret_key_ref: KeyReference | None = None
    field_ref: FieldReference | None = None

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.config_map_key_ref, self.secret_key_ref, self.field_ref)) != 1:
            raise ValueError("a value is from exactly one of configMapKeyRef, secretKeyRef, fieldRef")


class EnvironmentVariable(StrictObject, frozen=True):
    name: str
    value: str = ""
    value_from: ValueSource | None = None

    def __post_init__(self) -> None:
        if self.value and self.value_from is not None:
            raise ValueError("a variable has either value or valueFrom")


class ObjectReference(StrictObject, frozen=True):
    """A whole ConfigMap or Secret."""

    name: str
    optional: bool = False


class EnvironmentSource(StrictObject, frozen=True):
    prefix: str = ""
    config_map_ref: ObjectReference | None = None
    secret_ref: ObjectReference | None = None

    def __post_init__(self) -> None:
        if (self.config_map_ref is None) == (self.secret_ref is None):
            raise ValueError("variables are from either a configMapRef or a secretRef")


class ContainerPort(StrictObject, frozen=True):
    container_port: int
    name: str = ""
    protocol: Literal["TCP", "UDP"] = "TCP"


class VolumeMount(StrictObject, frozen=True):
    name: str
    mount_path: str
    sub_path: str = ""
    read_only: bool = False
    mount_propagation: Literal["None"] = "None"


class Resources(StrictObject, frozen=True):
    limits: dict[str, str | int | float] = {}
    requests: dict[str, str | int | float] = {}


class HttpGet(StrictObject, frozen=True):
    port: int | str
    path: str = "/"
    scheme: Literal["HTTP"] = "HTTP"


class TcpSocket(StrictObject, frozen=True):
    port: int | str


class Exec(StrictObject, frozen=True):
    command: list[str]


class Probe(StrictObject, frozen=True):
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Exec | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3

    def __post_init__(self) -> None:
        if sum(action is not None for action in (self.http_get, self.tcp_socket, self.exec)) != 1:
            raise ValueError("a readinessProbe has exactly one of httpGet, tcpSocket, exec")


class Container(StrictObject, frozen=True):
    name: str
    image: str
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    command: list[str] = []
    args: list[str] = []
    env: list[EnvironmentVariable] = []
    env_from: list[EnvironmentSource] = []
    ports: list[ContainerPort] = []
    security_context: SecurityContext = SecurityContext()
    volume_mounts: list[VolumeMount] = []
    readiness_probe: Probe | None = None
    working_dir: str = "/"
    resources: Resources = Resources()
    termination_message_path: str = ""
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] = "File"

    def port_number(self, port: int | str) -> int | None:
        """The number of a port that may be given by its name; None when this container has no such name."""
        if isinstance(port, int):
            return port
        return next((each.container_port for each in self.ports if each.name == port), None)


class HostAlias(StrictObject, frozen=True):
    ip: str
    hostnames: list[str]


class LocalReference(StrictObject, frozen=True):
    name: str


class OperatingSystem(StrictObject, frozen=True):
    name: Literal["linux"]


class PodSpec(StrictObject, frozen=True):
    """What follows `host_ipc` is taken, and has no effect on one node without accounts."""

    containers: list[Container]
    init_containers: list[Container] = []
    volumes: list[Volume] = []
    host_aliases: list[HostAlias] = []
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Always"
    termination_grace_period_seconds: int = 30
    dns_policy: Literal["ClusterFirst"] = "ClusterFirst"
    enable_service_links: Literal[False] = False
    security_context: PodSecurityContext = PodSecurityContext()
    share_process_namespace: Literal[False] = False
    host_network: Literal[False] = False
    host_pid: Literal[False] = msgspec.field(default=False, name="hostPID")
    host_ipc: Literal[False] = msgspec.field(default=False, name="hostIPC")
    service_account_name: str = ""
    service_account: str = ""
    automount_service_account_token: bool = False
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, str | int]] = []
    affinity: dict[str, Any] = {}
    topology_spread_constraints: list[dict[str, Any]] = []
    image_pull_secrets: list[LocalReference] = []
    priority_class_name: str = ""
    priority: int = 0
    preemption_policy: Literal["PreemptLowerPriority", "Never"] = "PreemptLowerPriority"
    scheduler_name: str = ""
    os: OperatingSystem | None = None


class Pod(StrictObject, frozen=True):
    api_version: Literal["v1"]
    kind: Literal["Pod"]
    metadata: Metadata
    spec: PodSpec


Object = Namespace | ServiceAccount | ConfigMap | Secret | Service | Pod
Stored = ConfigMap | Secret


def full_name(parsed: Object) -> str:
    """`NAMESPACE/NAME`."""
    return f"{parsed.metadata.namespace}/{parsed.metadata.name}"
