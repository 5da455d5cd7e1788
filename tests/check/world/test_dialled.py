"""Everything that a configuration dials is answered, by what it wants there."""

from pathlib import Path
from typing import Any

import pytest

from takeover.check.world.addresses import has_ipv6
from tests.check.world.worlds import (
    TYPE,
    Built,
    at,
    bootstrap,
    cluster,
    given,
    http,
    listener,
    served,
    tcp,
    tls,
)

GRPC = {"grpc_service": {"envoy_grpc": {"cluster_name": "asked"}}}
URI = {"uri": "http://asked/keys", "cluster": "asked", "timeout": "1s"}


def filter_of(kind: str, **more: Any) -> dict[str, Any]:
    return {"name": "filter", "typed_config": {"@type": f"{TYPE}envoy.extensions.filters.http.{kind}", **more}}


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("ext_authz", filter_of("ext_authz.v3.ExtAuthz", **GRPC)),
        ("ext_authz", filter_of("ext_authz.v3.ExtAuthz", http_service={"server_uri": URI})),
        ("ext_proc", filter_of("ext_proc.v3.ExternalProcessor", **GRPC)),
        ("rate_limit", filter_of("ratelimit.v3.RateLimit", rate_limit_service=GRPC)),
        ("jwks", filter_of("jwt_authn.v3.JwtAuthentication", providers={"a": {"remote_jwks": {"http_uri": URI}}})),
        ("http", filter_of("oauth2.v3.OAuth2", config={"token_endpoint": URI})),
        ("application", filter_of("lua.v3.Lua")),
    ],
)
def test_a_cluster_is_what_names_it(kind: str, named: dict[str, Any], tmp_path: Path) -> None:
    used = "asked" if kind == "application" else "app"
    clusters = [cluster("asked", port=9000), cluster("app")]
    built = Built(given(bootstrap([listener("one", 8080, http(used, named))], clusters)), tmp_path / "mine")
    assert {each.cluster: each.service.kind for each in built.world.dialled} == {"asked": kind, "app": "application"}
    assert built.place("10.1.2.3", 9000).kind == kind


def test_a_uri_that_was_redacted_is_one_of_no_path(tmp_path: Path) -> None:
    uri = {**URI, "uri": "https://[redacted]/keys"}
    keys = filter_of("jwt_authn.v3.JwtAuthentication", providers={"a": {"remote_jwks": {"http_uri": uri}}})
    listeners = [listener("one", 8080, http("app", keys))]
    built = Built(given(bootstrap(listeners, [cluster("asked", port=9000), cluster("app")])), tmp_path / "mine")
    assert built.place("10.1.2.3", 9000).kind == "jwks"


@pytest.mark.parametrize("used", ["asked", "app"])
def test_keys_and_tokens_are_asked_for_at_their_paths_beside_all_else(used: str, tmp_path: Path) -> None:
    keys = filter_of("jwt_authn.v3.JwtAuthentication", providers={"a": {"remote_jwks": {"http_uri": URI}}})
    token = filter_of("oauth2.v3.OAuth2", config={"token_endpoint": {**URI, "uri": "https://asked.test/token?a=b"}})
    clusters = [cluster("asked", port=9000), cluster("app")]
    listeners = [listener("one", 8080, http(used, keys, token))]
    built = Built(given(bootstrap(listeners, clusters)), tmp_path / "mine")
    place = built.place("10.1.2.3", 9000)
    assert place.services == (("/keys", "jwks"), ("/token", "http"))
    assert place.kind == ("application" if used == "asked" else "http")


@pytest.mark.parametrize(
    ("kind", "proxy"),
    [
        ("redis", {"prefix_routes": {"catch_all_route": {"cluster": "asked"}}}),
        ("thrift", {"route_config": {"routes": [{"match": {"method_name": ""}, "route": {"cluster": "asked"}}]}}),
    ],
)
def test_what_speaks_neither_http_nor_bytes_is_known_by_its_proxy(
    kind: str, proxy: dict[str, Any], tmp_path: Path
) -> None:
    message = f"{TYPE}envoy.extensions.filters.network.{kind}_proxy.v3.{kind.title()}Proxy"
    filters = {"name": kind, "typed_config": {"@type": message, "stat_prefix": "a", **proxy}}
    slots = {"@type": f"{TYPE}envoy.extensions.clusters.redis.v3.RedisClusterConfig", "cluster_refresh_rate": "5s"}
    asked = cluster("asked", port=9000, cluster_type={"name": "envoy.clusters.redis", "typed_config": slots})
    built = Built(given(bootstrap([listener("one", 8080, filters)], [asked])), tmp_path / "mine")
    assert (built.place("10.1.2.3", 9000).kind, built.place("10.1.2.3", 9000).is_http) == (kind, False)
    [made] = built.config()["static_resources"]["clusters"]
    assert made["cluster_type"]["typed_config"]["cluster_refresh_rate"] == "86400s"


