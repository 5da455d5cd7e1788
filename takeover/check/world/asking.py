"""What the configuration asks clusters for: which are an application, which a service, by what names them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from takeover.check.made_names import logged_clusters
from takeover.check.messages import uri_of
from takeover.check.records import Place
from takeover.check.world.configuration import (
    CLUSTER,
    ENDPOINTS,
    HTTP,
    Configuration,
    inner,
    kind_of,
    listed,
    objects,
)
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import camel_case, either
from takeover.scenario.typed_yaml import Json
from takeover.scenario.yaml_text import Key

APPLICATION = "application"

# A part of the name of a message, or a field: what a cluster is that stands in it. The first that fits counts.
_MESSAGES = (
    ("ext_authz.", "ext_authz"),
    ("ext_proc.", "ext_proc"),
    ("jwt_authn.", "jwks"),
    ("RateLimitServiceConfig", "rate_limit"),
    (".ratelimit.", "rate_limit"),
    ("rate_limit_quota.", "rate_limit"),
    ("access_loggers.", "access_log"),
    ("stat_sinks.", "metrics"),
    ("MetricsServiceConfig", "metrics"),
    ("StatsdSink", "metrics"),
    ("trace.v3.", "tracing"),
    ("tracers.", "tracing"),
    ("TraceServiceConfig", "tracing"),
    ("dynamic_forward_proxy", APPLICATION),
    ("dns_filter", "dns"),
    (".redis_proxy.", "redis"),
    (".thrift_proxy.", "thrift"),
)
_FIELDS = {
    **dict.fromkeys(
        ("ads_config", "api_config_source", "lds_config", "cds_config", "hds_config", "load_stats_config"), "xds"
    ),
    "stats_sinks": "metrics",
    "access_log": "access_log",
    "rate_limit_service": "rate_limit",
    "remote_jwks": "jwks",
    "tracing": "tracing",
    "credentials": "http",
    "token_endpoint": "http",
    "http_uri": "http",
    "server_uri": "http",
    "http_service": "http",
    "grpc_service": "http",
    "remote": "fetched",
}
_NAMING = ("cluster", "cluster_name", "collector_cluster", "tcp_cluster_name", "cluster_names", "clusters")
_KEYS = "jwks"
_TELLING = ("metrics", "tracing", "access_log")
_OF_ITSELF = "Envoy tells of itself there, at its own times: that is no part of any probe"
_KEPT = "keys are fetched there before any probe, and kept"
_FETCHED = "what is fetched there before any probe is read from a file: nobody here has it"
_CONTROL_PLANE = "a control plane is there: this run answers what Envoy asks it, and no probe does"


@dataclass(frozen=True)
class Asked:
    """One place that names a cluster.

    Args:
        kind: what the cluster is to it.
        by: "http" where HTTP goes there, "tcp", "udp".
    """

    kind: str
    by: str
    place: Place


def asked(configuration: Configuration) -> dict[str, list[Asked]]:
    """For each name of a cluster, what it is asked for."""
    found: defaultdict[str, list[Asked]] = defaultdict(list)
    names = {camel: snake for snake in (*_FIELDS, *_NAMING) for camel in (snake, camel_case(snake))}
    for name, document in configuration.documents():
        if str(document.get("@type")) == ENDPOINTS:
            continue
        walk = _walk(document, (), APPLICATION, "", names)
        for cluster, kind, by, path in walk:
            place = configuration.place_in(name, path)
            found[cluster].append(Asked(kind, by, place))
    return dict(found)


def kind(uses: list[Asked]) -> str:
    """What a cluster is: an application, where it is that to anybody; nobody names one that is a service by chance.

    Keys are asked for at paths of their own (`at_paths`), so that anything else that it is comes before them.
    """
    kinds = [each.kind for each in uses]
    if APPLICATION in kinds or not kinds:
        return APPLICATION
    return next((each for each in kinds if each != _KEYS), _KEYS)


def at_paths(configuration: Configuration) -> dict[str, tuple[tuple[str, str], ...]]:
    """For names of clusters the paths at which keys, tokens or tunnels are asked for, each with the kind of service."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for _, document in configuration.documents():
        for _, each in objects(document):
            asked_there = ((inner(each, "remote_jwks", "http_uri"), _KEYS), (inner(each, "token_endpoint"), "http"))
            for uri, service in asked_there:
                name, written = uri.get("cluster"), uri.get("uri")
                if isinstance(name, str) and isinstance(written, str):
                    found[name].setdefault(uri_of(written).path or "/", service)
            tunnel = inner(each, "tunneling_config")
            if either(tunnel, "use_post"):
                path = str(either(tunnel, "post_path") or "/")
                for name in clusters_of(each):
                    found[name].setdefault(path.partition("?")[0], "tunnel")
    return {name: tuple(sorted(each.items())) for name, each in found.items()}


