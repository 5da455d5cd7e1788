"""Bases that are small."""

from typing import Any

from takeover.peers.control_plane import protos
from takeover.sweep.bases import Bases
from takeover.sweep.variants import Base

PREFIX = "type.googleapis.com"
HTTP = "envoy.extensions.filters"
LISTENER = {
    "name": "edge",
    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 8000}},
    "filter_chains": [
        {
            "filters": [
                {
                    "name": "http",
                    "typed_config": {
                        "@type": f"{PREFIX}/{HTTP}.network.http_connection_manager.v3.HttpConnectionManager",
                        "stat_prefix": "edge",
                        "max_request_headers_kb": 60,
                        "route_config": {
                            "virtual_hosts": [
                                {
                                    "name": "app",
                                    "domains": ["app.example"],
                                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}],
                                }
                            ]
                        },
                        "http_filters": [
                            {"name": "router", "typed_config": {"@type": f"{PREFIX}/{HTTP}.http.router.v3.Router"}}
                        ],
                    },
                }
            ]
        }
    ],
}
CLUSTER = {"name": "app", "connect_timeout": "1s"}


def base(kind: str, written: dict[str, Any]) -> Base:
    return Base("edge", protos.parse(f"{PREFIX}/{kind}", written), "app.example")


def listener(**fields: Any) -> Base:
    return base("envoy.config.listener.v3.Listener", {**LISTENER, **fields})


def cluster(**fields: Any) -> Base:
    return base("envoy.config.cluster.v3.Cluster", {**CLUSTER, **fields})


def of(*found: Base) -> Bases:
    return Bases(found, [], {}, [])