def test_other_services_are_known_by_where_they_are_named(tmp_path: Path) -> None:
    log = {"@type": f"{TYPE}envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", "common_config": GRPC}
    zipkin = {"@type": f"{TYPE}envoy.config.trace.v3.ZipkinConfig", "collector_cluster": "tracer"}
    metrics = {"@type": f"{TYPE}envoy.config.metrics.v3.MetricsServiceConfig", "grpc_service": {
        "envoy_grpc": {"cluster_name": "metrics"}}}  # fmt: skip
    statsd = {"@type": f"{TYPE}envoy.config.metrics.v3.StatsdSink", "address": at("10.9.9.9", 8125)}
    one = http("app", access_log=[{"name": "a", "typed_config": log}], tracing={"provider": {"typed_config": zipkin}})
    names = ("asked", "tracer", "metrics", "app")
    clusters = [cluster(name, port=9000 + number) for number, name in enumerate(names)]
    sinks = [{"name": "m", "typed_config": metrics}, {"name": "s", "typed_config": statsd}]
    built = Built(given(bootstrap([listener("one", 8080, one)], clusters, stats_sinks=sinks)), tmp_path / "mine")
    kinds = {each.cluster: each.service.kind for each in built.world.dialled}
    assert kinds == {
        "asked": "access_log",
        "tracer": "tracing",
        "metrics": "metrics",
        "app": "application",
        "": "metrics",
    }
    assert built.place("10.9.9.9", 8125).transport == "udp"


def test_each_name_has_an_address_of_its_own_that_nothing_else_has(tmp_path: Path) -> None:
    clusters = [cluster("one", "one.test"), cluster("two", "Two_of.test", 81), cluster("three", "198.18.0.9")]
    built = Built(given(bootstrap([listener("in", 8080, http("one"))], clusters)), tmp_path / "mine")
    one, two, three = built.world.dialled
    assert one.address.startswith("198.19.")
    assert two.address.startswith("198.19.")
    assert one.address != two.address
    assert three.address == "198.18.0.9"
    assert set(built.table.addresses) == {one.address, two.address, three.address}
    hosts = built.file("/etc/hosts").splitlines()
    assert f"{one.address}\tone.test" in hosts
    assert f"{two.address}\tTwo_of.test" in hosts


def test_one_name_more_leaves_the_others_where_they_are(tmp_path: Path) -> None:
    few = [cluster(f"c{number}", f"c{number}.test") for number in range(20)]
    more = [*few, cluster("new", "a-new-one.test")]
    addresses = []
    for name, clusters in (("few", few), ("more", more)):
        built = Built(given(bootstrap([], clusters)), tmp_path / name)
        addresses.append({each.host: each.address for each in built.world.dialled})
    assert addresses[0].items() <= addresses[1].items()


HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def test_what_leads_to_envoy_itself_is_left_to_it(tmp_path: Path) -> None:
    options = {"@type": f"type.googleapis.com/{HTTP_OPTIONS}", "explicit_http_config": {"http2_protocol_options": {}}}
    inside = cluster("inside")
    inside["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = {
        "envoy_internal_address": {"server_listener_name": "in"}
    }
    clusters = [
        cluster("itself", "127.0.0.1", 8080),
        cluster("by-http2", "127.0.0.1", 8080, typed_extension_protocol_options={HTTP_OPTIONS: options}),
        inside,
        cluster("beside", "127.0.0.1", 8081),
        cluster("same-port", "10.1.2.3", 8080),
    ]
    built = Built(given(bootstrap([listener("in", 8080, http("itself"))], clusters)), tmp_path / "mine")
    assert {(each.address, each.port) for each in built.table.places} == {("127.0.0.1", 8081), ("10.1.2.3", 8080)}
    made = {each["name"]: each for each in built.config()["static_resources"]["clusters"]}
    common = made["by-http2"]["typed_extension_protocol_options"][HTTP_OPTIONS]["common_http_protocol_options"]
    assert common == {"max_requests_per_connection": 1}
    assert {name for name, each in made.items() if "max_requests_per_connection" in each} == {"itself", "inside"}
    assert "a connection of itself, by-http2, inside is for one request" in built.different


def test_what_leads_to_the_admin_api_is_answered_and_that_goes_elsewhere(tmp_path: Path) -> None:
    """What it says is other each time, and it ends no connection."""
    admin = {"address": at("127.0.0.1", 9901)}
    data = bootstrap([listener("in", 8080, http("admin"))], [cluster("admin", "127.0.0.1", 9901)], admin=admin)
    built = Built(given(data), tmp_path / "mine")
    assert built.place("127.0.0.1", 9901).kind == "application"
    assert built.config()["admin"]["address"]["socket_address"]["port_value"] not in (9901, 8080)


