"""A config dump becomes the bootstrap and what was delivered; what is not as it was is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.check.given import read
from takeover.check.given.unknown import for_envoys
from takeover.check.records import Given, Resource

ADMIN = "type.googleapis.com/envoy.admin.v3."
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
SCOPE = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration"
ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
CERTIFICATE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
EXTENSION = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
REDACTED = "W3JlZGFjdGVkXQ=="


def listener(name: str, **http: Any) -> dict[str, Any]:
    typed = {"@type": HTTP, "stat_prefix": name} | http
    filters = [{"name": "http", "typed_config": typed}]
    return {"@type": LISTENER, "name": name, "filter_chains": [{"filters": filters}]}


def eds(name: str, **config: Any) -> dict[str, Any]:
    return {"@type": CLUSTER, "name": name, "type": "EDS", "eds_cluster_config": config}


HOST = {"endpoint": {"address": {"socket_address": {"address": "198.18.0.1", "port_value": 1}}}}
BOOTSTRAP = {
    "node": {"id": "one", "metadata": {"camelCase": {"stays": [1, None]}}},
    "static_resources": {"clusters": [{"name": "xds", "load_assignment": {"cluster_name": "xds"}}]},
}
DUMP: dict[str, Any] = {
    "configs": [
        {"@type": f"{ADMIN}BootstrapConfigDump", "bootstrap": BOOTSTRAP, "last_updated": "2026-01-01T00:00:00Z"},
        {
            "@type": f"{ADMIN}ListenersConfigDump",
            "dynamic_listeners": [
                {
                    "name": "in",
                    "active_state": {"listener": listener("in", rds={"route_config_name": "here"})},
                    "warming_state": {"listener": listener("in", rds={"route_config_name": "newer"})},
                },
                {"name": "out", "active_state": {"listener": listener("out", route_config={"name": "own"})}},
                {"name": "left", "active_state": {"listener": listener("left", rds={"route_config_name": "gone"})}},
                {"name": "third", "warming_state": {"listener": listener("third")}},
            ],
        },
        {
            "@type": f"{ADMIN}ClustersConfigDump",
            "static_clusters": [{"cluster": {"@type": CLUSTER, "name": "xds"}}],
            "dynamic_active_clusters": [
                {"cluster": eds("a")},
                {"cluster": eds("b", service_name="of-b")},
                {"cluster": eds("c")},
            ],
            "dynamic_warming_clusters": [{"cluster": eds("d")}],
        },
        {
            "@type": f"{ADMIN}RoutesConfigDump",
            "dynamic_route_configs": [{"route_config": {"@type": ROUTES, "name": "here"}}],
        },
        {
            "@type": f"{ADMIN}ScopedRoutesConfigDump",
            "dynamic_scoped_route_configs": [
                {"scoped_route_configs": [{"@type": SCOPE, "name": "s", "route_configuration_name": "here"}]}
            ],
        },
        {
            "@type": f"{ADMIN}EndpointsConfigDump",
            "dynamic_endpoint_configs": [
                {"endpoint_config": {"@type": ENDPOINTS, "cluster_name": "a", "endpoints": [{"lb_endpoints": [HOST]}]}},
                {"endpoint_config": {"@type": ENDPOINTS, "cluster_name": "of-b"}},
            ],
        },
        {
            "@type": f"{ADMIN}SecretsConfigDump",
            "dynamic_active_secrets": [
                {
                    "name": "default",
                    "secret": {
                        "@type": CERTIFICATE,
                        "name": "default",
                        "tls_certificate": {"private_key": {"inline_bytes": REDACTED}},
                    },
                }
            ],
        },
        {"@type": f"{ADMIN}EcdsConfigDump", "ecds_filters": [{"ecds_filter": {"@type": EXTENSION, "name": "late"}}]},
        {"@type": f"{ADMIN}ServerInfo"},
    ]
}  # fmt: skip


def given(folder: Path, value: Any) -> Given:
    path = folder / "dump.json"
    path.write_text(json.dumps(value, indent=1))
    return read(path, {})


def camel(value: Any) -> Any:
    """As egctl prints it: by the other names of Protobuf's JSON, but for what is of free form."""
    if isinstance(value, list):
        return [camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key.split("_")[0] + "".join(map(str.title, key.split("_")[1:])): each if key == "metadata" else camel(each)
        for key, each in value.items()
    }


