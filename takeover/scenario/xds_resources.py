"""A static config of Envoy, split into a bootstrap and the resources that xDS delivers in its place.

Listeners (LDS), the routes that stand within their HTTP connection managers (RDS), clusters (CDS), the endpoints of
those that are STATIC (EDS), secrets (SDS). Clusters of another type keep their endpoints: DNS, or the client, tells
them. See the Envoy pages "xDS configuration API overview" and "xDS REST and gRPC protocol".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from takeover.base.errors import BadInputError
from takeover.scenario.edit_tree import equal
from takeover.scenario.envoy_config import camel_case, either, mapping
from takeover.scenario.typed_yaml import Json

_TYPES = {
    "lds": "envoy.config.listener.v3.Listener",
    "rds": "envoy.config.route.v3.RouteConfiguration",
    "cds": "envoy.config.cluster.v3.Cluster",
    "eds": "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "sds": "envoy.extensions.transport_sockets.tls.v3.Secret",
}
_PREFIX = "type.googleapis.com/"
_HTTP = f"{_PREFIX}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

Source = Callable[[str, str], Json]
"""Gives the ConfigSource from which a resource comes, by its service ("rds") and its name ("" for all of LDS, CDS)."""


@dataclass(frozen=True)
class Resource:
    """Something that is delivered: `service` as in "rds", `data` with its "@type"."""

    service: str
    name: str
    data: dict[str, Json]


def has_dynamic_resources(config: Json) -> bool:
    """Whether an Envoy with this config is told by others what to do already."""
    return isinstance(config, dict) and bool(either(config, "dynamic_resources"))


def split(config: Json, where: str, source: Source) -> tuple[dict[str, Json], list[Resource]]:
    """The bootstrap without what is delivered, and that.

    What has not the form that Envoy wants stays where it is: Envoy says so.

    Args:
        config: of an Envoy; it is not changed.
        where: where it is written.
        source: where each resource is to come from.

    Raises: BadInputError for a config that gets resources from elsewhere already.
    """
    if has_dynamic_resources(config):
        raise BadInputError(f"{where}: it has dynamic_resources already")
    data = mapping(config, where, "the document")
    static = mapping(either(data, "static_resources"), where, "static_resources")
    bootstrap = _without(data, "static_resources")
    return _Splitting(source, _names(static.get("secrets"))).split(bootstrap, static)


@dataclass
class _Splitting:
    """Takes one config apart. `secrets`: the names of those that are in it."""

    source: Source
    secrets: frozenset[str]
    resources: list[Resource] = field(default_factory=list)
    routes: dict[str, Json] = field(default_factory=dict)

    def split(self, bootstrap: dict[str, Json], static: dict[str, Json]) -> tuple[dict[str, Json], list[Resource]]:
        # What the bootstrap itself names must be there before anything is delivered; a node only is called something.
        needed = frozenset(_strings({key: value for key, value in bootstrap.items() if key != "node"}))
        dynamic, left = dict[str, Json](), dict[str, Json]()
        for key, value in static.items():
            if not _are_mappings(value):
                left[key] = value
            elif key == "listeners":
                for number, each in enumerate(value, 1):
                    self._listener(each, f"listener-{number}")
                dynamic |= {"lds_config": self.source("lds", "")} if value else {}
            elif key == "clusters":
                stay = [each for each in value if each.get("name") in needed]
                left |= {"clusters": [self._rewritten(each) for each in stay]} if stay else {}
                for each in value:
                    if each.get("name") not in needed:
                        self._cluster(each)
                dynamic |= {"cds_config": self.source("cds", "")} if len(stay) < len(value) else {}
            elif key == "secrets":
                for each in value:
                    self._add("sds", str(each.get("name", "")), each)
            else:
                left[key] = value
        made = {**self._rewritten(bootstrap), "dynamic_resources": dynamic}
        return made | ({"static_resources": left} if left else {}), self.resources

    def _add(self, service: str, name: str, data: dict[str, Json]) -> None:
        self.resources.append(Resource(service, name, {"@type": _PREFIX + _TYPES[service], **data}))

    def _listener(self, data: dict[str, Json], name: str) -> None:
        """LDS knows a listener by its name, which a static one need not have."""
        name = str(data.get("name") or name)
        self._add("lds", name, {**self._rewritten(data, name), "name": name})

    def _cluster(self, data: dict[str, Json]) -> None:
        name = str(data.get("name", ""))
        data = self._rewritten(data)
        endpoints = either(data, "load_assignment")
        is_static = either(data, "type") in (None, "STATIC", 0) and not either(data, "cluster_type")
        if is_static and isinstance(endpoints, dict):
            self._add("eds", name, {"cluster_name": name, **_without(endpoints, "cluster_name")})
            config = {"eds_config": self.source("eds", name)}
            data = {**_without(data, "type", "load_assignment"), "type": "EDS", "eds_cluster_config": config}
        self._add("cds", name, data)

    def _rewritten(self, data: Json, listener: str = "", key: str = "") -> Json:
        """The data, in which routes and secrets come from elsewhere.

        Args:
            data: anything in a config.
            listener: of what it is; empty outside of listeners.
            key: the field where it stands.
        """
        if isinstance(data, list):
            return [self._rewritten(each, listener, key) for each in data]
        if not isinstance(data, dict):
            return data
        if "secret" in key.lower() and data.get("name") in self.secrets and data.keys() == {"name"}:
            return {**data, "sds_config": self.source("sds", data["name"])}
        made = {each: self._rewritten(value, listener, each) for each, value in data.items()}
        if data.get("@type") == _HTTP and isinstance(routes := either(data, "route_config"), dict):
            made = _without(made, "route_config")
            name = self._route(routes, listener)
            made["rds"] = {"config_source": self.source("rds", name), "route_config_name": name}
        return made

    def _route(self, data: dict[str, Json], listener: str) -> str:
        """The name under which these routes are delivered: names of static ones may be missing, or be there twice."""
        wanted = name = str(data.get("name") or f"routes-of-{listener}")
        number = 1
        while name in self.routes and not equal(self.routes[name], data):
            number += 1
            name = f"{wanted}-{number}"
        if name not in self.routes:
            self.routes[name] = data
            self._add("rds", name, {**data, "name": name})
        return name


def _without(data: dict[str, Json], *fields: str) -> dict[str, Json]:
    """The data without these fields, whichever of their names they have."""
    names = {name for each in fields for name in (each, camel_case(each))}
    return {key: value for key, value in data.items() if key not in names}


def _names(listed: Json) -> frozenset[str]:
    return frozenset(str(each["name"]) for each in listed if "name" in each) if _are_mappings(listed) else frozenset()


def _are_mappings(data: Json) -> bool:
    return isinstance(data, list) and all(isinstance(each, dict) for each in data)


def _strings(data: Json) -> Iterator[str]:
    """Every text in the data but for keys."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from _strings(each)