def test_a_certificate_is_for_the_names_that_a_cluster_expects(tmp_path: Path) -> None:
    names = [
        {"san_type": "URI", "matcher": {"exact": "spiffe://mesh/ns/a/sa/b"}},
        {"san_type": "DNS", "matcher": {"suffix": ".inside.test"}},
        {"san_type": "DNS", "matcher": {"safe_regex": {"regex": r"^api\.(one|two)\.test$"}}},
    ]
    socket = tls(validation_context={"trusted_ca": {"filename": "/ca.pem"}, "match_typed_subject_alt_names": names})
    socket["typed_config"]["sni"] = "outer.test"
    clusters = [cluster("secure", "app.test", 443, transport_socket=socket), cluster("plain")]
    built = Built(given(bootstrap([listener("in", 8080, http("secure"))], clusters)), tmp_path / "mine")
    secure, plain = built.world.dialled
    expected = ("outer.test", "spiffe://mesh/ns/a/sa/b", "a.inside.test", "api.one.test", "app.test")
    assert secure.server_names == expected
    assert plain.server_names == ()
    place = built.place(secure.address, 443)
    assert (built.folder / f"world/{place.certificate}.pem").exists()
    assert built.file("/ca.pem") == (built.folder / "world/ca.pem").read_text()


def test_endpoints_that_are_served_are_dialled(tmp_path: Path) -> None:
    eds = {"type": "EDS", "eds_cluster_config": {"service_name": "there", "eds_config": {"ads": {}}}}
    one = {"name": "one", "connect_timeout": "1s", **eds}
    two = {"name": "two", "connect_timeout": "1s", "type": "EDS", "eds_cluster_config": {"eds_config": {"ads": {}}}}
    endpoints = cluster("there", "10.7.7.7", 7000)["load_assignment"]
    resources = [
        served("envoy.config.cluster.v3.Cluster", "one", one),
        served("envoy.config.cluster.v3.Cluster", "two", two),
        served("envoy.config.endpoint.v3.ClusterLoadAssignment", "there", endpoints),
    ]
    built = Built(given({}, *resources), tmp_path / "mine")
    assert [(each.cluster, each.address, each.port) for each in built.world.dialled] == [("one", "10.7.7.7", 7000)]
    assert "the cluster two has no endpoints" in built.different


def test_sockets_resolvers_and_other_ports_are_dialled(tmp_path: Path) -> None:
    pipe = cluster("pipe")
    pipe["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = {"pipe": {"path": "./run/a/s"}}
    health = cluster("health", health_checks=[{"tcp_health_check": {}}])
    health["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["health_check_config"] = {"port_value": 99}
    resolving = cluster("names", "n.test", dns_resolvers=[at("10.96.0.10", 53)])
    google = {"google_grpc": {"target_uri": "dns:///rates.test:9090", "stat_prefix": "g"}}
    limit = filter_of("ratelimit.v3.RateLimit", rate_limit_service={"grpc_service": google})
    clusters = [pipe, health, resolving]
    built = Built(given(bootstrap([listener("in", 8080, http("pipe", limit))], clusters)), tmp_path / "mine")
    there = {(each.host, each.port): each.service.kind for each in built.world.dialled}
    assert there["./run/a/s", 0] == "application"
    assert there["10.1.2.3", 99] == "application"
    assert there["10.96.0.10", 53] == "dns"
    assert there["rates.test", 9090] == "rate_limit"
    assert built.place("/run/a/s", 0).kind == "application"
    folders = {each["mountPath"] for each in built.container("upstream")["volumeMounts"]}
    assert "/run/a" in folders


def test_a_resolver_may_take_localhost_for_either_loopback(tmp_path: Path) -> None:
    built = Built(given(bootstrap([], [cluster("local", "localhost", 8081)])), tmp_path / "mine")
    expected = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
    assert [each.address for each in built.table.places] == expected
    assert built.table.addresses == tuple(expected[1:])


@pytest.mark.parametrize(("path", "is_there"), [("/etc/sock", True), ("/usr/sock", False), ("/sock", False)])
def test_a_socket_is_where_no_programs_are(path: str, is_there: bool, tmp_path: Path) -> None:
    pipe = cluster("pipe")
    pipe["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = {"pipe": {"path": path}}
    built = Built(given(bootstrap([], [pipe])), tmp_path / "mine")
    assert [each.address for each in built.table.places] == ([path] if is_there else [])
    assert (f"nothing answers at the socket {path}" in built.different) != is_there
    mounts = [each["mountPath"] for each in built.container("upstream")["volumeMounts"]]
    assert mounts.index("/etc/world") == is_there  # within the folder of the socket


def test_what_is_no_http_may_be_anything(tmp_path: Path) -> None:
    listeners = [listener("in", 8080, http("web")), listener("raw", 8081, tcp("raw"))]
    clusters = [cluster("web", port=1), cluster("raw", port=2)]
    built = Built(given(bootstrap(listeners, clusters)), tmp_path / "mine")
    assert built.place("10.1.2.3", 1).is_http
    assert not built.place("10.1.2.3", 2).is_http