def test_bootstrap_and_accepted_resources_are_taken(tmp_path: Path) -> None:
    found = given(tmp_path, DUMP)
    names = {(each.type_url, each.name): each for each in found.resources}

    assert (found.kind, found.bootstrap) == ("config dump", BOOTSTRAP)
    assert {key for key, each in names.items() if not each.is_static and not each.is_inline} == {
        (LISTENER, "in"), (LISTENER, "out"), (LISTENER, "left"), (CLUSTER, "a"), (CLUSTER, "b"), (CLUSTER, "c"),
        (ROUTES, "here"), (SCOPE, "s"), (ENDPOINTS, "a"), (ENDPOINTS, "of-b"), (ENDPOINTS, "c"),
        (CERTIFICATE, "default"), (EXTENSION, "late"),
    }  # fmt: skip
    assert {key for key, each in names.items() if each.is_static} == {(CLUSTER, "xds"), (ENDPOINTS, "xds")}
    inline = names[ROUTES, "own"]
    assert (inline.is_inline, inline.is_static) == (True, False)
    assert inline.place.path.startswith("configs[1].dynamic_listeners[1].active_state.listener.filter_chains[0]")
    lines = (tmp_path / "dump.json").read_text().splitlines()
    assert inline.place.line is not None
    assert '"route_config": {' in lines[inline.place.line - 1]
    made = names[ENDPOINTS, "c"]
    assert made.data["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"] == {
        "address": "198.18.0.2", "port_value": 80}  # fmt: skip
    assert made.place == names[CLUSTER, "c"].place
    taken = names[LISTENER, "in"].data["filter_chains"][0]["filters"][0]["typed_config"]
    assert taken["rds"] == {"route_config_name": "here"}
    assert len(names) == len(found.resources) == 16


def test_what_is_not_as_it_was_is_told(tmp_path: Path) -> None:
    told = {each.what: each for each in given(tmp_path, DUMP).different}

    assert sorted(told) == [
        "1 redacted values are made anew: "
        "configs[6].dynamic_active_secrets[0].secret.tls_certificate.private_key.inline_bytes",
        "an endpoint is made for 1 cluster: c",
        "route configurations are missing: gone",
        "the section ServerInfo is left out",
        "what was warming is left out: in, third, d",
    ]


def test_wrapped_dumps_other_names_and_single_sections_are_read(tmp_path: Path) -> None:
    plain = given(tmp_path, DUMP)
    for wrapped in ({"ns": {"pod": DUMP}}, {"xds": {"ns/pod": camel(DUMP)}}, DUMP["configs"]):
        found = given(tmp_path, wrapped)
        assert found.bootstrap == plain.bootstrap
        assert [(each.type_url, each.name, each.data) for each in found.resources] == [
            (each.type_url, each.name, each.data) for each in plain.resources
        ]
    alone = given(tmp_path, {"ns": {"pod": DUMP["configs"][2]}})
    assert {each.name for each in alone.resources} == {"a", "b", "c", "of-b", "xds"}
    [static] = [each for each in alone.resources if each.is_static]
    assert (static.name, static.place.path) == ("xds", "ns.pod.static_clusters[0].cluster")
    assert alone.bootstrap == {"static_resources": {"clusters": [{"name": "xds"}]}}
    assert "a bootstrap is made" in {each.what for each in alone.different}
    only = given(tmp_path, {"bootstrap": BOOTSTRAP})
    assert (only.kind, only.bootstrap) == ("bootstrap", BOOTSTRAP)


