"""The forms that Envoy's resources have, as plain data: what sidecars and the gateway have in common."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from takeover.peers.mini_mesh.authority import Certificate

Resource = dict[str, Any]

_TYPES = "type.googleapis.com/envoy."
_FILTERS = f"{_TYPES}extensions.filters."
ADS: Resource = {"ads": {}, "resource_api_version": "V3"}
"""Where more is to be had: on the stream that there is."""
_OF_CONNECTIONS = {
    "filter_chain": "%FILTER_CHAIN_NAME%",
    "upstream_cluster": "%UPSTREAM_CLUSTER%",
    "upstream_host": "%UPSTREAM_HOST%",
    # By which a connection is known again in another Envoy's log.
    "upstream_local": "%UPSTREAM_LOCAL_ADDRESS%",
    "original_destination": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "flags": "%RESPONSE_FLAGS%",
    "termination": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
}
_OF_REQUESTS = {
    **_OF_CONNECTIONS,
    "route": "%ROUTE_NAME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "request_id": "%REQ(X-REQUEST-ID)%",
}
ROUTER: Resource = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{_FILTERS}http.router.v3.Router"},
}


def _access_log(listener: str, fields: Mapping[str, str]) -> list[Resource]:
    stdout = {
        "@type": f"{_TYPES}extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {"json_format": {"listener": listener, **fields}},
    }
    return [{"name": "envoy.access_loggers.stdout", "typed_config": stdout}]


def duration(seconds: float) -> str:
    """A time as Protobuf's JSON has it: with all its digits to the nanosecond, never as 1e+06."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def address(ip: str, port: int) -> Resource:
    """Where something listens."""
    return {"socket_address": {"address": ip, "port_value": port}}


def listener(name: str, ip: str, port: int, direction: str, **fields: Any) -> Resource:
    """A Listener; the fields are its own."""
    kind = f"{_TYPES}config.listener.v3.Listener"
    return {"@type": kind, "name": name, "address": address(ip, port), "traffic_direction": direction, **fields}


def listener_filter(name: str, kind: str) -> Resource:
    """A listener filter that needs no more than its name."""
    return {
        "name": f"envoy.filters.listener.{name}",
        "typed_config": {"@type": f"{_FILTERS}listener.{name}.v3.{kind}"},
    }


def http(listener_name: str, prefix: str, filters: Sequence[Resource], **fields: Any) -> Resource:
    """An HTTP connection manager with its statistics' prefix and its filters before the router."""
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_FILTERS}network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": prefix,
            "access_log": _access_log(listener_name, _OF_REQUESTS),
            "http_filters": [*filters, ROUTER],
            **fields,
        },
    }


def routes_by_rds(name: str) -> Resource:
    """That a connection manager asks for its routes, by name."""
    return {"rds": {"route_config_name": name, "config_source": ADS}}


def tcp(listener_name: str, cluster_name: str) -> Resource:
    """A TCP proxy: all is passed on as it is."""
    return {
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": f"{_FILTERS}network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": cluster_name,
            "cluster": cluster_name,
            "access_log": _access_log(listener_name, _OF_CONNECTIONS),
        },
    }


def header_by_lua(name: str, value: str) -> Resource:
    """The article's script: a header of answers says that they came by Envoy."""
    script = f'function envoy_on_response(response_handle)\n  response_handle:headers():add("{name}", "{value}")\nend\n'
    return {
        "name": "myheader.lua",
        "typed_config": {
            "@type": f"{_FILTERS}http.lua.v3.Lua",
            "default_source_code": {"inline_string": script},
        },
    }


def local_ratelimit(prefix: str, **fields: Any) -> Resource:
    """The configuration of a local rate limit."""
    kind = f"{_FILTERS}http.local_ratelimit.v3.LocalRateLimit"
    return {"@type": kind, "stat_prefix": prefix, **fields}


def routes(name: str, hosts: Sequence[str], listed: Sequence[Resource]) -> Resource:
    """A RouteConfiguration of one virtual host."""
    return {
        "@type": f"{_TYPES}config.route.v3.RouteConfiguration",
        "name": name,
        "virtual_hosts": [{"name": name, "domains": list(hosts), "routes": list(listed)}],
    }


def cluster(name: str, kind: str, **fields: Any) -> Resource:
    """A Cluster; the fields are its own."""
    return {
        "@type": f"{_TYPES}config.cluster.v3.Cluster",
        "name": name,
        "type": kind,
        "connect_timeout": "1s",
        **fields,
    }


def endpoints(cluster_name: str, known: Iterable[tuple[str, int]]) -> Resource:
    """A ClusterLoadAssignment: where a cluster's requests go."""
    return {
        "@type": f"{_TYPES}config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster_name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(*each)}} for each in known]}],
    }


def http1(requests_per_connection: int) -> Resource:
    """A cluster's HTTP options: how long it uses a connection; 0: as long as it likes."""
    common = {"max_requests_per_connection": requests_per_connection} if requests_per_connection else {}
    options = {
        "@type": f"{_TYPES}extensions.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": common,
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}


def secrets(identity: str, certificate: Certificate, authority: str) -> list[Resource]:
    """The Secrets by which somebody shows who they are, and knows others: named so, and `AUTHORITY`."""
    kind = f"{_TYPES}extensions.transport_sockets.tls.v3.Secret"
    chain, key = {"inline_string": certificate.chain}, {"inline_string": certificate.key}
    return [
        {"@type": kind, "name": identity, "tls_certificate": {"certificate_chain": chain, "private_key": key}},
        {"@type": kind, "name": AUTHORITY, "validation_context": {"trusted_ca": {"inline_string": authority}}},
    ]


AUTHORITY = "authority"
"""The name of the Secret that says whose certificates are good."""


def _tls(kind: str, identity: str, matcher: Mapping[str, str], **fields: Any) -> Resource:
    """A transport socket whose certificates come by SDS.

    Args:
        kind: of the context.
        identity: as whom it speaks.
        matcher: which URI the other one's certificate must have.
        fields: of the context.
    """
    checked = {
        "default_validation_context": {
            "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": dict(matcher)}]
        },
        "validation_context_sds_secret_config": {"name": AUTHORITY, "sds_config": ADS},
    }
    common = {
        "tls_certificate_sds_secret_configs": [{"name": identity, "sds_config": ADS}],
        "combined_validation_context": checked,
    }
    context = {
        "@type": f"{_TYPES}extensions.transport_sockets.tls.v3.{kind}",
        "common_tls_context": common,
        **fields,
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def tls_to(identity: str, other: str, name: str) -> Resource:
    """Mutual TLS with whoever has exactly that URI; `name` is said to be meant."""
    return _tls("UpstreamTlsContext", identity, {"exact": other}, sni=name)


def tls_from(identity: str, others: str) -> Resource:
    """Mutual TLS with whoever has a URI that begins so."""
    return _tls("DownstreamTlsContext", identity, {"prefix": others}, require_client_certificate=True)
