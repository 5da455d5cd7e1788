"""A real Envoy takes every type from the control plane, in each of the four ways."""

import ssl
import time

import pytest

from takeover.evidence.quiescence import waited_for
from takeover.peers.control_plane.discovery import url_of
from tests.peers.control_plane import LOOPBACK, Json, Plane, cluster, endpoints, listener, routes
from tests.peers.real_envoy import LABELS, Envoy, envoy, source, until
from tests.peers.upstream import CERTIFICATES, Upstream

ALL = pytest.mark.parametrize("label", LABELS)
RESOURCE = "type.googleapis.com/envoy.service.discovery.v3.Resource"
EXTENSIONS = "type.googleapis.com/envoy.extensions"


def methods(plane: Plane, after: int) -> dict[str, set[str]]:
    """Type → methods over which it was ACKed."""
    found: dict[str, set[str]] = {}
    for each in plane.record(after):
        assert each["event"] != "nack", each
        if each["event"] == "ack":
            found.setdefault(each["type"], set()).add(each["method"])
    return found


def expected(label: str, *kinds: str) -> dict[str, set[str]]:
    return {url_of(each): {label.replace("separate", each)} for each in kinds}


def eds_cluster(name: str, label: str, **also: object) -> Json:
    return cluster(name, type="EDS", eds_cluster_config={"eds_config": source(label)}, **also)


def http_listener(label: str, name: str = "main", **also: object) -> Json:
    made = listener(name, 0)
    manager = made["filter_chains"][0]["filters"][0]["typed_config"]
    manager["rds"]["config_source"] = source(label)
    manager |= also
    return made


@ALL
def test_clusters_endpoints_listeners_and_routes(plane: Plane, upstream: Upstream, label: str) -> None:
    before = plane.last()
    place = endpoints("a", 0)
    address = place["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    address["address"], address["port_value"] = upstream.at(80)
    plane.publish(eds_cluster("a", label), place, http_listener(label), routes("routes", "a"), version="whole")
    with envoy(plane, label) as started:
        until(200, started, "main")
        assert plane.acknowledged("whole")
        assert methods(plane, before) == expected(label, "cds", "eds", "lds", "rds")
        plane.change(routes("routes", "nowhere"))
        until(503, started, "main")
        plane.change(routes("routes", "a"), http_listener(label, stat_prefix="another"))
        until(200, started, "main")


def secret(name: str, certificate: str) -> Json:
    pem = (CERTIFICATES / f"{certificate}.pem").read_text()
    chain = {"certificate_chain": {"inline_string": pem}, "private_key": {"inline_string": pem}}
    return {"@type": url_of("sds"), "name": name, "tls_certificate": chain}


def direct(text: str, status: int = 200) -> Json:
    """A virtual host that answers by itself."""
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": status, "body": {"inline_string": text}}}
    return {"name": text, "domains": ["*"], "routes": [answer]}


def direct_routes(name: str, *hosts: Json, **also: object) -> Json:
    return {"@type": url_of("rds"), "name": name, "virtual_hosts": hosts, **also}


@ALL
def test_secrets(plane: Plane, label: str) -> None:
    before = plane.last()
    made = http_listener(label)
    made["filter_chains"][0]["transport_socket"] = {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{EXTENSIONS}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_certificate_sds_secret_configs": [{"name": "certificate", "sds_config": source(label)}]
            },
        },
    }
    plane.publish(made, direct_routes("routes", direct("hello")), secret("certificate", "right"))

    def presented(started: Envoy) -> bytes:
        port = started.port("main")
        return ssl.get_server_certificate((LOOPBACK, port), timeout=60).encode() if port else b""

    with envoy(plane, label) as started:
        assert plane.acknowledged(plane.change())
        first = presented(started)
        assert first in (CERTIFICATES / "right.pem").read_bytes()
        version = plane.change(secret("certificate", "expired"))
        assert plane.acknowledged(version)
        assert presented(started) != first
        assert methods(plane, before) == expected(label, "cds", "lds", "rds", "sds")


@ALL
def test_runtime(plane: Plane, label: str) -> None:
    before = plane.last()
    layer = {"name": "rtds", "rtds_layer": {"name": "runtime", "rtds_config": source(label)}}
    runtime = {"@type": url_of("rtds"), "name": "runtime", "layer": {"some.key": "one"}}
    version = plane.publish(runtime)
    with envoy(plane, label, layered_runtime={"layers": [layer]}) as started:
        for value in ("one", "two"):
            version = plane.change({**runtime, "layer": {"some.key": value}})
            assert plane.acknowledged(version)
            assert started.admin.get("/runtime").json()["entries"]["some.key"]["final_value"] == value
        assert methods(plane, before) == expected(label, "cds", "lds", "rtds")


