"""What Kubernetes refuses in objects whose form is right: names, numbers, what is there twice.

A node takes it for granted that all of this holds: names become those of files, numbers rules of iptables.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import UNSET

from takeover.base.addresses import is_address
from takeover.engines.local import objects, sysctls, variables, volume_rules, without_effect
from takeover.engines.local.inside import capabilities, dns
from takeover.engines.local.security import PodSecurityContext, SecurityContext
from takeover.engines.local.without_effect import Fault
from takeover.scenario import names
from takeover.scenario.yaml_text import Key

_LARGEST_ID = (1 << 31) - 1
_LONGEST_GRACE = 3_600  # the node waits so long, and does nothing else meanwhile
_LONGEST_ANSWER = 10  # likewise
_MOST_BYTES_OF_ANNOTATIONS = 1 << 18
_MOST_BYTES_OF_A_PROCESS = 1 << 20
_CAPABILITIES = frozenset({"ALL", *capabilities.ALL})
_NEEDED_KEYS = {
    "kubernetes.io/tls": frozenset({"tls.crt", "tls.key"}),
    "kubernetes.io/dockerconfigjson": frozenset({".dockerconfigjson"}),
    "kubernetes.io/ssh-auth": frozenset({"ssh-privatekey"}),
}
_PODS = ipaddress.IPv4Network("10.244.0.0/16")


def faults(document: Mapping[str, Any], parsed: objects.Object) -> Iterator[Fault]:
    """All that is wrong, in no order. `document`: the object as it was before it was parsed."""
    yield from _of_metadata(parsed)
    match parsed:
        case objects.ConfigMap():
            yield from _of_config_map(parsed)
        case objects.Secret():
            yield from _of_secret(parsed)
        case objects.Service():
            yield from _without_nul(document["spec"], "spec")
            yield from _of_service(parsed.spec)
        case objects.Pod():
            yield from _without_nul(document["spec"], "spec")
            yield from _of_pod(parsed.spec)


def _of_metadata(parsed: objects.Object) -> Iterator[Fault]:
    metadata = parsed.metadata
    yield from volume_rules.told(names.wrong_object_name(parsed.kind, metadata.name), "metadata", "name")
    yield from volume_rules.told(names.wrong_label(metadata.namespace), "metadata", "namespace")
    yield from _labels(metadata.labels, "metadata", "labels")
    for key in metadata.annotations:
        yield from volume_rules.told(_key(names.wrong_label_key(key.lower())), "metadata", "annotations")
    if _size(metadata.annotations) > _MOST_BYTES_OF_ANNOTATIONS:
        yield ("metadata", "annotations"), f"are longer than {_MOST_BYTES_OF_ANNOTATIONS} bytes"


def _labels(labels: Mapping[str, str], *keys: Key) -> Iterator[Fault]:
    for key, value in labels.items():
        yield from volume_rules.told(_key(names.wrong_label_key(key)), *keys)
        yield from volume_rules.told(names.wrong_label_value(value), *keys, key)


def _of_config_map(parsed: objects.ConfigMap) -> Iterator[Fault]:
    for field, keys in (("data", parsed.data), ("binaryData", parsed.binary_data)):
        for key in keys:
            yield from volume_rules.told(_key(names.wrong_config_map_key(key)), field)
    for key in parsed.binary_data:
        if key in parsed.data:
            yield ("binaryData", key), "is a key of data, too: leave one of them out"
        if parsed.wrong_base64(key):
            yield ("binaryData", key), "is no base64"
            return
    if sum(len(key.encode()) + len(content) for key, content in parsed.contents.items()) > (
        names.MOST_BYTES_OF_CONFIG_MAP
    ):
        yield ("data",), f"is longer than {names.MOST_BYTES_OF_CONFIG_MAP} bytes"


def _of_secret(parsed: objects.Secret) -> Iterator[Fault]:
    for field, keys in (("data", parsed.data), ("stringData", parsed.string_data)):
        for key in keys:
            yield from volume_rules.told(_key(names.wrong_config_map_key(key)), field)
    for key in parsed.data:
        if parsed.wrong_base64(key):
            yield ("data", key), "is no base64"
            return
    if sum(map(len, parsed.contents.values())) > names.MOST_BYTES_OF_CONFIG_MAP:
        yield ("data",), f"is longer than {names.MOST_BYTES_OF_CONFIG_MAP} bytes"
    missing = sorted(_NEEDED_KEYS.get(parsed.type, frozenset()) - parsed.contents.keys())
    if missing:
        yield ("data",), f"has no {missing[0]}, which one of type {parsed.type} needs"


def _of_service(spec: objects.ServiceSpec) -> Iterator[Fault]:
    yield from _labels(spec.selector, "spec", "selector")
    if not spec.selector:
        yield ("spec", "selector"), "is empty: a Service without one has no endpoints; select Pods"
    if not spec.ports and not spec.is_headless:
        yield ("spec", "ports"), "is empty: give the Service a port"
    for index, port in enumerate(spec.ports):
        at = ("spec", "ports", index)
        yield from volume_rules.told(names.wrong_port(port.port), *at, "port")
        if port.target_port is not UNSET:
            yield from volume_rules.told(names.wrong_port(port.target_port), *at, "targetPort")
        if port.name or len(spec.ports) > 1:
            yield from volume_rules.told(names.wrong_label(port.name), *at, "name")
        if port.app_protocol:
            yield from volume_rules.told(names.wrong_label_key(port.app_protocol), *at, "appProtocol")
    yield from volume_rules.twice((each.port for each in spec.ports), "spec", "ports")
    yield from volume_rules.twice((each.name for each in spec.ports if each.name), "spec", "ports")
    if spec.cluster_ips and spec.cluster_ips != [spec.cluster_ip]:
        yield ("spec", "clusterIPs"), "must be clusterIP alone: leave the field out"
    if spec.cluster_ip and not spec.is_headless:
        address = ipaddress.IPv4Address(spec.cluster_ip)
        others = address.is_unspecified or address.is_loopback or address.is_link_local
        if others or address.is_multicast or address.is_reserved or address in _PODS or str(address) == dns.ADDRESS:
            yield ("spec", "clusterIP"), f"is {address}, which is no Service's address: leave the field out"


def _of_pod(spec: objects.PodSpec) -> Iterator[Fault]:
    if not spec.containers:
        yield ("spec", "containers"), "is empty: give the Pod a container"
    for index, volume in enumerate(spec.volumes):
        yield from volume_rules.faults(volume, ("spec", "volumes", index))
    yield from volume_rules.twice((each.name for each in spec.volumes), "spec", "volumes")
    if not 0 <= (grace := spec.termination_grace_period_seconds) <= _LONGEST_GRACE:
        yield ("spec", "terminationGracePeriodSeconds"), f"is {grace}; it must be a number from 0 to {_LONGEST_GRACE}"
    yield from without_effect.faults(spec)
    yield from _of_pods_security(spec.security_context, ("spec", "securityContext"))
    for index, alias in enumerate(spec.host_aliases):
        at = ("spec", "hostAliases", index)
        if "%" in alias.ip or not is_address(alias.ip):
            yield (*at, "ip"), f"is {alias.ip[:80]!a}, which is no IP address"
        for number, name in enumerate(alias.hostnames):
            yield from volume_rules.told(names.wrong_subdomain(name), *at, "hostnames", number)
    for key, listed in (("initContainers", spec.init_containers), ("containers", spec.containers)):
        for index, container in enumerate(listed):
            yield from _of_container(container, ("spec", key, index))
            security = container.security_context.within(spec.security_context)
            if security.run_as_non_root is True and security.uid == 0:
                what = "says runAsNonRoot, and it would run as root: give it runAsUser"
                yield ("spec", key, index, "securityContext"), what


def _of_container(container: objects.Container, at: tuple[Key, ...]) -> Iterator[Fault]:
    yield from volume_rules.told(names.wrong_label(container.name), *at, "name")
    for index, variable in enumerate(container.env):
        yield from volume_rules.told(names.wrong_variable(variable.name), *at, "env", index, "name")
        if (source := variable.value_from) is not None:
            yield from _of_value(source, (*at, "env", index, "valueFrom"))
    for index, variables_of in enumerate(container.env_from):
        if prefix := variables_of.prefix:
            yield from volume_rules.told(names.wrong_variable(prefix), *at, "envFrom", index, "prefix")
    yield from volume_rules.twice((each.name for each in container.env), *at, "env")
    for index, port in enumerate(container.ports):
        yield from volume_rules.told(names.wrong_port(port.container_port), *at, "ports", index, "containerPort")
        if port.name:
            yield from volume_rules.told(names.wrong_port(port.name), *at, "ports", index, "name")
    yield from volume_rules.twice((f"{each.container_port}/{each.protocol}" for each in container.ports), *at, "ports")
    yield from volume_rules.twice((each.name for each in container.ports if each.name), *at, "ports")
    yield from _of_security(container.security_context, (*at, "securityContext"))
    for index, mount in enumerate(container.volume_mounts):
        yield from volume_rules.told(_wrong_mount_path(mount.mount_path), *at, "volumeMounts", index, "mountPath")
        if mount.sub_path:
            yield from volume_rules.told(
                volume_rules.wrong_path_within(mount.sub_path), *at, "volumeMounts", index, "subPath"
            )
    if not (folder := container.working_dir).startswith("/"):
        yield (*at, "workingDir"), f"is {folder[:80]!a}; it must be an absolute path"
    yield from without_effect.resources_faults(container.resources, (*at, "resources"))
    yield from volume_rules.twice(
        (volume_rules.plain(each.mount_path) for each in container.volume_mounts), *at, "volumeMounts"
    )
    if container.readiness_probe is not None:
        yield from _of_probe(container.readiness_probe, (*at, "readinessProbe"))
    yield from _of_process(container, at)


def _of_value(source: objects.ValueSource, at: tuple[Key, ...]) -> Iterator[Fault]:
    if source.field_ref is not None:
        yield from volume_rules.of_field(source.field_ref.field_path, at)


def _of_pods_security(security: PodSecurityContext, at: tuple[Key, ...]) -> Iterator[Fault]:
    numbers = [
        (("runAsUser",), security.run_as_user),
        (("runAsGroup",), security.run_as_group),
        (("fsGroup",), security.fs_group),
        *((("supplementalGroups", index), each) for index, each in enumerate(security.supplemental_groups)),
    ]
    yield from _ids(numbers, at)
    yield from sysctls.faults(security.sysctls, (*at, "sysctls"))
    if security.run_as_group is not None and security.run_as_user is None:
        yield (*at, "runAsGroup"), "is a group without runAsUser, which container runtimes refuse: give it one"


def _ids(numbers: Iterable[tuple[tuple[Key, ...], int | None]], at: tuple[Key, ...]) -> Iterator[Fault]:
    for keys, number in numbers:
        if number is not None and not 0 <= number <= _LARGEST_ID:
            yield (*at, *keys), f"is {number}; it must be a number from 0 to {_LARGEST_ID}"


def _of_security(security: SecurityContext, at: tuple[Key, ...]) -> Iterator[Fault]:
    yield from _ids([(("runAsUser",), security.run_as_user), (("runAsGroup",), security.run_as_group)], at)
    if security.supplemental_groups:
        yield (*at, "supplementalGroups"), "is a field of the Pod's securityContext, not of a container's"
    for key, listed in (("add", security.capabilities.add), ("drop", security.capabilities.drop)):
        for index, name in enumerate(listed):
            if name not in _CAPABILITIES:
                what = f"is {name[:80]!a}, which is no capability: name it as capabilities(7) does, without CAP_"
                yield (*at, "capabilities", key, index), what


def _of_probe(probe: objects.Probe, at: tuple[Key, ...]) -> Iterator[Fault]:
    for key, number, least in (
        ("initialDelaySeconds", probe.initial_delay_seconds, 0),
        ("periodSeconds", probe.period_seconds, 1),
        ("timeoutSeconds", probe.timeout_seconds, 1),
        ("successThreshold", probe.success_threshold, 1),
        ("failureThreshold", probe.failure_threshold, 1),
    ):
        if not least <= number <= _LARGEST_ID:
            yield (*at, key), f"is {number}; it must be a number from {least} to {_LARGEST_ID}"
    if probe.exec is None and (seconds := probe.timeout_seconds) > _LONGEST_ANSWER:
        yield (*at, "timeoutSeconds"), f"is {seconds}; the local engine waits at most {_LONGEST_ANSWER} for an answer"
    if probe.http_get is not None:
        yield from volume_rules.told(names.wrong_port(probe.http_get.port), *at, "httpGet", "port")
        path = probe.http_get.path
        if not path.startswith("/") or not all("!" <= each <= "~" for each in path):
            yield (*at, "httpGet", "path"), f"is {path[:80]!a}; it must begin with / and be of printable ASCII"
    if probe.tcp_socket is not None:
        yield from volume_rules.told(names.wrong_port(probe.tcp_socket.port), *at, "tcpSocket", "port")
    if probe.exec is not None and not probe.exec.command:
        yield (*at, "exec", "command"), "is empty: give a command"


def _of_process(container: objects.Container, at: tuple[Key, ...]) -> Iterator[Fault]:
    """A program that the kernel could not start."""
    try:
        runs = variables.expanded(container, variables.environment(container.env, {}, lambda _: ""))
    except ValueError as error:
        yield at, f"has a command, an argument or a variable that {error}"
        return
    given = [*runs.command, *runs.args, *(f"{each.name}={each.value}" for each in runs.env)]
    if sum(len(each.encode()) + 1 for each in given) > _MOST_BYTES_OF_A_PROCESS:
        yield at, f"has more than {_MOST_BYTES_OF_A_PROCESS} bytes of command, args and env"


def _wrong_mount_path(path: str) -> str:
    plain = volume_rules.plain(path)
    if not path.startswith("/") or ":" in path or ".." in path.split("/"):
        return f"is {path[:80]!a}; it must be an absolute path without .. and :"
    if plain == "/" or f"{plain}/".startswith("/proc/"):
        return f"is {path[:80]!a}: nothing can be mounted there"
    return ""


def _without_nul(value: Any, *keys: Key) -> Iterator[Fault]:
    """What no program can be given, and no file can be called."""
    match value:
        case str() if "\0" in value:
            yield keys, "has a NUL, which ends a text for programs"
        case dict():
            for key, each in value.items():
                yield from _without_nul(each, *keys, key)
        case list():
            for index, each in enumerate(value):
                yield from _without_nul(each, *keys, index)


def _key(wrong: str) -> str:
    """What is wrong with a key, told of the mapping."""
    return f"has a key that {wrong}" if wrong else ""


def _size(texts: Mapping[str, str]) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in texts.items())
