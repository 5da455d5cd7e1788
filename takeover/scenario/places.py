"""Who is who in a scenario's manifests: its Envoys, its destinations, what ends connections when asked."""

import argparse
import contextlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from msgspec import UNSET

from takeover.base.errors import BadInputError
from takeover.scenario import envoy_config, replicas
from takeover.scenario.documents import Documents, is_headless, short_name
from takeover.scenario.scenario_file import BaseFile, ControlEntry, DestinationEntry, EnvoyEntry
from takeover.scenario.typed_yaml import Entry, Json

_USUAL_API_PORT = 18001
"""Of `takeover control-plane`."""


@dataclass(frozen=True)
class EnvoyPlace:
    """A container that runs Envoy.

    Args:
        pod: `NAME`, or `NAMESPACE/NAME`.
        config: the file with its config.
        admin_port: of its admin API; 0 as long as none is known.
        where: the "FILE:LINE" where it is named.
        control_planes: the clusters that it gets configuration from, or tells of itself.
    """

    pod: str
    container: str
    config: str
    admin_port: int
    where: str = field(compare=False)
    control_planes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DestinationPlace:
    """A container that logs who asked it.

    Args:
        pod: `NAME`, or `NAMESPACE/NAME`.
        port: where it is asked, over loopback, whether its log is complete.
        log: the form of its lines.
        fields: our name of a field → the log's own.
        where: the "FILE:LINE" where it is named.
    """

    pod: str
    container: str
    port: int
    log: str
    fields: tuple[tuple[str, str], ...]
    where: str = field(compare=False)

    @property
    def name(self) -> str:
        return f"{self.pod}/{self.container}"


@dataclass(frozen=True)
class ControlPlace:
    """A port that ends the connections of its Pod's program when a line is sent to it, and answers with a line."""

    pod: str
    port: int


@dataclass(frozen=True)
class ControlPlanePlace:
    """A container that runs our control plane.

    Args:
        pod: `NAME`, or `NAMESPACE/NAME`.
        container: of it.
        api_port: of its HTTP API.
    """

    pod: str
    container: str
    api_port: int

    @property
    def name(self) -> str:
        return f"{self.pod}/{self.container}"