@ALL
def test_extension_configs(plane: Plane, label: str) -> None:
    before = plane.last()
    lua = f"{EXTENSIONS}.filters.http.lua.v3.Lua"

    def filter_config(text: str) -> Json:
        code = f'function envoy_on_response(handle) handle:headers():add("x-lua", "{text}") end'
        config = {"@type": lua, "default_source_code": {"inline_string": code}}
        return {"@type": url_of("ecds"), "name": "script", "typed_config": config}

    discovered = {"name": "script", "config_discovery": {"config_source": source(label), "type_urls": [lua]}}
    router = http_listener(label)["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    made = http_listener(label, http_filters=[discovered, *router])
    plane.publish(made, direct_routes("routes", direct("hello")), filter_config("one"))
    with envoy(plane, label) as started:
        until(200, started, "main")
        assert started.get("main").headers["x-lua"] == "one"
        version = plane.change(filter_config("two"))
        assert plane.acknowledged(version)
        assert started.get("main").headers["x-lua"] == "two"
        assert methods(plane, before) == expected(label, "cds", "lds", "rds", "ecds")


@ALL
def test_scoped_routes(plane: Plane, label: str) -> None:
    before = plane.last()
    fragment = {"header_value_extractor": {"name": "x-scope", "element_separator": ";", "index": 0}}
    scoped = {
        "name": "scopes",
        "scope_key_builder": {"fragments": [fragment]},
        "rds_config_source": source(label),
        "scoped_rds": {"scoped_rds_config_source": source(label)},
    }
    made = http_listener(label, scoped_routes=scoped)
    del made["filter_chains"][0]["filters"][0]["typed_config"]["rds"]

    def scope(name: str) -> Json:
        key = {"fragments": [{"string_key": name}]}
        return {"@type": url_of("srds"), "name": name, "route_configuration_name": f"routes-{name}", "key": key}

    both = [direct_routes("routes-a", direct("a")), direct_routes("routes-b", direct("b"))]
    plane.publish(made, scope("a"), scope("b"), *both)
    with envoy(plane, label) as started:
        for name in ("a", "b"):
            until(200, started, "main", headers={"x-scope": name})
            assert started.get("main", headers={"x-scope": name}).text == name
        assert methods(plane, before) == expected(label, "cds", "lds", "rds", "srds")


@pytest.mark.parametrize("label", ["ads", "delta-ads"])
def test_what_has_a_time_to_live_lives_by_heartbeats(plane: Plane, label: str) -> None:
    layer = {"name": "rtds", "rtds_layer": {"name": "runtime", "rtds_config": source(label)}}
    runtime = {"@type": url_of("rtds"), "name": "runtime", "layer": {"some.key": "one"}}
    version = plane.publish({"@type": RESOURCE, "ttl": "5s", "resource": runtime})

    def lives(started: Envoy) -> str:
        return "" if started.admin.get("/runtime").json()["entries"] else "it has expired"

    def expired(started: Envoy) -> str:
        return "" if lives(started) else "it lives"

    with envoy(plane, label, layered_runtime={"layers": [layer]}) as started:
        assert plane.acknowledged(version)
        begin = time.monotonic()
        while time.monotonic() < begin + 6:
            assert plane.api.post("/heartbeat", json={}).json() == {"responses": 1}
            assert lives(started) == ""
            plane.record(plane.last(), wait=0.2)
        assert not waited_for(lambda: expired(started), 60)
        assert [each["version"] for each in plane.record() if each.get("does") == "heartbeat"][-1] == version


@pytest.mark.parametrize("label", ["delta-ads", "delta-separate"])
def test_virtual_hosts_on_demand(plane: Plane, label: str) -> None:
    before = plane.last()
    on_demand = {
        "name": "envoy.filters.http.on_demand",
        "typed_config": {"@type": f"{EXTENSIONS}.filters.http.on_demand.v3.OnDemand"},
    }
    router = http_listener(label)["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    made = http_listener(label, http_filters=[on_demand, *router])

    def host(name: str, at: str, *aliases: str) -> Json:
        inner = {"@type": url_of("vhds"), **direct(name), "domains": [at]}
        return {"@type": RESOURCE, "name": f"routes/{name}", "aliases": aliases, "resource": inner}

    always, asked_for = host("always", "one.test"), host("on-demand", "two.test", "routes/two.test")
    plane.publish(made, direct_routes("routes", vhds={"config_source": source(label)}), always, asked_for)
    with envoy(plane, label) as started:
        until(200, started, "main", headers={"host": "one.test"})
        sent = [each["names"] for each in plane.record(before) if each["event"] == "response"]
        assert sent[-1] == ["routes/always"]
        assert started.get("main", headers={"host": "two.test"}).text == "on-demand"
        assert started.status("main", headers={"host": "three.test"}) == 404
        asked = [each["names"] for each in plane.record(before) if each.get("type") == url_of("vhds")]
        assert ["routes/two.test"] in asked
        plane.change(always | {"resource": always["resource"] | {"domains": ["four.test"]}})
        until(200, started, "main", headers={"host": "four.test"})
        assert methods(plane, before) == expected(label, "cds", "lds", "rds", "vhds")


@pytest.mark.parametrize("label", ["delta-ads", "delta-separate"])
def test_clusters_on_demand(plane: Plane, upstream: Upstream, label: str) -> None:
    before = plane.last()
    on_demand = {
        "name": "envoy.filters.http.on_demand",
        "typed_config": {
            "@type": f"{EXTENSIONS}.filters.http.on_demand.v3.OnDemand",
            "odcds": {"source": source(label), "timeout": "5s"},
        },
    }
    router = http_listener(label)["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    place = endpoints("later", 0)
    address = place["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    address["address"], address["port_value"] = upstream.at(80)
    static = cluster("later", load_assignment={**place, "@type": None})
    del static["load_assignment"]["@type"]
    by_header = {"match": {"prefix": "/"}, "route": {"cluster_header": "x-cluster"}}
    made = http_listener(label, http_filters=[on_demand, *router])
    on_demand_only = {"@type": RESOURCE, "name": "later", "aliases": ["later"], "resource": static}
    hosts = {"name": "all", "domains": ["*"], "routes": [by_header]}
    plane.publish(made, direct_routes("routes", hosts), on_demand_only)
    with envoy(plane, label) as started:
        until(200, started, "main", headers={"x-cluster": "later"})
        assert started.status("main", headers={"x-cluster": "never"}) == 503
        assert any("never" in each.get("removed", ()) for each in plane.record(before))
