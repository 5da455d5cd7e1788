"""The closed list of what the reach leaves out: what no probe here can have a use for, each with why.

A pattern is of an extension's CATEGORY/NAME, or a guard's name; * stands for anything. What no pattern fits counts,
whatever it takes to reach it. A guard is left out by what its name says alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from takeover.base.patterns import matches


@dataclass(frozen=True)
class LeftOut:
    """Extensions, or guards, that are left out, and why."""

    reason: str
    patterns: tuple[str, ...]


_OLD_NAMES = (
    "envoy.access_loggers/envoy.*_access_log",
    "envoy.config.validators/envoy.config.validators.minimum_clusters",
    *(
        f"envoy.filters.http/envoy.{name}"
        for name in (
            "bandwidth_limit", "buffer", "cors", "csrf", "ext_authz", "ext_proc", "fault", "geoip", "grpc_http1_bridge",
            "grpc_json_transcoder", "grpc_web", "health_check", "ip_tagging", "local_rate_limit", "lua", "rate_limit",
            "router",
        )
    ),
    "envoy.filters.http.upstream/envoy.buffer",
    "envoy.filters.http.upstream/envoy.ext_proc",
    "envoy.filters.listener/envoy.listener.*",
    *(
        f"envoy.filters.network/envoy.{name}"
        for name in (
            "echo", "ext_authz", "http_connection_manager", "mongo_proxy", "ratelimit", "redis_proxy", "tcp_proxy",
        )
    ),
    "envoy.http.stateful_header_formatters/preserve_case",
    *(
        f"envoy.stats_sinks/envoy.{name}"
        for name in ("dog_statsd", "graphite_statsd", "metrics_service", "open_telemetry_stat_sink", "statsd")
    ),
    "envoy.tracers/envoy.zipkin",
    *(f"envoy.transport_sockets.*/{name}" for name in ("raw_buffer", "starttls", "tls")),
    "envoy.upstream_options/envoy.upstreams.*",
)  # fmt: skip

_CONTRIB = (
    *(
        f"envoy.filters.http/envoy.filters.http.{name}"
        for name in ("checksum", "dynamo", "golang", "language", "squash", "sxg")
    ),
    *(
        f"envoy.filters.network/envoy.filters.network.{name}"
        for name in (
            "client_ssl_auth", "golang", "kafka_broker", "kafka_mesh", "mysql_proxy", "postgres_proxy",
            "rocketmq_proxy", "sip_proxy",
        )
    ),
    "envoy.bootstrap/envoy.bootstrap.vcl",
    "envoy.tls.key_providers/*",
    "*hyperscan*",
    "*qatzip*",
)  # fmt: skip

LEFT_OUT = (
    LeftOut("an old name of another extension, by which no configuration reaches it any more", _OLD_NAMES),
    LeftOut(
        "dynamic modules: each needs a program that is built against one Envoy version",
        ("*dynamic_module*",),
    ),
    LeftOut("contrib: in builds of its own, mostly for hardware or programs that are not here", _CONTRIB),
    LeftOut(
        "HTTP/3 and QUIC: no client here speaks them",
        (
            "*quic*",
            "envoy.filters.http/envoy.filters.http.alternate_protocols_cache",
            "envoy.route.early_data_policy/*",
        ),
    ),
    LeftOut(
        "UDP: no client here speaks it",
        ("envoy.filters.udp*", "envoy.udp_packet_writer/*", "envoy.health_checkers/envoy.health_checkers.udp"),
    ),
    LeftOut(
        "a vendor's cloud: what it asks is there alone",
        (
            "*aws_lambda*",
            "*aws_request_signing*",
            "*gcp_authn*",
            "*dynatrace*",
            "envoy.tracers/envoy.tracers.xray",
            "envoy.transport_sockets.*/envoy.transport_sockets.alts",
        ),
    ),
    LeftOut("hardware or platform: the kernel must allow it", ("*sockmap*",)),
    LeftOut("ends Envoy, or writes a file, when a worker hangs", ("envoy.guarddog_actions/*",)),
    LeftOut(
        "for tests of Envoy itself, or for another mode of it",
        ("envoy.wasm.runtime/envoy.wasm.runtime.null", "*listener_manager_impl.validation"),
    ),
    LeftOut(
        "in every Envoy, whatever its configuration says: there is none without it",
        (
            "envoy.listener_manager_impl/envoy.listener_manager_impl.default",
            "envoy.connection_handler/envoy.connection_handler.default",
            "envoy.resolvers/envoy.ip",
            "envoy.ssl.server_context_factory/envoy.ssl.server_context_factory.default",
            "network.connection.client/default",
            "envoy.bootstrap/envoy.extensions.network.socket_interface.default_socket_interface",
            "envoy.rds_factory/envoy.rds_factory.default",
            "envoy.srds_factory/envoy.srds_factory.default",
            "envoy.route_config_update_requester/envoy.route_config_update_requester.default",
        ),
    ),
)


GUARDS_LEFT_OUT = (
    LeftOut(
        "HTTP/3 and QUIC: no client here speaks them",
        # A grid of connectivity is the pool that chooses between HTTP/3 and the others; what hosts with one suffix
        # have in common is kept for QUIC alone.
        ("*quic*", "*http3*", "*conn_pool_grid*", "*connectivity_grid*", "*use_canonical_suffix_for_*"),
    ),
    LeftOut("UDP: no client here speaks it", ("*.udp_*",)),
    LeftOut("Envoy Mobile: another program", ("*.mobile_*",)),
    LeftOut("dynamic modules: each needs a program that is built against one Envoy version", ("*.dynamic_modules_*",)),
    LeftOut("hot restart: each Envoy here starts alone", ("*hot_restart*",)),
    LeftOut("for tests of Envoy itself", ("*.test_feature_*",)),
)


def why_left_out(extension: str) -> str:
    """Why that extension (CATEGORY/NAME) is left out; empty if it counts."""
    return _why(extension, LEFT_OUT)


def why_guard_left_out(guard: str) -> str:
    """Why that runtime guard is left out; empty if it counts."""
    return _why(guard, GUARDS_LEFT_OUT)


def _why(name: str, left_out: Iterable[LeftOut]) -> str:
    return next((each.reason for each in left_out if any(matches(name, pattern) for pattern in each.patterns)), "")
