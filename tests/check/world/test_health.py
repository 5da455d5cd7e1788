"""What health checks want is answered, and what nothing here answers is not asked, which is said."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from takeover.engines import choose
from takeover.envoy.releases import resolve
from takeover.peers.world.table import HealthRequest
from takeover.scenario.library import Library
from takeover.scene import Scene
from tests.check.world.worlds import TYPE, Built, bootstrap, cluster, given, http, listener, served, tcp, tls

REDIS = f"{TYPE}envoy.extensions.health_checkers.redis.v3.Redis"
THRIFT = f"{TYPE}envoy.extensions.health_checkers.thrift.v3.Thrift"
THRIFT_PROXY = f"{TYPE}envoy.extensions.filters.network.thrift_proxy.v3."
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HTTP2 = {OPTIONS: {"@type": f"{TYPE}{OPTIONS}", "explicit_http_config": {"http2_protocol_options": {}}}}
NO_PANIC: dict[str, Any] = {"common_lb_config": {"healthy_panic_threshold": {"value": 0}}}
"""Or hosts that are ill are asked, too, where all are."""


def web(**more: Any) -> dict[str, Any]:
    return {"http_health_check": {"path": "/healthz", **more}}


def sends(**more: Any) -> dict[str, Any]:
    return {"tcp_health_check": more}


def custom(url: str, **more: Any) -> dict[str, Any]:
    return {"custom_health_check": {"name": "custom", "typed_config": {"@type": url, **more}}}


def checked(name: str, check: dict[str, Any], host: str = "10.1.2.3", **more: Any) -> dict[str, Any]:
    checks = [{"timeout": "1s", "interval": "5s", "unhealthy_threshold": 1, "healthy_threshold": 1, **check}]
    return cluster(name, host, health_checks=checks, **NO_PANIC, **more)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (web(), HealthRequest("GET", "/healthz", "app", "Envoy/HC")),
        (web(host="a.b", method="HEAD"), HealthRequest("HEAD", "/healthz", "a.b", "Envoy/HC")),
        (web(method=3), HealthRequest("POST", "/healthz", "app", "Envoy/HC")),
        (web(method="METHOD_UNSPECIFIED"), HealthRequest("GET", "/healthz", "app", "Envoy/HC")),
        (web(method=99), HealthRequest("", "/healthz", "app", "Envoy/HC")),  # Envoy says what is wrong with it
        (web(expected_statuses=[{"start": "a", "end": 205}]), HealthRequest("GET", "/healthz", "app", "Envoy/HC")),
        (web(expected_statuses=[{"start": 204, "end": 205}]), HealthRequest(
            "GET", "/healthz", "app", "Envoy/HC", 204)),
        (web(expectedStatuses=[{"start": "401", "end": "402"}, {"start": "100", "end": "300"}]), HealthRequest(
            "GET", "/healthz", "app", "Envoy/HC", 200)),
        (web(expected_statuses=[{"start": 204, "end": 206}], receive=[{"text": "6F6b"}, {"binary": "IQ=="}]),
         HealthRequest("GET", "/healthz", "app", "Envoy/HC", 205, (), b"ok!".hex())),
        (web(service_name_matcher={"prefix": "shop"}, request_headers_to_remove=["User-Agent"]), HealthRequest(
            "GET", "/healthz", "app", "", 200, ("x-envoy-upstream-healthchecked-cluster: shopa",))),
        (web(request_headers_to_add=[{"header": {"key": "user-agent", "value": "we"}}]), HealthRequest(
            "GET", "/healthz", "app", "")),
    ],
)  # fmt: skip
def test_what_a_check_of_http_wants_is_in_the_table(tmp_path: Path, check: Any, expected: HealthRequest) -> None:
    app = checked("app", check)
    built = Built(given(bootstrap([listener("in", 8080, http("app"))], [app])), tmp_path / "mine")
    assert built.place("10.1.2.3", 80).health == (expected,)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (sends(), ()),
        (sends(send={"text": "00FF"}), (("00ff", ""),)),
        (sends(send={"binary": "AA=="}, receive=[{"text": "01"}, {"text": "02"}]), (("00", "0102"),)),
        (custom(REDIS), ((b"*1\r\n$4\r\nPING\r\n".hex(), b"+PONG\r\n".hex()),)),
        (custom(REDIS, key="here"), ((b"*2\r\n$6\r\nEXISTS\r\n$4\r\nhere\r\n".hex(), b":0\r\n".hex()),)),
    ],
)
def test_what_other_checks_send_and_want_is_in_the_table(tmp_path: Path, check: Any, expected: Any) -> None:
    app = checked("app", check)
    built = Built(given(bootstrap([listener("in", 8080, tcp("app"))], [app])), tmp_path / "mine")
    assert built.place("10.1.2.3", 80).exchanges == expected


def test_clusters_at_one_address_have_all_their_checks_there(tmp_path: Path) -> None:
    one, other = checked("one", web()), checked("other", web(expected_statuses=[{"start": 204, "end": 205}]))
    built = Built(given(bootstrap([listener("in", 8080, http("one"))], [one, other])), tmp_path / "mine")
    assert [(each.host, each.status) for each in built.place("10.1.2.3", 80).health] == [("one", 200), ("other", 204)]


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (web(codec_client_type="HTTP3"), "HTTP/3"),
        (web(expected_statuses=[{"start": 100, "end": 200}]), "no status"),
        (web(expected_statuses=[{"start": 204, "end": 205}], receive=[{"text": "00"}]), "no status"),
        (web(service_name_matcher={"safe_regex": {"regex": "a{3}[0-9]{2}"}}), "service_name_matcher"),
        (sends(receive=[{"text": "00"}]), "was sent none"),
        (custom(THRIFT, method_name="ping"), "Thrift"),
        (custom(f"{TYPE}a.Mine"), "a.Mine"),
        ({"custom_health_check": {"name": "of.ours"}}, "of.ours"),
    ],
)
def test_what_nothing_here_answers_is_not_asked_which_is_said(tmp_path: Path, check: Any, why: str) -> None:
    app = checked("app", check)
    built = Built(given(bootstrap([listener("in", 8080, http("app"))], [app])), tmp_path / "mine")
    assert "health_checks" not in built.config()["static_resources"]["clusters"][0]
    [said] = [each for each in built.world.different if "is not checked" in each.what]
    assert why in said.why
    assert said.place is not None


def test_envoy_finds_each_host_well(tmp_path: Path) -> None:
    """Whatever the checks are, through the same Envoy, which sends no request to a host that is ill."""
    listens = {"filters": [{"name": "thrift", "typed_config": {
        "@type": f"{THRIFT_PROXY}ThriftProxy", "stat_prefix": "t", "transport": "FRAMED", "protocol": "BINARY",
        "route_config": {"name": "t", "routes": [{"match": {"method_name": ""}, "route": {"cluster": "calls"}}]},
        "thrift_filters": [{"name": "router", "typed_config": {"@type": f"{THRIFT_PROXY}router.v3.Router".replace(
            "thrift_proxy.v3.router", "thrift_proxy.router")}}]}}]}  # fmt: skip
    matched = [{"name": "plain", "match": {"health": "plain"}, "transport_socket": {
        "name": "raw", "typed_config": {"@type": f"{TYPE}envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}}},
        {"name": "tls", "match": {}, "transport_socket": tls()}]  # fmt: skip
    of_status = {"expected_statuses": [{"start": 418, "end": 419}]}
    clusters = [
        checked("status", web(**of_status), "a.test"),
        checked("text", web(receive=[{"text": "6f6b"}], method="POST"), "b.test"),
        checked("named", web(service_name_matcher={"suffix": "ping"}), "c.test"),
        checked("second", web(codec_client_type="HTTP2", **of_status), "d.test"),
        checked("behaves", {"http_health_check": {"path": "/reset-at-once"}}, "e.test"),
        checked("secure", web(**of_status), "f.test", transport_socket=tls()),
        checked("matched", {**web(**of_status), "transport_socket_match_criteria": {"health": "plain"}}, "g.test",
                transport_socket_matches=matched),
        checked("offers", {**web(**of_status), "tls_options": {"alpn_protocols": ["http/1.1"]}}, "h.test",
                transport_socket=tls(), typed_extension_protocol_options=HTTP2),
        checked("called", {"grpc_health_check": {"service_name": "a.B"}}, "i.test",
                typed_extension_protocol_options=HTTP2),
        checked("bytes", sends(send={"text": "00FF"}, receive=[{"text": "01"}, {"text": "02"}]), "j.test"),
        checked("proxied", sends(send={"text": "00FF"}, receive=[{"text": "01"}], proxy_protocol_config={
            "version": "V2"}), "k.test"),
        checked("waits", sends(receive=[{"text": "00"}]), "l.test"),
        checked("ping", custom(REDIS), "m.test"),
        checked("key", custom(REDIS, key="here"), "n.test"),
        checked("calls", custom(THRIFT, method_name="ping", transport="FRAMED", protocol="BINARY"), "o.test"),
    ]  # fmt: skip
    names = [each["name"] for each in clusters]
    routes = [{"match": {"prefix": f"/{each}/"}, "route": {"cluster": each}} for each in names if each != "calls"]
    manager = http("status", route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]})
    thrift = listener("thrift", 8081) | {"filter_chains": [listens]}
    built = Built(given(bootstrap([listener("in", 8080, manager), thrift], clusters)), tmp_path / "mine")
    assert [each for each in built.different if "not checked" in each] == [
        "the health of waits is not checked: its hosts are well"
    ]
    release = resolve(None)[0]
    with (
        contextlib.closing(choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)) as engine,
        contextlib.closing(Scene.deploy(engine, release, Library(tmp_path).scenario("mine"))) as scene,
    ):
        stats = scene.ask("given", "http://127.0.0.1:9901/stats?filter=membership_healthy", "upstream").text
        assert {each.split(".")[1]: each.split(": ")[1] for each in stats.splitlines()} == dict.fromkeys(names, "1")
        answers = {
            each: scene.ask("given", f"http://127.0.0.1:8080/{each}/a", "upstream").status_code
            for each in names
            if each != "calls"
        }
        assert answers == dict.fromkeys(answers, 200)


def test_the_control_plane_of_a_run_is_not_asked_how_it_is(tmp_path: Path) -> None:
    source = {"api_type": "GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]}
    dynamic = {"ads_config": source, "lds_config": {"ads": {}}}
    xds = checked("xds", {"grpc_health_check": {}}, typed_extension_protocol_options=HTTP2)
    one = served("envoy.config.listener.v3.Listener", "in", listener("in", 8080, http("xds")))
    built = Built(given(bootstrap([], [xds], dynamic_resources=dynamic), one), tmp_path / "mine")
    assert "the health of xds is not checked: its hosts are well" in built.different
