"""How Envoys get their configuration: from the file as it is written, or, the same, by xDS.

`file`: from files beside the config, which Envoy reads (and watches) itself. `ads`, `delta-ads`: over gRPC from a
control plane, a Pod more (`bases/control-plane`), state of the world or delta. The suites see the same traffic.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, get_args

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario import places
from takeover.scenario.documents import Documents
from takeover.scenario.edits import ClusterIp
from takeover.scenario.envoy_config import control_planes, mapping
from takeover.scenario.kustomization import GeneratedConfigMap, Kustomization, joined
from takeover.scenario.places import EnvoyPlace
from takeover.scenario.typed_yaml import Json
from takeover.scenario.xds_resources import Resource, has_dynamic_resources, split

Delivery = Literal["static", "file", "ads", "delta-ads"]
DELIVERIES: Final[tuple[Delivery, ...]] = get_args(Delivery)

BASE = "control-plane"
"""The base with the control plane, and what its Pod, Service and container are called, and Envoy's cluster."""

_NAMESPACE = "default"
_XDS_PORT = 18000
_API_TYPES = {"ads": "GRPC", "delta-ads": "DELTA_GRPC"}
_HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}
# Without it Envoy goes on after 15 s as if what it waits for were not wanted: it would be LIVE without a listener.
_WAITING = {"resource_api_version": "V3", "initial_fetch_timeout": "0s"}


@dataclass(frozen=True)
class Delivered:
    """The documents as they are deployed.

    Args:
        envoys: each with the clusters that it gets configuration from.
        config_maps: those that are generated.
    """

    documents: Documents
    envoys: tuple[EnvoyPlace, ...]
    config_maps: tuple[GeneratedConfigMap, ...]


def needs_control_plane(delivery: Delivery) -> bool:
    """Whether a Pod more is needed."""
    return delivery in _API_TYPES


def why_not_delivered(documents: Documents, envoys: Iterable[EnvoyPlace]) -> str:
    """Why the Envoys' configuration comes as it is written; empty if nothing is in the way."""
    for config in _configs_of(envoys):
        if has_dynamic_resources(documents.data(config)):
            return f"{display_path(documents.files[config])} has dynamic_resources: it is delivered by xDS already"
    return ""


def with_control_planes(
    kustomization: Kustomization, base: Kustomization, envoys: Iterable[EnvoyPlace], delivery: Delivery, scenario: str
) -> tuple[Kustomization, tuple[str, ...]]:
    """The scenario with a control plane for each Envoy config, and the names of their Pods.

    Envoys with different configs have control planes of their own: one would give all of them all that it has.

    Args:
        kustomization: of the scenario.
        base: of one control plane.
        envoys: those of the scenario.
        delivery: how they get their configuration.
        scenario: its name.

    Raises: BadInputError where something is called so already.
    """
    each_its_own = [_numbered(base, number) for number, _ in enumerate(_configs_of(envoys), 1)]
    try:
        # The first ones, so that they are there when Envoy asks them.
        whole = joined([*each_its_own, kustomization])
    except BadInputError as error:
        raise BadInputError(f"scenario {scenario}: --delivery {delivery}: {error}") from error
    return whole, tuple(each.short_name for one in each_its_own for each in one.objects if each.kind == "Pod")


def _numbered(base: Kustomization, number: int) -> Kustomization:
    """The first control plane, the second one and so on."""
    name = _plane(number)
    if name == BASE:
        return base
    objects = tuple(replace(each, name=name, data=_renamed(each.data, name)) for each in base.objects)
    return replace(base, objects=objects)


def _renamed(data: Json, name: str) -> Json:
    """The data of one of the base's objects, with another name wherever it is a name."""
    if isinstance(data, dict):
        return {key: value if key == "command" else _renamed(value, name) for key, value in data.items()}
    if isinstance(data, list):
        return [_renamed(each, name) for each in data]
    return {BASE: name, _config_map(BASE): _config_map(name)}.get(data, data) if isinstance(data, str) else data


