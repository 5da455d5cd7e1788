"""Extensions that a configuration names by no message of theirs: by an enum, a field that is set or not, a text.

What is said here of Envoy's defaults is what its API says of the field. An extension that a binary lacks is not there,
whatever a configuration implies.
"""

import re
from collections.abc import Callable, Iterator

from takeover.reach.walking import Met
from takeover.scenario.typed_yaml import Json

_CLUSTER = "envoy.config.cluster.v3.Cluster"
_HTTP = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TLS = "envoy.extensions.transport_sockets.tls.v3"
_THRIFT = "envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy"
_DNS_CLUSTER = "envoy.extensions.clusters.dns.v3.DnsCluster"

_Enum = dict[Json, str]


def _enum(prefix: str, *names: tuple[str, int, str]) -> _Enum:
    return {key: f"{prefix}{name}" for value, number, name in names for key in (value, number)}


_CLUSTER_TYPES = _enum(
    "envoy.clusters/envoy.cluster.",
    ("STATIC", 0, "static"),
    ("STRICT_DNS", 1, "strict_dns"),
    ("LOGICAL_DNS", 2, "logical_dns"),
    ("EDS", 3, "eds"),
    ("ORIGINAL_DST", 4, "original_dst"),
)
_BALANCERS = _enum(
    "envoy.load_balancing_policies/envoy.load_balancing_policies.",
    ("ROUND_ROBIN", 0, "round_robin"),
    ("LEAST_REQUEST", 1, "least_request"),
    ("RING_HASH", 2, "ring_hash"),
    ("RANDOM", 3, "random"),
    ("MAGLEV", 5, "maglev"),
    ("CLUSTER_PROVIDED", 6, "cluster_provided"),
)
_THRIFT_TRANSPORTS = _enum(
    "envoy.thrift_proxy.transports/",
    ("AUTO_TRANSPORT", 0, "auto"),
    ("FRAMED", 1, "framed"),
    ("UNFRAMED", 2, "unframed"),
    ("HEADER", 3, "header"),
)
_THRIFT_PROTOCOLS = _enum(
    "envoy.thrift_proxy.protocols/",
    ("AUTO_PROTOCOL", 0, "auto"),
    ("BINARY", 1, "binary"),
    ("LAX_BINARY", 2, "binary/non-strict"),
    ("COMPACT", 3, "compact"),
    ("TWITTER", 4, "twitter"),
)
_SUBSCRIPTIONS = _enum(
    "envoy.config_subscription/envoy.config_subscription.",
    ("REST", 1, "rest"),
    ("GRPC", 2, "grpc"),
    ("DELTA_GRPC", 3, "delta_grpc"),
    ("AGGREGATED_GRPC", 5, "aggregated_grpc_collection"),
)
_MUXES = _enum(
    "envoy.config_mux/envoy.config_mux.", ("GRPC", 2, "grpc_mux_factory"), ("DELTA_GRPC", 3, "new_grpc_mux_factory")
)
_DNS = "envoy.network.dns_resolver/envoy.network.dns_resolver.cares"
_DNS_TYPES = ("STRICT_DNS", "LOGICAL_DNS", 1, 2)
_RAW = "envoy.transport_sockets.{}/envoy.transport_sockets.raw_buffer"

# Commands of formats, beside those of stream information.
_COMMAND = re.compile(r"%([A-Z0-9_]+)")
_OF_HTTP = re.compile(
    "REQ|RESP|TRAILER|(REQUEST|RESPONSE)_(HEADER|TRAILER)(S_BYTES)?|LOCAL_REPLY_BODY|GRPC_STATUS(_NUMBER)?|STREAM_ID|PATH|"
    "QUERY_PARAMS?|(TRACE|SPAN)_ID|ACCESS_LOG_TYPE"
)
_OF_THEIR_OWN = {"METADATA": "metadata", "CEL": "cel", "XFCC_VALUE": "xfcc_value"}


def _cluster(met: Met) -> Iterator[str]:
    if met.value("cluster_type") is None:
        kind = met.value("type")
        yield _CLUSTER_TYPES.get("STATIC" if kind is None else kind, "")
        if kind in _DNS_TYPES and met.value("typed_dns_resolver_config") is None:
            yield _DNS
    if met.value("load_balancing_policy") is None:
        kind = met.value("lb_policy")
        yield _BALANCERS.get("ROUND_ROBIN" if kind is None else kind, "")
    if met.value("lb_subset_config") is not None:
        yield "envoy.load_balancing_policies/envoy.load_balancing_policies.subset"
    if met.value("transport_socket") is None and met.value("transport_socket_matches") is None:
        yield _RAW.format("upstream")
    if met.value("upstream_bind_config") is not None:
        yield (
            "envoy.upstream.local_address_selector/envoy.upstream.local_address_selector.default_local_address_selector"
        )


