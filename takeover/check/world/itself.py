"""Connections of Envoy with itself: nobody else can end one, so each ends with its request."""

from collections.abc import Collection, Iterator

from takeover.check.records import Place
from takeover.check.world.configuration import (
    CLUSTER,
    ENDPOINTS,
    PREFIX,
    Configuration,
    inner,
    objects,
    set_field,
)
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_INTERNAL = ("envoy_internal_address", "envoyInternalAddress")


def end_with_each_request(configuration: Configuration, names: Collection[str]) -> None:
    """Has clusters that lead to listeners of this Envoy keep no connection.

    Args:
        names: of those whose endpoints are addresses of listeners; those of internal ones are found here.
    """
    assignments = {
        str(either(data, "cluster_name")): data for data, _ in configuration.of_type(ENDPOINTS)
    }  # fmt: skip
    found = list[tuple[str, Place]]()
    for cluster, place in configuration.of_type(CLUSTER):
        name = str(cluster.get("name"))
        service = either(inner(cluster, "eds_cluster_config"), "service_name")
        if name in names or _is_internal(cluster, assignments.get(str(service or name))):
            _once(cluster)
            found.append((name, place))
    if found:
        what = f"a connection of {', '.join(name for name, _ in found)} is for one request"
        configuration.differs(what, "it leads to this Envoy itself, and nobody else could end it", found[0][1])


def _is_internal(cluster: JsonObject, assignment: JsonObject | None) -> bool:
    inside = (*objects(either(cluster, "load_assignment")), *objects(assignment))
    return any(key in each for _, each in inside for key in _INTERNAL)


def _once(cluster: JsonObject) -> None:
    for options in _options(cluster):
        common = inner(options, "common_http_protocol_options")
        set_field(common, "max_requests_per_connection", 1)
        set_field(options, "common_http_protocol_options", common)
        return
    set_field(cluster, "max_requests_per_connection", 1)


def _options(cluster: JsonObject) -> Iterator[JsonObject]:
    for each in inner(cluster, "typed_extension_protocol_options").values():
        if isinstance(each, dict) and each.get("@type") == f"{PREFIX}{_HTTP_OPTIONS}":
            yield each