def _plane(number: int) -> str:
    return BASE if number == 1 else f"{BASE}-{number}"


def _config_map(plane: str) -> str:
    return f"{plane}-config"


def _configs_of(envoys: Iterable[EnvoyPlace]) -> list[str]:
    """The config files of these Envoys, each once."""
    return list(dict.fromkeys(each.config for each in envoys))


def delivered(
    documents: Documents,
    envoys: Sequence[EnvoyPlace],
    config_maps: Sequence[GeneratedConfigMap],
    delivery: Delivery,
    scenario: str,
) -> Delivered:
    """Turns each Envoy's config into a bootstrap, and puts what it lacks then where that gets it from.

    Args:
        documents: with all that was supplied.
        envoys: those of the scenario.
        config_maps: those that are generated.
        delivery: how.
        scenario: its name.

    Raises: BadInputError, one line, for what cannot be delivered so.
    """
    if delivery != "static":
        for number, config in enumerate(_configs_of(envoys), 1):
            try:
                delivering = _Delivering(
                    scenario, documents, config, [each for each in envoys if each.config == config]
                )
                made = delivering.by_files(config_maps) if delivery == "file" else delivering.by(delivery, number)
            except BadInputError as error:
                raise BadInputError(f"scenario {scenario}: --delivery {delivery}: {error}") from error
            documents, config_maps = made.documents, made.merged(config_maps)
    found = {each: control_planes(documents.data(each)) for each in _configs_of(envoys)}
    told = tuple(
        replace(each, control_planes=tuple(dict.fromkeys((*found[each.config], *each.control_planes))))
        for each in envoys
    )
    return Delivered(documents, told, tuple(config_maps))


@dataclass(frozen=True)
class _Made:
    """The documents, and the files that belong into ConfigMaps: ConfigMap → them; `where`: what they are made of."""

    documents: Documents
    added: Mapping[tuple[str, str], Mapping[str, Path]]
    where: str

    def merged(self, config_maps: Sequence[GeneratedConfigMap]) -> tuple[GeneratedConfigMap, ...]:
        left = dict(self.added)
        made = [
            replace(each, files={**each.files, **left.pop((each.namespace, each.name), {})}) for each in config_maps
        ]
        new = (GeneratedConfigMap(*name, dict(files), self.where) for name, files in left.items())
        return (*made, *new)