def clusters_of(proxy: JsonObject) -> Iterator[str]:
    """The clusters that a TCP proxy, or a route's action, names."""
    yield from _named([proxy.get("cluster"), *listed(inner(proxy, "weighted_clusters"), "clusters")])


def apart(uses: Mapping[str, list[Asked]]) -> dict[str, str]:
    """The clusters to which no probe may lead, as Envoy asks them for its own purposes, each with these in words."""
    own = {**dict.fromkeys(_TELLING, _OF_ITSELF), "xds": _CONTROL_PLANE, _KEYS: _KEPT, "fetched": _FETCHED}
    return {
        name: own[found]
        for name, each in uses.items()
        if (found := kind(each)) in own or (found != APPLICATION and (found := _kept(each)) in own)
    }


def _kept(uses: list[Asked]) -> str:
    return _KEYS if any(each.kind == _KEYS for each in uses) else ""


def telling(configuration: Configuration) -> tuple[str, ...]:
    """What the statistics of clusters are called to which Envoy tells of itself, at its own times."""
    logged = logged_clusters(each for each, _ in configuration.of_type(CLUSTER))
    named = {str(each.get("name")): told for each, told in logged}
    return tuple(named[name] for name, uses in asked(configuration).items() if name in named and kind(uses) in _TELLING)


def _walk(
    data: Json, path: tuple[Key, ...], kind: str, by: str, names: dict[str, str]
) -> Iterator[tuple[str, str, str, tuple[Key, ...]]]:
    if isinstance(data, list):
        for index, each in enumerate(data):
            yield from _walk(each, (*path, index), kind, by, names)
        return
    if not isinstance(data, dict):
        return
    message = kind_of(data)
    if message:
        kind = next((told for part, told in _MESSAGES if part in message), kind)
        by = "http" if message.endswith(HTTP) else "udp" if ".udp_proxy." in message else by
        by = "tcp" if message.endswith(".TcpProxy") or (".filters.network." in message and by != "http") else by
    for key, value in data.items():
        if not path and key == "node":
            continue
        field = names.get(str(key), str(key))
        if field in _NAMING and not _is_its_own(field, path):
            yield from ((each, kind, by, (*path, key)) for each in _named(value))
        yield from _walk(value, (*path, key), _of_field(field, kind), by, names)


def _is_its_own(field: str, path: tuple[Key, ...]) -> bool:
    """Whether clusters say so who they are, or whose endpoints these are: that asks nobody."""
    above = str(path[-1]) if path else ""
    return (field == "clusters" and above.startswith("static")) or above in ("load_assignment", "loadAssignment")


def _of_field(field: str, kind: str) -> str:
    """What is in that field; what is known of it already says more than one that many have."""
    told = _FIELDS.get(field)
    return told if told is not None and (kind == APPLICATION or told not in ("http", "access_log")) else kind


def _named(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))
        yield from (each["name"] for each in value if isinstance(each, dict) and isinstance(each.get("name"), str))