def test_resources_under_the_urls_of_their_types_are_a_dump(tmp_path: Path) -> None:
    listener = {"name": "in", "address": {"socketAddress": {"address": "127.0.0.1", "portValue": 80}}}
    by_name: dict[str, Any] = {
        LISTENER: {"in": listener},
        CLUSTER: {"a": {"name": "a", "connectTimeout": "5s"}, "b": {"connectTimeout": "1s"}},
        ENDPOINTS: {},
        ROUTES: None,
        "type.googleapis.com/envoy.service.runtime.v3.Runtime": {"r": {}},
    }
    found = given(tmp_path, {"diff": [], "xds": by_name})

    assert (found.kind, found.bootstrap) == ("config dump", {})
    assert [(each.type_url, each.name, each.place.path) for each in found.resources] == [
        (CLUSTER, "a", f"xds.{CLUSTER}.a"),
        (CLUSTER, "b", f"xds.{CLUSTER}.b"),
        (LISTENER, "in", f"xds.{LISTENER}.in"),
    ]
    assert found.resources[0].data == {"@type": CLUSTER, "name": "a", "connect_timeout": "5s"}
    assert {"a bootstrap is made", "the section Runtime is left out"} <= {each.what for each in found.different}
    listed = given(tmp_path, {url: list((each or {}).values()) for url, each in by_name.items()})
    assert {each.name for each in listed.resources} > {"a", "in"}
    with pytest.raises(BadInputError, match=r"dump\.json:3: .*v3\.Listener\.in: must be a mapping, not"):
        given(tmp_path, {LISTENER: {"in": 7}})
    with pytest.raises(BadInputError, match=r"must be a mapping"):
        given(tmp_path, {LISTENER: "all"})


def test_expressions_may_be_long_where_a_dump_does_not_say_how_long(tmp_path: Path) -> None:
    host = {"name": "h", "domains": ["*"], "routes": [{"match": {"safe_regex": {"regex": "/" + "(ab|cd)?" * 90}}}]}
    section = {"route_config": {"@type": ROUTES, "name": "here", "virtual_hosts": [host]}}
    routes = {"@type": f"{ADMIN}RoutesConfigDump", "dynamic_route_configs": [section]}
    found = given(tmp_path, {"configs": [routes]})

    [layer, admin] = found.bootstrap["layered_runtime"]["layers"]
    assert layer["static_layer"]["re2.max_program_size.error_level"] > 1000
    assert "admin_layer" in admin
    assert any(each.what.startswith("regular expressions may be long: re2.") for each in found.different)
    whole = given(tmp_path, {"configs": [{"@type": f"{ADMIN}BootstrapConfigDump", "bootstrap": BOOTSTRAP}, routes]})
    assert whole.bootstrap == BOOTSTRAP
    assert "layered_runtime" not in given(tmp_path, {"configs": [DUMP["configs"][2]]}).bootstrap


def test_a_dump_with_nothing_in_it_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"dump\.json:1: a config dump with nothing in it: give "):
        given(tmp_path, {"configs": []})


def test_dumps_of_several_envoys_and_of_v2_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"the dumps of 2 Envoys \(a\.one, a\.two\): give that of one"):
        given(tmp_path, {"a": {"one": DUMP, "two": DUMP}})
    part = {"@type": f"{ADMIN}ListenersConfigDump.DynamicListener", "name": "in"}
    with pytest.raises(BadInputError, match=r":3: DynamicListener alone, as /config_dump\?resource=… answers"):
        given(tmp_path, {"configs": [part]})
    old = {"configs": [{"@type": "type.googleapis.com/envoy.admin.v2alpha.BootstrapConfigDump", "bootstrap": {}}]}
    with pytest.raises(BadInputError, match=r":3: configs\[0\]: .*BootstrapConfigDump is of Envoy's v2 API"):
        given(tmp_path, old)


def test_fields_that_are_not_known_are_left_out_of_a_dump_and_told(tmp_path: Path) -> None:
    new = eds("a") | {"a_field_of_tomorrow": 1}
    dump = {"configs": [{"@type": f"{ADMIN}ClustersConfigDump", "dynamic_active_clusters": [{"cluster": new}]}]}
    found = given(tmp_path, dump)

    assert found.resources[0].data == eds("a")
    place = "configs[0].dynamic_active_clusters[0].cluster.a_field_of_tomorrow"
    assert f"fields are left out: {place}" in {each.what for each in found.different}