def _dns_cluster(met: Met) -> Iterator[str]:
    if met.value("typed_dns_resolver_config") is None:
        yield _DNS


def _filter_chain(met: Met) -> Iterator[str]:
    if met.value("transport_socket") is None:
        yield _RAW.format("downstream")


def _http(met: Met) -> Iterator[str]:
    if met.value("request_id_extension") is None and met.value("generate_request_id") is not False:
        yield "envoy.request_id/envoy.request_id.uuid"


def _health_check(met: Met) -> Iterator[str]:
    for kind in ("http", "tcp", "grpc"):
        if met.value(f"{kind}_health_check") is not None:
            yield f"envoy.health_checkers/envoy.health_checkers.{kind}"


def _validation(met: Met) -> Iterator[str]:
    if met.value("custom_validator_config") is None:
        yield "envoy.tls.cert_validator/envoy.tls.cert_validator.default"


def _thrift(met: Met) -> Iterator[str]:
    yield _THRIFT_TRANSPORTS.get(met.value("transport") or 0, "")
    yield _THRIFT_PROTOCOLS.get(met.value("protocol") or 0, "")


def _source(met: Met) -> Iterator[str]:
    prefix = "envoy.config_subscription/envoy.config_subscription."
    if met.value("ads") is not None:
        yield f"{prefix}ads"
    if met.value("path") is not None or met.value("path_config_source") is not None:
        yield f"{prefix}filesystem"


def _api_source(met: Met) -> Iterator[str]:
    kind = met.value("api_type")
    is_ads = met.above[-1:] == ("envoy.config.bootstrap.v3.Bootstrap.DynamicResources",)
    yield (_MUXES if is_ads and met.path[-1] in ("ads_config", "adsConfig") else _SUBSCRIPTIONS).get(kind, "")


def _filter_state(met: Met) -> Iterator[str]:
    name = met.value("factory_key") or met.value("object_key")
    yield f"filter_state.object/{name}"


def _vm(met: Met) -> Iterator[str]:
    yield f"envoy.wasm.runtime/{met.value('runtime') or 'envoy.wasm.runtime.v8'}"


def _formats(met: Met) -> Iterator[str]:
    prefix = "envoy.built_in_formatters/envoy.built_in_formatters."
    for text in _texts(met.data):
        for command in _COMMAND.findall(text):
            if command in _OF_THEIR_OWN:
                yield prefix + _OF_THEIR_OWN[command]
            else:
                yield f"{prefix}{'http' if _OF_HTTP.fullmatch(command) else 'stream_info'}.default"


def _texts(data: Json) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from _texts(each)


def _always(*extensions: str) -> Callable[[Met], Iterator[str]]:
    return lambda _: iter(extensions)


_RULES: dict[str, Callable[[Met], Iterator[str]]] = {
    _CLUSTER: _cluster,
    _DNS_CLUSTER: _dns_cluster,
    "envoy.config.listener.v3.FilterChain": _filter_chain,
    _HTTP: _http,
    "envoy.config.core.v3.HealthCheck": _health_check,
    f"{_TLS}.CertificateValidationContext": _validation,
    _THRIFT: _thrift,
    "envoy.extensions.filters.network.dubbo_proxy.v3.DubboProxy": _always(
        "envoy.dubbo_proxy.protocols/dubbo", "envoy.dubbo_proxy.serializers/dubbo.hessian2"
    ),
    "envoy.config.core.v3.ConfigSource": _source,
    "envoy.config.core.v3.ApiConfigSource": _api_source,
    "envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue": _filter_state,
    "envoy.extensions.wasm.v3.VmConfig": _vm,
    "envoy.config.core.v3.SubstitutionFormatString": _formats,
    "envoy.config.core.v3.HeaderValue": _formats,
    "envoy.type.matcher.v3.RegexMatcher": _always("envoy.regex_engines/envoy.regex_engines.google_re2"),
    "envoy.config.core.v3.EnvoyInternalAddress": _always("network.connection.client/envoy_internal"),
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": _always(
        "envoy.upstreams/envoy.filters.connection_pools.tcp.generic"
    ),
}


def implied(met: Met) -> list[str]:
    """The extensions (CATEGORY/NAME) that the message implies, each once, whether or not a binary has them."""
    rule = _RULES.get(met.message)
    return [each for each in dict.fromkeys(rule(met)) if each] if rule is not None else []
