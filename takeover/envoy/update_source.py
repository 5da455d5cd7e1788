"""The bootstrap of an Envoy that is updated over delta xDS by whoever holds a socket, and whose worker can be asked."""

from collections.abc import Mapping
from typing import Any

_NAME = "envoy-takeover-updates"
_ECHO = "envoy.extensions.filters.network.echo.v3.Echo"


def with_updates(bootstrap: Mapping[str, Any], admin: str, updates: str, echo: str) -> dict[str, Any]:
    """The bootstrap config with an admin API, a source of updates, and a worker that echoes at these sockets."""
    static = dict(bootstrap.get("static_resources", {}))
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    endpoint = {"endpoint": {"address": {"pipe": {"path": updates}}}}
    cluster = {
        "name": _NAME,
        "typed_extension_protocol_options": {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {"cluster_name": _NAME, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    filters = [{"name": "echo", "typed_config": {"@type": f"type.googleapis.com/{_ECHO}"}}]
    listener = {"name": _NAME, "address": {"pipe": {"path": echo}}, "filter_chains": [{"filters": filters}]}
    ads = {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": _NAME}}],
    }
    source = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    return {
        "node": {"id": "updated", "cluster": "updated"},
        **bootstrap,
        "admin": {"address": {"pipe": {"path": admin}}},
        "dynamic_resources": {"ads_config": ads, "lds_config": source, "cds_config": source},
        "static_resources": {
            **static,
            "clusters": [*static.get("clusters", ()), cluster],
            "listeners": [*static.get("listeners", ()), listener],
        },
    }