def test_a_dump_of_fifty_megabytes_is_read(tmp_path: Path) -> None:
    long = "n" * 10_000
    many = [{"endpoint_config": {"@type": ENDPOINTS, "cluster_name": f"{each}{long}"}} for each in range(5_300)]
    path = tmp_path / "dump.json"
    path.write_text(json.dumps([{"@type": f"{ADMIN}EndpointsConfigDump", "dynamic_endpoint_configs": many}]))
    assert path.stat().st_size > 50 << 20
    assert len(read(path, {}).resources) == len(many)


def test_extensions_of_other_builds_are_left_out_of_what_is_delivered(tmp_path: Path) -> None:
    mine = {"@type": "type.googleapis.com/mine.v1.Filter", "a": 1}
    ours = {"@type": "type.googleapis.com/ours.v1.Filter"}
    struct = {"@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": "x/mine.v1.Other", "value": {}}
    wasm = {"@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": {"vm_config": {
        "runtime": "envoy.wasm.runtime.null", "code": {"local": {"inline_string": "mine.stats"}}}}}  # fmt: skip
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    typed = {"mine": mine, "ours": ours, "struct": struct, "wasm": wasm, "router": router}
    filters = [{"name": name, "typed_config": each} for name, each in typed.items()]
    routes = {"name": "r", "typed_per_filter_config": {"mine": mine, "ours": ours}}
    http = listener("a", http_filters=filters, route_config=routes)
    dump = {"@type": f"{ADMIN}ListenersConfigDump", "dynamic_listeners": [{"active_state": {"listener": http}}]}
    whole = given(tmp_path, dump)
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"\0ours.v1.Filter\0mine.v1.Filter\0")
    other.write_bytes(b"\0ours.v1.Filter\0")

    kept = for_envoys(whole, [one, other])

    first, inline = kept.resources
    assert [each["name"] for each in _http(first)["http_filters"]] == ["ours", "router"]
    assert _http(first)["route_config"] == {"name": "r", "typed_per_filter_config": {"ours": ours}}
    assert inline.data["typed_per_filter_config"] == {"ours": ours}
    assert [each.what for each in kept.different if each not in whole.different] == [
        "the extension mine.v1.Filter is left out of a",
        "the extension mine.v1.Other is left out of a",
        "the extension mine.stats is left out of a",
    ]
    assert [each["name"] for each in _http(whole.resources[0])["http_filters"]] == list(typed)
    assert "mine" in [each["name"] for each in _http(for_envoys(whole, [one]).resources[0])["http_filters"]]


def test_extensions_that_no_tested_envoy_has_are_left_out_of_a_bootstrap(tmp_path: Path) -> None:
    mine = {"name": "mine", "typed_config": {"@type": "type.googleapis.com/mine.v1.Filter", "a": 1}}
    ours = {"name": "ours", "typed_config": {"@type": "type.googleapis.com/ours.v1.Filter"}}
    path = tmp_path / "envoy.json"
    one_there = {key: each for key, each in listener("a", http_filters=[mine, ours]).items() if key != "@type"}
    path.write_text(json.dumps({"static_resources": {"listeners": [one_there]}}))
    whole = read(path, {})
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"\0ours.v1.Filter\0")
    other.write_bytes(b"\0")  # it says by itself what it makes of it

    kept = for_envoys(whole, [one, other])

    [inside] = kept.bootstrap["static_resources"]["listeners"]
    filters = inside["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    assert [each["name"] for each in filters] == ["ours"]
    assert [each["name"] for each in _http(kept.resources[0])["http_filters"]] == ["ours"]
    told = [(each.what, each.why) for each in kept.different if each not in whole.different]
    assert told == [("the extension mine.v1.Filter is left out of a", "no Envoy that is tested has it")]


def _http(resource: Resource) -> dict[str, Any]:
    typed: dict[str, Any] = resource.data["filter_chains"][0]["filters"][0]["typed_config"]
    return typed
