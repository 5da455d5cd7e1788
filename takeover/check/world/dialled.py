"""Every address that a configuration dials, what must be spoken there, and what it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from takeover.check.messages import is_of_udp, uri_of
from takeover.check.records import Place, Service
from takeover.check.world import asking, control
from takeover.check.world.asking import Asked
from takeover.check.world.configuration import (
    CLUSTER,
    ENDPOINTS,
    Configuration,
    inner,
    kind_of,
    listed,
    objects,
)
from takeover.check.world.health_answers import NONE, Answers, answers
from takeover.check.world.upstream_tls import Tls, expected
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

_DNS, _HTTP = 53, 80
_OF_HEADER = "original-destination.made.invalid"
"""Of what a request's header says where it goes: the probes' say here."""


@dataclass(frozen=True)
class Dial:
    """One address that a cluster, or something else, dials.

    Args:
        host: as it is written: a name, an address, the path of a socket.
        port: 0 for a path.
        cluster: whose it is; empty for what no cluster dials.
        tls: what its certificate must be; None where no TLS is spoken.
        is_http: whether nothing else than HTTP comes there.
        has_proxy_header: whether connections begin with a PROXY header.
        services: paths at which it is asked for something else, each with the kind of that service.
        health: what answers the cluster's health checks.
    """

    host: str
    port: int
    cluster: str
    service: Service
    transport: str = "tcp"
    tls: Tls | None = None
    is_http: bool = False
    has_proxy_header: bool = False
    services: tuple[tuple[str, str], ...] = ()
    health: Answers = NONE


def dialled(configuration: Configuration) -> list[Dial]:
    """All of it, in the order of the configuration; what cannot be dialled in a world is said to be different."""
    uses, at_paths = asking.asked(configuration), asking.at_paths(configuration)
    endpoints = {
        str(either(data, "cluster_name")): data
        for data, _ in (*configuration.of_type(ENDPOINTS),)
        if either(data, "cluster_name")
    }
    found: list[Dial] = []
    for cluster, place in configuration.of_type(CLUSTER):
        if cluster.get("name") == control.CLUSTER_NAME:
            continue
        services = at_paths.get(str(cluster.get("name", "")), ())
        of_it = _of_cluster(configuration, cluster, place, uses, endpoints)
        found += (replace(each, services=services) for each in of_it)
    found += _beside_clusters(configuration)
    return list(dict.fromkeys(found))


def address_in(data: Json) -> tuple[str, int, str] | None:
    """Host, port and transport of a `core.v3.Address`; None for one of Envoy's own."""
    socket_address = inner(data, "socket_address")
    if socket_address:
        port = either(socket_address, "port_value")
        transport = "udp" if is_of_udp(socket_address) else "tcp"
        return str(socket_address.get("address", "")), port if isinstance(port, int) else 0, transport
    path = inner(data, "pipe").get("path")
    return (path, 0, "tcp") if isinstance(path, str) else None


def cluster_kind(cluster: JsonObject) -> str:
    """STATIC, STRICT_DNS …, or the name of the extension's message."""
    custom = inner(cluster, "cluster_type")
    if custom:
        return kind_of(inner(custom, "typed_config")) or str(custom.get("name", ""))
    numbers = ("STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST")
    written = cluster.get("type", "STATIC")
    return numbers[written] if isinstance(written, int) and written < len(numbers) else str(written)


def _of_cluster(
    configuration: Configuration,
    cluster: JsonObject,
    place: Place,
    uses: dict[str, list[Asked]],
    endpoints: dict[str, JsonObject],
) -> Iterator[Dial]:
    name = str(cluster.get("name", ""))
    named = uses.get(name, [])
    kind = asking.kind(named)
    where = next((each.place for each in named if each.kind == kind), place)
    by = {each.by for each in named}
    healthy = answers(cluster)
    own = Dial(
        "",
        0,
        name,
        Service(kind=kind, place=where),
        transport="udp" if by == {"udp"} else "tcp",
        tls=expected(configuration, cluster),
        is_http=bool(by) and not by & {"tcp", "udp"} and kind not in ("metrics", "tracing"),
        has_proxy_header=_sends_proxy_header(cluster) or healthy.has_proxy_header,
        health=healthy,
    )
    assignment = either(cluster, "load_assignment")
    if cluster_kind(cluster) == "EDS":
        wanted = either(inner(cluster, "eds_cluster_config"), "service_name") or name
        assignment = endpoints.get(str(wanted))
        if assignment is None:
            configuration.differs(
                f"the cluster {name} has no endpoints", "they come by EDS, and none were given", place
            )
    for endpoint in _endpoints(assignment, cluster):
        yield from _of_endpoint(own, endpoint, cluster)
    of_header = inner(cluster, "original_dst_lb_config")
    if cluster_kind(cluster) == "ORIGINAL_DST" and either(of_header, "use_http_header") is True:
        port = either(of_header, "upstream_port_override")
        yield replace(own, host=_OF_HEADER, port=port if isinstance(port, int) and port else _HTTP)


