"""Worlds on the local engine: a configuration comes up in its own, and each way leads where the configuration says."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from takeover.check.given import read
from takeover.check.records import World
from takeover.check.world import build
from takeover.engines import choose
from takeover.engines.contract import Engine
from takeover.envoy.releases import resolve
from takeover.scenario.library import Library
from takeover.scene import Scene
from tests.check.world.worlds import (
    DOWNSTREAM_TLS,
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

H2 = {
    "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    release = resolve(None)[0]
    with contextlib.closing(choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)) as made:
        yield made


Deploy = Callable[..., contextlib.AbstractContextManager[tuple[World, Scene]]]


@pytest.fixture
def deploy(engine: Engine, tmp_path: Path) -> Deploy:
    @contextlib.contextmanager
    def deployed(data: dict[str, Any], *resources: Any) -> Iterator[tuple[World, Scene]]:
        world = Built(given(data, *resources), tmp_path / "mine").world
        scenario = Library(tmp_path).scenario("mine")
        with contextlib.closing(Scene.deploy(engine, resolve(None)[0], scenario)) as scene:
            yield world, scene

    return deployed


def ask(scene: Scene, world: World, name: str, path: str = "/", **headers: str) -> Any:
    way = next(each for each in world.ways if each.listener == name)
    return scene.ask(way.pod, f"http://{way.host}:{way.port}{path}", way.container, headers=headers)


def test_a_gateway_is_answered_wherever_it_dials(deploy: Deploy) -> None:
    context = {"trusted_ca": {"filename": "/etc/ssl/ca.pem"}}
    names = [{"san_type": "DNS", "matcher": {"exact": "secure.test"}}]
    validating = tls(validation_context=context | {"match_typed_subject_alt_names": names})
    validating["typed_config"]["sni"] = "secure.test"
    authz = {"name": "authz", "typed_config": {
        "@type": f"{TYPE}envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "grpc_service": {"envoy_grpc": {"cluster_name": "authz"}, "timeout": "5s"}}}  # fmt: skip
    pair = {"certificate_chain": {"filename": "/etc/tls/crt"}, "private_key": {"filename": "/etc/tls/key"}}
    encrypted = {"name": "tls", "typed_config": {
        "@type": DOWNSTREAM_TLS, "common_tls_context": {"tls_certificates": [pair]}}}  # fmt: skip
    secure = listener("secure", 8443)
    secure["filter_chains"] = [{"filters": [http("plain")], "transport_socket": encrypted}]
    listeners = [
        listener("front", 8080, http("plain")),
        listener("to-tls", 8081, http("tls")),
        listener("asking", 8082, http("plain", authz)),
        listener("raw", 8083, tcp("same-port")),
        secure,
    ]
    clusters = [
        cluster("plain", "plain.test", 80),
        cluster("tls", "secure.test", 443, transport_socket=validating, **H2),
        cluster("authz", "Authz_service.test", 9000, **H2),
        cluster("same-port", "10.1.2.3", 8080),
    ]
    with deploy(bootstrap(listeners, clusters)) as (world, scene):
        dialled = {each.cluster: f"{each.address}:{each.port}" for each in world.dialled}
        assert ask(scene, world, "front").headers["x-reached"] == dialled["plain"]
        assert ask(scene, world, "to-tls").headers["x-reached"] == dialled["tls"]
        assert ask(scene, world, "asking").status_code == 200
        denied = json.dumps({"answer": {"status": {"code": 7}, "denied_response": {"status": {"code": 401}}}})
        assert ask(scene, world, "asking", "/", **{"x-authz": denied}).status_code == 401
        asked = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n"
        raw = scene.converse("given", "127.0.0.1", 8083, asked, "upstream", lambda got: got.count(b"\n") > 5)
        assert f"x-reached: {dialled['same-port']}".encode() in raw.received
        assert ask(scene, world, "front", "/", **{"x-behave": "http-1.0"}).text == "until the end\n"


def test_a_sidecar_that_is_served_gets_intercepted_connections(deploy: Deploy) -> None:
    original = {"name": "passthrough", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "1s"}
    eds = {
        "name": "app",
        "type": "EDS",
        "connect_timeout": "1s",
        "eds_cluster_config": {"eds_config": {"ads": {}, "resource_api_version": "V3"}},
    }
    front = http("app", rds={"route_config_name": "80", "config_source": {"ads": {}, "resource_api_version": "V3"}})
    routes = front["typed_config"].pop("route_config") | {"name": "80"}
    outbound = listener("virtualOutbound", 15001, tcp("passthrough"), use_original_dst=True)
    service = listener("10.96.0.7_80", 80, front, host="10.96.0.7", bind_to_port=False)
    resources = [
        served("envoy.config.listener.v3.Listener", "virtualOutbound", outbound),
        served("envoy.config.listener.v3.Listener", "10.96.0.7_80", service),
        served("envoy.config.route.v3.RouteConfiguration", "80", routes),
        served("envoy.config.cluster.v3.Cluster", "app", eds),
        served("envoy.config.cluster.v3.Cluster", "passthrough", original),
        served("envoy.config.endpoint.v3.ClusterLoadAssignment", "app", cluster("app")["load_assignment"]),
    ]
    xds = cluster("xds", "control.test", 15010, **H2)
    grpc = {"envoy_grpc": {"cluster_name": "xds"}}
    dynamic = {
        "ads_config": {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "grpc_services": [grpc]},
        "lds_config": {"ads": {}, "resource_api_version": "V3"},
        "cds_config": {"ads": {}, "resource_api_version": "V3"},
    }
    admin = {"address": at("127.0.0.1", 15000)}
    data = bootstrap([], [xds], dynamic_resources=dynamic, admin=admin, node={"id": "sidecar", "cluster": "app"})
    with deploy(data, *resources) as (world, scene):
        with scene.watched() as observed:
            assert ask(scene, world, "10.96.0.7_80").headers["x-reached"] == "10.1.2.3:80"
        assert observed.envoy.upstream_cluster == "app"
        through = ask(scene, world, "virtualOutbound")
        way = next(each for each in world.ways if each.listener == "virtualOutbound")
        assert through.headers["x-reached"] == way.original


@pytest.mark.parametrize("name", ["gateway-auth-lua", "mesh-both-directions", "outbound-block-all"])
def test_our_own_configurations_come_up_in_a_world_of_theirs(name: str, engine: Engine, tmp_path: Path) -> None:
    config = Library.bundled().scenario(name).config_path("envoy.yaml")
    world = build(read(config, {}), tmp_path / "mine")
    assert world.ways
    with contextlib.closing(Scene.deploy(engine, resolve(None)[0], Library(tmp_path).scenario("mine"))) as scene:
        for way in world.ways:
            scene.connect(way.pod, way.host, way.port, way.container).close()
