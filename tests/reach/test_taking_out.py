"""A configuration without an extension."""

from typing import Any

from takeover.inventory.running import Extension
from takeover.reach.configurations import Configuration
from takeover.reach.extensions import Known, occurrences
from takeover.reach.taking_out import TakenOut, taken_out, without
from takeover.reach.walking import walk

_ANY = "type.googleapis.com/"
_HTTP = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_BUFFER = "envoy.extensions.filters.http.buffer.v3.Buffer"
_PER_ROUTE = f"{_BUFFER}PerRoute"
_INPUT = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_LISTENER = "envoy.config.listener.v3.Listener"
_CLUSTER = "envoy.config.cluster.v3.Cluster"


def _ways(message: str, data: dict[str, Any], extension: Extension) -> list[TakenOut]:
    there = Configuration(["a/b"], "envoy.yaml", message, data)
    met = list(walk(message, data))
    found = list(occurrences(Known([extension]), there, met))
    assert found
    return list(taken_out(found, {"envoy.yaml": {each.path: each for each in met}}))


def _any(message: str, **fields: Any) -> dict[str, Any]:
    return {"name": "it", "typed_config": {"@type": _ANY + message, **fields}}


def test_nothing_of_the_data_changes_and_places_in_lists_stay_right() -> None:
    data = {"a": [1, {"b": 2, "c": 3}, 4], "d": 5}

    assert without(data, [("a", 0), ("a", 1, "b"), ("a", 2), ("d",)]) == {"a": [{"c": 3}]}
    assert without(data, [("a", 1, "b"), ("a", 1)]) == {"a": [1, 4], "d": 5}
    assert data == {"a": [1, {"b": 2, "c": 3}, 4], "d": 5}


def test_an_extension_is_taken_out_of_all_places_then_with_what_holds_it_but_never_with_a_filter_chain() -> None:
    http = _any(_HTTP, http_filters=[_any(_BUFFER), _any("of.Another"), _any(_BUFFER)])
    listener = {"filter_chains": [{"filters": [http]}, {"filters": [_any("of.Another")]}]}

    itself, with_manager = _ways(_LISTENER, listener, Extension("envoy.filters.http", "buffer", (_BUFFER,)))

    assert itself.how == "itself"
    [filter_, _] = [chain["filters"] for chain in itself.data["envoy.yaml"]["filter_chains"]]
    assert filter_[0]["typed_config"]["http_filters"] == [_any("of.Another")]
    assert with_manager.how == "with its HttpConnectionManager"
    assert with_manager.data["envoy.yaml"]["filter_chains"] == [{"filters": []}, {"filters": [_any("of.Another")]}]


def test_what_a_map_holds_goes_by_its_key() -> None:
    route = {"typed_per_filter_config": {"a": {"@type": _ANY + _PER_ROUTE}, "b": {"@type": f"{_ANY}of.Another"}}}

    first, *_ = _ways("envoy.config.route.v3.Route", route, Extension("envoy.filters.http", "buffer", (_PER_ROUTE,)))

    assert first.data == {"envoy.yaml": {"typed_per_filter_config": {"b": {"@type": f"{_ANY}of.Another"}}}}


def test_outwards_the_nearest_messages_go_first() -> None:
    predicate = {"single_predicate": {"input": _any(_INPUT), "value_match": {"exact": "a"}}}
    host = {"name": "a", "matcher": {"matcher_list": {"matchers": [{"predicate": predicate}]}}}

    ways = _ways(
        "envoy.config.route.v3.VirtualHost", host, Extension("envoy.matching.http.input", "request_headers", (_INPUT,))
    )

    assert [each.how for each in ways] == [
        "itself",
        "with its SinglePredicate",
        "with its Predicate",
        "with its FieldMatcher",
        "with its MatcherList",
        "with its Matcher",
    ]
    assert ways[-1].data == {"envoy.yaml": {"name": "a"}}


def test_what_is_implied_gets_another_in_its_place_or_none() -> None:
    balancer = Extension("envoy.load_balancing_policies", "envoy.load_balancing_policies.round_robin")
    [way] = _ways(_CLUSTER, {"name": "a", "lbPolicy": "ROUND_ROBIN"}, balancer)
    assert (way.how, way.data) == ("MAGLEV in its place", {"envoy.yaml": {"name": "a", "lb_policy": "MAGLEV"}})

    raw = Extension("envoy.transport_sockets.upstream", "envoy.transport_sockets.raw_buffer")
    assert _ways(_CLUSTER, {"name": "a"}, raw) == []

    checker = Extension("envoy.health_checkers", "envoy.health_checkers.tcp")
    check = {"timeout": "1s", "tcp_health_check": {}}
    [way] = _ways(_CLUSTER, {"health_checks": [check, {"http_health_check": {}}]}, checker)
    assert way.data == {"envoy.yaml": {"health_checks": [{"http_health_check": {}}]}}

    formatter = Extension("envoy.built_in_formatters", "envoy.built_in_formatters.http.default")
    [way] = _ways(
        "envoy.config.core.v3.SubstitutionFormatString",
        {"json_format": {"a": "100%% %REQ(a?b):3% %PROTOCOL%"}},
        formatter,
    )
    assert way.data == {"envoy.yaml": {"json_format": {"a": "100%%  "}}}


def test_a_cluster_of_a_type_of_its_own_stays_without_hosts() -> None:
    redis = "envoy.extensions.clusters.redis.v3.RedisClusterConfig"
    cluster = {"name": "a", "lb_policy": "CLUSTER_PROVIDED", "cluster_type": _any(redis), "load_assignment": {}}

    [way] = _ways(
        "envoy.config.bootstrap.v3.Bootstrap.StaticResources",
        {"clusters": [{"name": "b"}, cluster]},
        Extension("envoy.clusters", "envoy.clusters.redis", (redis,)),
    )

    assert way.data == {"envoy.yaml": {"clusters": [{"name": "b"}, {"name": "a", "type": "STATIC"}]}}


def test_a_clusters_type_in_what_is_not_known_to_be_a_cluster_is_not_taken_out() -> None:
    redis = "envoy.extensions.clusters.redis.v3.RedisClusterConfig"
    typed = {"name": "envoy.clusters.redis", "typed_config": {"@type": f"type.googleapis.com/{redis}"}}
    new = {"@type": "type.googleapis.com/envoy.config.of.tomorrow.v3.Cluster", "cluster_type": typed}

    assert not _ways("", {"resources": [new]}, Extension("envoy.clusters", "envoy.clusters.redis", (redis,)))


def test_what_is_spoken_is_told_by_another_in_its_place() -> None:
    proxy = "envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy"

    [framed] = _ways(proxy, {"transport": "FRAMED"}, Extension("envoy.thrift_proxy.transports", "framed"))
    [header] = _ways(proxy, {"transport": "HEADER"}, Extension("envoy.thrift_proxy.transports", "header"))
    [auto] = _ways(proxy, {}, Extension("envoy.thrift_proxy.protocols", "auto"))

    assert framed.data == {"envoy.yaml": {"transport": "HEADER"}}
    assert header.data == {"envoy.yaml": {"transport": "FRAMED"}}
    assert auto.data == {"envoy.yaml": {"protocol": "COMPACT"}}