def _endpoints(assignment: Json, cluster: JsonObject) -> Iterator[JsonObject]:
    for locality in listed(assignment, "endpoints"):
        for each in listed(locality, "lb_endpoints"):
            if found := inner(each, "endpoint"):
                yield found
    yield from (each for each in inner(assignment, "named_endpoints").values() if isinstance(each, dict))
    yield from ({"address": each} for each in listed(cluster, "hosts"))  # of v2


def _of_endpoint(own: Dial, endpoint: JsonObject, cluster: JsonObject) -> Iterator[Dial]:
    addresses = [either(endpoint, "address")]
    addresses += [
        either(each, "address") for each in listed(endpoint, "additional_addresses") if isinstance(each, dict)
    ]
    health = inner(endpoint, "health_check_config")
    for each in addresses:
        found = address_in(each)
        if found is None:
            continue
        host, port, transport = found
        tls = own.tls
        if tls is not None:
            name = str(endpoint.get("hostname") or "")
            tls = replace(tls, names=tuple(dict.fromkeys((*tls.names, *filter(None, (name, host))))))
        transport = "udp" if "udp" in (transport, own.transport) else "tcp"
        yield replace(own, host=host, port=port, tls=tls, transport=transport)
        if listed(cluster, "health_checks") and isinstance(other := either(health, "port_value"), int) and other:
            at = address_in(either(health, "address"))
            yield replace(own, host=at[0] if at else host, port=other, tls=tls, transport="tcp")


def _sends_proxy_header(cluster: JsonObject) -> bool:
    sockets = [either(cluster, "transport_socket"), *listed(cluster, "transport_socket_matches")]
    kinds = (kind_of(found) for each in sockets for _, found in objects(each))
    return any(each.endswith(".ProxyProtocolUpstreamTransport") for each in kinds)


def _beside_clusters(configuration: Configuration) -> Iterator[Dial]:
    """What is dialled without a cluster: Google's gRPC client, resolvers of names, sinks of datagrams."""
    for name, document in configuration.documents():
        for path, found in objects(document):
            place = configuration.place_in(name, path)
            yield from _of_google(found, path, place)
            message = kind_of(found)
            for each in listed(found, "resolvers") if "dns_resolver" in message or "resolvers" in found else ():
                if at := address_in(each):
                    yield _beside(at, "dns", place, "udp")
            for each in listed(found, "dns_resolvers"):
                if at := address_in(each):
                    yield _beside(at, "dns", place, "udp")
            if message.endswith((".StatsdSink", ".DogStatsdSink")) and (at := address_in(either(found, "address"))):
                yield _beside(at, "metrics", place, "udp")


def _beside(at: tuple[str, int, str], kind: str, place: Place, transport: str) -> Dial:
    port = at[1] or (_DNS if kind == "dns" else 0)
    return Dial(at[0], port, "", Service(kind=kind, place=place), transport=transport)


def _of_google(found: JsonObject, path: tuple[str | int, ...], place: Place) -> Iterator[Dial]:
    google = inner(found, "google_grpc")
    target = either(google, "target_uri")
    if not isinstance(target, str):
        return
    parsed = uri_of(target if "://" in target else f"//{target.partition(':///')[2] or target}")
    host = parsed.netloc.rpartition(":")[0] or parsed.netloc or parsed.path.lstrip("/").rpartition(":")[0]
    port = target.rpartition(":")[2]
    if not host or not port.isdigit():
        return
    kinds = [told for each in reversed(path) if (told := _GOOGLE.get(str(each)))]
    yield Dial(
        host.strip("[]"),
        int(port),
        "",
        Service(kind=kinds[0] if kinds else "http", place=place),
        tls=Tls((host,)) if inner(google, "channel_credentials", "ssl_credentials") else None,
        is_http=True,
    )


_GOOGLE = {
    "ads_config": "xds",
    "rate_limit_service": "rate_limit",
    "stats_sinks": "metrics",
    "access_log": "access_log",
}
