"""Small configurations, and worlds that are built around them."""

import json
from pathlib import Path
from typing import Any

from takeover.check.records import Given, Place, Resource, World
from takeover.check.world import build
from takeover.peers.world import table

TYPE = "type.googleapis.com/"
HTTP = f"{TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
TCP = f"{TYPE}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
UPSTREAM_TLS = f"{TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
DOWNSTREAM_TLS = f"{TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
ROUTER = {"name": "router", "typed_config": {"@type": f"{TYPE}envoy.extensions.filters.http.router.v3.Router"}}


def at(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def cluster(name: str, host: str = "10.1.2.3", port: int = 80, **more: Any) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": at(host, port)}}]}]
    kind = "STATIC" if host[:1].isdigit() else "STRICT_DNS"
    return {
        "name": name,
        "type": kind,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    } | more


def tls(**common: Any) -> dict[str, Any]:
    return {"name": "tls", "typed_config": {"@type": UPSTREAM_TLS, "common_tls_context": common}}


def http(cluster_name: str, *filters: dict[str, Any], **more: Any) -> dict[str, Any]:
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": cluster_name}}]
    hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
    typed = {
        "@type": HTTP,
        "stat_prefix": "http",
        "route_config": {"name": "routes", "virtual_hosts": hosts},
        "http_filters": [*filters, ROUTER],
    }
    return {"name": "http", "typed_config": typed | more}


def tcp(cluster_name: str) -> dict[str, Any]:
    return {"name": "tcp", "typed_config": {"@type": TCP, "stat_prefix": "tcp", "cluster": cluster_name}}


def listener(name: str, port: int, *filters: dict[str, Any], host: str = "0.0.0.0", **more: Any) -> dict[str, Any]:
    return {"name": name, "address": at(host, port), "filter_chains": [{"filters": list(filters)}]} | more


def bootstrap(listeners: list[Any], clusters: list[Any], **more: Any) -> dict[str, Any]:
    return {"static_resources": {"listeners": listeners, "clusters": clusters}} | more


def served(kind: str, name: str, data: dict[str, Any]) -> Resource:
    url = f"{TYPE}{kind}"
    return Resource(
        type_url=url, name=name, data={"@type": url, **data}, place=Place(file="dump.json"), is_static=False
    )


def given(data: dict[str, Any], *resources: Resource, **files: Path) -> Given:
    return Given(
        name="mine",
        kind="bootstrap",
        source=Path("envoy.yaml"),
        bootstrap=data,
        resources=resources,
        files={f"/given/{name}": path for name, path in files.items()},
    )


class Built:
    """A world and what stands in its folder."""

    def __init__(self, of: Given, folder: Path) -> None:
        self.world: World = build(of, folder)
        self.folder = folder
        self.table = table.parsed((folder / "world/table.json").read_text())

    def config(self) -> Any:
        return json.loads((self.folder / "envoy.yaml").read_text())

    def pod(self) -> Any:
        return json.loads((self.folder / "pod.yaml").read_text())["spec"]

    def container(self, name: str) -> Any:
        return next(each for each in self.pod()["containers"] if each["name"] == name)

    def place(self, address: str, port: int) -> table.Place:
        return next(each for each in self.table.places if (each.address, each.port) == (address, port))

    def file(self, path: str) -> str:
        """What Envoy's container has at a path."""
        [mount] = [each for each in self.container("envoyproxy")["volumeMounts"] if each["mountPath"] == path]
        return Path(self.folder, "files", mount["subPath"]).read_text()

    @property
    def different(self) -> list[str]:
        return [each.what for each in self.world.different]
