"""Configurations as Python writes them, what probes saw of them, and the coverage that comes of both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from takeover.check.coverage.measuring import coverage
from takeover.check.coverage.taken_apart import CLUSTER, LISTENER, parts_of
from takeover.check.records import Derived, Given, Place, Resource, World
from takeover.model.checked import ConfigPart
from takeover.model.document import Observation, ProbeResult
from takeover.model.request import ProbeRequest, ProbeTarget

MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
WEB = "listener web / filter chain 0"
NOTHING_DERIVED = Derived(text="", targets=())
SHOP = f"{WEB} / virtual host shop"


def manager(routes: dict[str, Any], prefix: str = "web") -> dict[str, Any]:
    return {"filters": [{"name": "http", "typed_config": {"@type": MANAGER, "stat_prefix": prefix, **routes}}]}


def listener(name: str, port: int, *chains: dict[str, Any]) -> Resource:
    data = {
        "@type": LISTENER,
        "name": name,
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "filter_chains": list(chains),
    }
    return Resource(type_url=LISTENER, name=name, data=data, place=place("listeners", port - 8000, 10))


def place(key: str, number: int, line: int) -> Place:
    return Place(file="envoy.yaml", path=f"static_resources.{key}[{number}]", line=line)


def cluster(name: str, **fields: Any) -> Resource:
    data = {"@type": CLUSTER, "name": name, **fields}
    return Resource(type_url=CLUSTER, name=name, data=data, place=place("clusters", 0, 50))


def to(name: str, **match: Any) -> dict[str, Any]:
    return {"match": match or {"prefix": "/"}, "route": {"cluster": name}}


def called_alike(*routes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "same", **each} for each in routes]


def table(*hosts: dict[str, Any]) -> dict[str, Any]:
    return {"route_config": {"name": "all", "virtual_hosts": list(hosts)}}


def host(name: str, domains: Sequence[str], *routes: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "domains": list(domains), "routes": list(routes)}


def seen(name: str, entry: dict[str, Any], **stats: int) -> ProbeResult:
    request = ProbeRequest(source="given/client", to=ProbeTarget(port=8000), protocol="http1")
    told = {"listener": "web", "details": "via_upstream", **entry}
    counted = {"listener.0.0.0.0_8000.downstream_cx_total": 1, **stats}
    return ProbeResult("given", f"routes/{name}", request, Observation(200, log=[told], stats=counted))


def measured(
    resources: Sequence[Resource],
    *probes: ProbeResult,
    derived: Derived = NOTHING_DERIVED,
    unreached: dict[str, str] | None = None,
    apart: dict[str, str] | None = None,
) -> dict[str, ConfigPart]:
    given = Given(name="given", kind="bootstrap", source=Path("envoy.yaml"), bootstrap={}, resources=tuple(resources))
    world = World(
        scenario=Path("given"),
        pod="given",
        container="envoyproxy",
        ways=(),
        dialled=(),
        unreached=unreached or {},
        apart=apart or {},
    )
    return {each.id: each for each in coverage(parts_of(given), probes, derived, world)}


def reached(found: dict[str, ConfigPart]) -> dict[str, list[str]]:
    """The routes that were reached, by which probes."""
    return {part.removeprefix(f"{SHOP} / "): each.by for part, each in found.items() if each.by and "route" in part}