@dataclass(frozen=True)
class _Delivering:
    """Delivers what one config file of the scenario of that name says. `envoys`: those that run with it."""

    scenario: str
    documents: Documents
    config: str
    envoys: list[EnvoyPlace]

    @property
    def _where(self) -> str:
        return display_path(self.documents.files[self.config])

    def by_files(self, config_maps: Sequence[GeneratedConfigMap]) -> _Made:
        """From files beside it, which `config_maps` put there."""
        mounts = {mount for each in self.envoys for mount in self._mounts(each, config_maps)}
        folders = {folder for _, _, folder in mounts}
        if len(folders) != 1:
            there = f"in {', '.join(sorted(folders))}" if folders else "in none (subPath and items leave files out)"
            raise BadInputError(f"the ConfigMap with {self._where} must be mounted as one folder; it is {there}")
        [folder] = folders
        names = _FileNames(self.config)

        def source(service: str, name: str) -> Json:
            path = {"path": f"{folder}/{names.of(service, name)}", "watched_directory": {"path": folder}}
            return {"path_config_source": path, **_WAITING}

        bootstrap, resources = split(self.documents.data(self.config), self._where, source)
        return self._made(bootstrap, resources, names, {(namespace, name) for namespace, name, _ in mounts})

    def _mounts(self, envoy: EnvoyPlace, config_maps: Sequence[GeneratedConfigMap]) -> Iterator[tuple[str, str, str]]:
        """The ConfigMaps, by namespace and name, that have the config, and the folder that each is for that Envoy."""
        namespace, _, _ = envoy.pod.rpartition("/")
        having = {
            each.name
            for each in config_maps
            if each.namespace == (namespace or "default") and self.config in {path.name for path in each.files.values()}
        }
        pod = places.workloads(self.documents)[envoy.pod]
        for folder, name in places.mounted(pod, envoy.container, "configMap", "name", whole=True):
            if name in having:
                yield namespace or "default", name, folder

    def by(self, delivery: Delivery, number: int) -> _Made:
        """From a control plane over gRPC. `number`: of the config, from 1."""
        plane = _plane(number)
        names = _FileNames(self.config)
        source = {"ads": {}, **_WAITING}
        bootstrap, resources = split(self.documents.data(self.config), self._where, lambda *_: source)
        static = mapping(bootstrap.get("static_resources"), self._where, "static_resources")
        clusters = static.get("clusters") or []
        if plane in {each.get("name") for each in (*clusters, *(each.data for each in resources))}:
            raise BadInputError(f"{self._where}: something is called {plane} already: rename it")
        service = {
            "envoy_grpc": {
                "cluster_name": plane,
                # It may be asked before it is there: by default Envoy comes back after 0.5 s at most, then 1 s, 2 s …
                "retry_policy": {"retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"}},
            }
        }
        ads = {"api_type": _API_TYPES[delivery], "transport_api_version": "V3", "grpc_services": [service]}
        bootstrap = {
            **bootstrap,
            "dynamic_resources": {**bootstrap["dynamic_resources"], "ads_config": ads},
            "static_resources": {**static, "clusters": [*clusters, _cluster(plane)]},
        }
        return self._made(bootstrap, resources, names, {(_NAMESPACE, _config_map(plane))})

    def _made(
        self,
        bootstrap: Json,
        resources: Iterable[Resource],
        names: "_FileNames",
        config_maps: Iterable[tuple[str, str]],
    ) -> _Made:
        node = mapping(bootstrap.get("node"), self._where, "node")
        # Envoy takes nothing by xDS, not even from files, as long as it is called nothing.
        called = {"id": self.scenario, "cluster": self.scenario}
        bootstrap = {**bootstrap, "node": {**called, **{key: value for key, value in node.items() if value}}}
        contents: dict[str, list[Json]] = {}
        for each in resources:
            contents.setdefault(names.of(each.service, each.name), []).append(each.data)
        for taken in contents.keys() & self.documents.files.keys():
            raise BadInputError(f"{display_path(self.documents.files[taken])}: a file that is added is called so")
        paths = {name: self.documents.files[self.config].parent / name for name in contents}
        edited = {name: {"version_info": "1", "resources": listed} for name, listed in contents.items()}
        documents = replace(
            self.documents,
            files={**self.documents.files, **paths},
            edited={**self.documents.edited, self.config: bootstrap, **edited},
        )
        return _Made(documents, dict.fromkeys(config_maps, paths), self._where)


_WHOLE = ("lds", "cds")
"""What Envoy asks for as a whole. Of all else it takes exactly one resource of a file."""


class _FileNames:
    """The names of a config's files, as `envoy-lds.yaml`, `envoy-rds-1.yaml`."""

    def __init__(self, config: str) -> None:
        self._stem = Path(config).stem
        self._numbers: dict[str, dict[str, int]] = {}

    def of(self, service: str, name: str) -> str:
        """The file of that resource."""
        if service in _WHOLE:
            return f"{self._stem}-{service}.yaml"
        numbers = self._numbers.setdefault(service, {})
        return f"{self._stem}-{service}-{numbers.setdefault(name, len(numbers) + 1)}.yaml"


def _cluster(name: str) -> Json:
    address = {"address": ClusterIp(name), "port_value": _XDS_PORT}
    endpoint = {"endpoint": {"address": {"socket_address": address}}}
    return {
        "name": name,
        "type": "STATIC",
        # Where the Service has no endpoint yet, an attempt may get no answer at all; the next one comes at once.
        "connect_timeout": "0.25s",
        "typed_extension_protocol_options": _HTTP2,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
