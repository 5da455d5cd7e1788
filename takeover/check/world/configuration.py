"""What is built upon: the bootstrap and the resources that are served, as copies that may be changed."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from takeover.check.records import Different, Given, Place, Resource
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import camel_case, either
from takeover.scenario.typed_yaml import Json
from takeover.scenario.yaml_text import Key

PREFIX = "type.googleapis.com/"
CLUSTER = f"{PREFIX}envoy.config.cluster.v3.Cluster"
LISTENER = f"{PREFIX}envoy.config.listener.v3.Listener"
ENDPOINTS = f"{PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment"
SECRET = f"{PREFIX}envoy.extensions.transport_sockets.tls.v3.Secret"
EXTENSION = f"{PREFIX}envoy.config.core.v3.TypedExtensionConfig"
ROUTES = f"{PREFIX}envoy.config.route.v3.RouteConfiguration"
SCOPE = f"{PREFIX}envoy.config.route.v3.ScopedRouteConfiguration"

SOURCES = frozenset(
    name
    for field in (
        *("config_source", "lds_config", "cds_config", "eds_config", "sds_config", "srds_config"),
        *("rds_config_source", "scoped_rds_config_source"),
    )
    for name in (field, camel_case(field))
)
"""Fields in which a `ConfigSource` stands."""
_NODE = "node"
"""Of a bootstrap: what is in it are words of whoever made it."""
HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": f"{PREFIX}envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}
"""A cluster's options for HTTP/2."""
HTTP = ".HttpConnectionManager"
"""How the name of its message ends, in v3 and before."""


@dataclass
class Configuration:
    """What Envoy gets in the world, as far as it is built.

    Args:
        bootstrap: without what is served.
        served: what the control plane gives.
        given: what it was made of.
        different: what is not as it was given, so far.
    """

    bootstrap: JsonObject
    served: list[Resource]
    given: Given
    different: list[Different] = field(default_factory=list)

    @classmethod
    def of(cls, given: Given) -> "Configuration":
        """A copy of what was given."""
        served = [
            msgspec.structs.replace(each, data=copied(each.data))
            for each in given.resources
            if not each.is_static and not each.is_inline
        ]
        return cls(copied(given.bootstrap), served, given)

    def differs(self, what: str, why: str, place: Place | None = None) -> None:
        """Says what is not as in production; once."""
        told = Different(what=what, why=why, place=place)
        if all((each.what, each.why) != (what, why) for each in self.different):
            self.different.append(told)

    def place(self, *path: Key) -> Place:
        """Where something stands in the bootstrap."""
        return Place(file=str(self.given.source), path=path_text(path))

    def place_in(self, document: str, path: tuple[Key, ...]) -> Place:
        """Where something stands in one of the `documents`, by its name: that is put before the path."""
        return Place(file=str(self.given.source), path=".".join(filter(None, (document, path_text(path)))))

    def documents(self) -> Iterator[tuple[str, JsonObject]]:
        """The bootstrap (without a name), and each resource that is served, by its name."""
        yield "", self.bootstrap
        yield from ((each.name, each.data) for each in self.served)

    def of_type(self, url: str) -> Iterator[tuple[JsonObject, Place]]:
        """The resources of a type: those that stand in the bootstrap, and those that are served."""
        key = {CLUSTER: "clusters", LISTENER: "listeners", SECRET: "secrets"}.get(url, "")
        static = either(self.bootstrap, "static_resources")
        listed = either(static, key) if key and isinstance(static, dict) else None
        for index, each in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(each, dict):
                yield each, self.place("static_resources", key, index)
        yield from ((each.data, each.place) for each in self.served if each.type_url == url)

    def add_static(self, key: str, data: JsonObject) -> None:
        """Puts one more among the bootstrap's own resources."""
        name = "staticResources" if "staticResources" in self.bootstrap else "static_resources"
        static = self.bootstrap.get(name) or {}
        self.bootstrap[name] = {**static, key: [*(static.get(key) or ()), data]}


def copied(data: Json) -> Json:
    """A copy of JSON that shares nothing with it but texts and numbers."""
    if isinstance(data, dict):
        return {key: copied(value) for key, value in data.items()}
    return [copied(each) for each in data] if isinstance(data, list) else data


def objects(data: Json, path: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], JsonObject]]:
    """Every object in it with its path, the outer ones first; none of who a node is.

    What its users change in one is seen in what follows.
    """
    if isinstance(data, dict):
        yield path, data
        for key in list(data):
            if key in data and (path or key != _NODE):
                yield from objects(data[key], (*path, key))
    elif isinstance(data, list):
        for index, each in enumerate(data):
            yield from objects(each, (*path, index))


def texts_at(data: Json, *fields: str) -> Iterator[str]:
    """Every text that one of those fields has, anywhere; those of lists, too."""
    names = {name for each in fields for name in (each, camel_case(each))}
    for _, found in objects(data):
        for key in names & found.keys():
            value = found[key]
            yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))


def kind_of(data: JsonObject) -> str:
    """The name of the message that an Any holds: that of a typed struct's content, too."""
    url = data.get("@type")
    if not isinstance(url, str):
        return ""
    inner = data.get("type_url", data.get("typeUrl")) if url.endswith(".TypedStruct") else url
    return str(inner).rpartition("/")[2]


def content_of(data: JsonObject) -> JsonObject:
    """The fields of what an Any holds: those of a typed struct are in its value."""
    if str(data.get("@type", "")).endswith(".TypedStruct") and isinstance(value := data.get("value"), dict):
        return value
    return data


def set_field(data: JsonObject, name: str, value: Json) -> None:
    """Gives a field that value, by whichever of its names it has."""
    data[camel_case(name) if camel_case(name) in data else name] = value


def drop(data: JsonObject, *fields: str) -> bool:
    """Takes fields away, whichever of their names they have. Returns whether any was there."""
    found = False
    for each in fields:
        for name in {each, camel_case(each)}:
            found |= data.pop(name, None) is not None
    return found


def listed(data: Json, name: str) -> list[Json]:
    """The values of a repeated field; nothing where there is none."""
    found = either(data, name) if isinstance(data, dict) else None
    return found if isinstance(found, list) else []


def inner(data: Json, *fields: str) -> JsonObject:
    """What stands in fields within each other; an empty object where one is missing."""
    for each in fields:
        data = either(data, each) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def path_text(path: tuple[Key, ...]) -> str:
    """As Envoy writes it: `static_resources.listeners[0]`."""
    text = ""
    for each in path:
        text += f"[{each}]" if isinstance(each, int) else f".{each}" if text else each
    return text