def containers(pod: Json, key: str = "containers") -> list[str]:
    """The names of a Pod's containers; with the key "initContainers", of those that run before them."""
    spec = pod.get("spec")
    listed = spec.get(key) if isinstance(spec, dict) else None
    named = [each.get("name") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [each for each in named if isinstance(each, str)]


def mounted(pod: Json, container: str, source: str, name: str, whole: bool = False) -> list[tuple[str, str]]:
    """For each ConfigMap or Secret that a Pod's container sees as a folder: the folder, and its name.

    Args:
        pod: what is no Pod has none.
        source: the volumes' field, which has the object's name in its field `name`.
        whole: only those of which all is there, by its own names.
    """
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        volumes = {
            each["name"]: each[source][name]
            for each in pod["spec"]["volumes"]
            if source in each and not (whole and "items" in each[source])
        }
        [mounts] = [each["volumeMounts"] for each in pod["spec"]["containers"] if each["name"] == container]
        return [
            (each["mountPath"].rstrip("/"), volumes[each["name"]])
            for each in mounts
            if each["name"] in volumes and "subPath" not in each
        ]
    return []


def mounted_alone(pod: Json, container: str) -> list[tuple[str, str, list[str]]]:
    """For each file of ConfigMaps that a container sees by itself (`subPath`): its path, its key, and their names.

    Args:
        pod: what is no Pod has none.
    """
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        volumes = {each["name"]: _config_maps(each) for each in pod["spec"]["volumes"]}
        [mounts] = [each["volumeMounts"] for each in pod["spec"]["containers"] if each["name"] == container]
        return [(each["mountPath"], each["subPath"], volumes[each["name"]]) for each in mounts if "subPath" in each]
    return []


def _config_maps(volume: Json) -> list[str]:
    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
    return [each["configMap"]["name"] for each in sources if "name" in each.get("configMap", {})]


_WHO_IT_IS = ("--service-node", "--service-cluster", "--service-zone")


def who_it_is(pod: Json, container: str) -> tuple[str, ...]:
    """Of a container's command line what tells Envoy who it is, options and values: a config with xDS needs that."""
    with contextlib.suppress(KeyError, TypeError, AttributeError):
        [named] = [each for each in pod["spec"]["containers"] if each["name"] == container]
        words = [str(each) for each in (*named.get("command", ()), *named.get("args", ()))]
        return tuple(word for pair in itertools.pairwise(words) if pair[0] in _WHO_IT_IS for word in pair)
    return ()


def pods(documents: Documents) -> dict[str, Json]:
    """The Pods by `NAME` or `NAMESPACE/NAME`, those of Deployments among them; not to be changed."""
    pods_of = replicas.replicas(documents)
    return {pod: data for name, data in workloads(documents).items() for pod in pods_of.get(name, [name])}


def workloads(documents: Documents) -> dict[str, Json]:
    """The Pods as they are written, and Deployments' templates, by `NAME` or `NAMESPACE/NAME`; not to be changed."""
    found = {each.short_name: each.data for each in documents.objects.values() if each.kind == "Pod"}
    deployments = (each for each in documents.objects.values() if each.kind == replicas.KIND)
    return found | {each.short_name: each.data["spec"]["template"] for each in deployments}


Place = TypeVar("Place", EnvoyPlace, DestinationPlace)


def of_each_replica(places: Iterable[Place], documents: Documents) -> tuple[Place, ...]:
    """The places, those in a Deployment once for each of its Pods."""
    pods_of = replicas.replicas(documents)
    return tuple(replace(each, pod=pod) for each in places for pod in pods_of.get(each.pod, [each.pod]))


def envoys(entries: Iterable[EnvoyEntry], documents: Documents) -> tuple[EnvoyPlace, ...]:
    """The Envoys as they are written. Raises: BadInputError for one that the manifests do not have."""
    found: dict[tuple[str, str], EnvoyPlace] = {}
    for each in entries:
        pod = _checked(each, workloads(documents), each.pod, each.container)
        files = [name for name in documents.files if documents.is_yaml(name)]
        if each.config not in files:
            raise each.error(f"no file {each.config}; the ConfigMaps have {', '.join(files) or 'none'}", "config")
        _once(each, (pod, each.container), found)
        admin = 0 if each.admin is UNSET else each.admin
        beside = _beside(each, documents, files) if each.beside else ()
        found[pod, each.container] = EnvoyPlace(pod, each.container, each.config, admin, each.where(), beside)
    return tuple(found.values())


def _beside(entry: EnvoyEntry, documents: Documents, files: Iterable[str]) -> tuple[str, ...]:
    """What statistics call those clusters. Raises: BadInputError for one that the config does not have."""
    known = envoy_config.clusters(documents.data(entry.config), map(documents.data, files))
    for index, name in enumerate(entry.beside):
        if known is not None and name not in known:
            there = ", ".join(known) or "none"
            raise entry.error(f"no cluster {name} in {entry.config}; there are {there}", "beside", index)
    return tuple((known or {}).get(each, each) for each in entry.beside)


def destinations(entries: Iterable[DestinationEntry], documents: Documents) -> tuple[DestinationPlace, ...]:
    """The destinations as they are written. Raises: BadInputError for one that the manifests do not have."""
    found: dict[tuple[str, str], DestinationPlace] = {}
    for each in entries:
        pod = _checked(each, workloads(documents), each.pod, each.container)
        _once(each, (pod, each.container), found)
        fields = tuple(each.fields.items())
        found[pod, each.container] = DestinationPlace(pod, each.container, each.port, each.log, fields, each.where())
    return tuple(found.values())


def controls(bases: Iterable[BaseFile], documents: Documents) -> tuple[ControlPlace, ...]:
    """What ends connections when asked. Raises: BadInputError for a Pod that the manifests do not have."""
    found = [base.control for base in bases if isinstance(base.control, ControlEntry)]
    return tuple(ControlPlace(_pod(each, pods(documents), each.pod), each.port) for each in found)


def control_planes(objects: Iterable[Json]) -> list[ControlPlanePlace]:
    """The containers whose command is `takeover control-plane`.

    Raises: BadInputError for one whose --api-port is no number.
    """
    found = []
    for each in objects:
        for container in each["spec"]["containers"] if each["kind"] == "Pod" else ():
            command = [*(container.get("command") or ()), *(container.get("args") or ())]
            if command[:2] == ["takeover", "control-plane"]:
                pod = short_name(each)
                found.append(ControlPlanePlace(pod, container["name"], _api_port(command[2:], pod)))
    return found


def _api_port(arguments: Sequence[str], pod: str) -> int:
    """The port as the program itself reads it: `--api-port 7`, `--api-port=7`, or shorter as long as it is the one."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--api-port", type=int, default=_USUAL_API_PORT)
    try:
        known, _ = parser.parse_known_args(list(map(str, arguments)))
    except argparse.ArgumentError as error:
        raise BadInputError(f"Pod {pod}: takeover control-plane: {error}") from None
    return int(known.api_port)


def services_that_select(objects: Iterable[Json], pod: str) -> list[str]:
    """The Services with an address, by `NAME` or `NAMESPACE/NAME`, whose selector takes the Pod of such a name."""
    found = {kind: {short_name(each): each for each in objects if each["kind"] == kind} for kind in ("Pod", "Service")}
    labels = found["Pod"][pod]["metadata"].get("labels") or {}
    namespace = pod.rpartition("/")[0]
    return [
        name
        for name, service in found["Service"].items()
        if name.rpartition("/")[0] == namespace
        and not is_headless(service)
        and (selector := service["spec"].get("selector"))
        and selector.items() <= labels.items()
    ]


def _pod(entry: Entry, known: Mapping[str, Json], name: str) -> str:
    name = name.removeprefix("default/")
    if name not in known:
        raise entry.error(f"no Pod {name}; there are {', '.join(sorted(known)) or 'none'}", "pod")
    return name


def _checked(entry: Entry, known: Mapping[str, Json], name: str, container: str) -> str:
    """The Pod's name, as its own."""
    name = _pod(entry, known, name)
    if container not in (there := containers(known[name])):
        listed = ", ".join(there) or "none"
        raise entry.error(f"Pod {name} has no container {container}; it has {listed}", "container")
    if there.count(container) > 1:
        raise entry.error(f"Pod {name} has several containers {container}: rename all but one", "container")
    return name


def _once(entry: Entry, place: tuple[str, str], found: Mapping[tuple[str, str], EnvoyPlace | DestinationPlace]) -> None:
    if place in found:
        raise entry.error(f"{'/'.join(place)} is there twice; first in {found[place].where}")
