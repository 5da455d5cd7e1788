"""Whole checks of routes that stand in trees of matchers and in scopes: each is reached, as Envoy's log tells."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from takeover.model.checked import ConfigPart
from takeover.store import documents as store
from tests.check.derive import scopes, trees
from tests.check.whole import API, checked, cluster, listener, typed, written

ADMIN = "type.googleapis.com/envoy.admin.v3."
TYPES = "type.googleapis.com/envoy.config."
ADS = {"ads": {}, "resource_api_version": "V3"}


def parts(folder: Path, kind: str) -> list[ConfigPart]:
    found = store.read(folder / "reports/latest/results/new.json").checked
    assert found is not msgspec.UNSET
    return [each for each in found.parts if each.kind == kind]


def dump(config: dict[str, Any], *scoped: dict[str, Any], tables: list[dict[str, Any]]) -> dict[str, Any]:
    """A dump of what a control plane served: the listeners, their scopes, and the tables that these name."""
    static = config["static_resources"]
    listeners = [
        {"name": each["name"], "active_state": {"listener": {"@type": f"{TYPES}listener.v3.Listener", **each}}}
        for each in static.pop("listeners")
    ]
    served = [{"@type": f"{TYPES}route.v3.ScopedRouteConfiguration", **each} for each in scoped]
    routes = [{"route_config": {"@type": f"{TYPES}route.v3.RouteConfiguration", **each}} for each in tables]
    sections = [
        {"@type": f"{ADMIN}BootstrapConfigDump", "bootstrap": config},
        {"@type": f"{ADMIN}ListenersConfigDump", "dynamic_listeners": listeners},
        {
            "@type": f"{ADMIN}ScopedRoutesConfigDump",
            "dynamic_scoped_route_configs": [{"name": "scopes", "scoped_route_configs": served}],
        },
        {"@type": f"{ADMIN}RoutesConfigDump", "dynamic_route_configs": routes},
    ]
    return {"configs": sections}


def test_ends_of_trees_and_inline_scopes_are_reached(tmp_path: Path) -> None:
    config = scopes.gateway()
    static = config["static_resources"]
    for number, each in enumerate(trees.gateway()["static_resources"]["listeners"]):
        each["address"]["socket_address"]["port_value"] = 10003 + number
        static["listeners"].append(each)
    names = {each["name"] for each in static["clusters"]}
    static["clusters"] += [
        each for each in trees.gateway()["static_resources"]["clusters"] if each["name"] not in names
    ]
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(config))
    ended = checked(file, "--probes-per-route", "4")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "routes             16 of 16" in ended.stdout, ended.stdout
    assert "not reached" not in ended.stdout, ended.stdout
    told = {each.id.rpartition("chain http / ")[2]: each.told_by for each in parts(tmp_path, "route")}
    assert told["scope one / virtual host shop / route 0"] == "the key of its scope"
    assert told["virtual host tree / route 0"] == "the route's name"


@pytest.mark.parametrize("is_named", [True, False], ids=["tables-by-name", "tables-in-scopes"])
def test_scopes_that_a_control_plane_served_are_served_and_reached(tmp_path: Path, is_named: bool) -> None:
    manager = scopes.scoped_manager([scopes.whole("x-tenant")])
    routes = manager["typed_config"]["scoped_routes"]
    del routes["scoped_route_configurations_list"]
    routes |= {"rds_config_source": ADS, "scoped_rds": {"scoped_rds_config_source": ADS}}
    config = scopes.gateway()
    [first, _] = config["static_resources"]["listeners"]
    first["filter_chains"] = [{"name": "http", "filters": [manager]}]
    config["static_resources"]["listeners"] = [first]
    tables = [scopes.routes("one"), scopes.routes("two", "/a", "/b")]
    scoped = [
        scopes.scope(key, key, table=table["name"] if is_named else table)
        for key, table in zip(("blue", "green"), tables, strict=True)
    ]
    if is_named:
        scoped.append(scopes.scope("lost", "red", table="gone"))
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(dump(config, *scoped, tables=tables if is_named else [])))
    ended = checked(file, "--probes-per-route", "4")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "routes             3 of 3" in ended.stdout, ended.stdout
    if is_named:
        assert "the routes gone are none" in ended.stdout


def test_routes_and_chains_without_names_are_reached_each_however_alike_they_are(tmp_path: Path) -> None:
    """One cluster, one prefix of statistics: nothing but their names tells them apart."""
    tcp = typed(f"{API}extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="all", cluster="app")
    passed = {"filters": [{"name": "tcp", "typed_config": tcp}]}
    by_name = [{"filter_chain_match": {"server_names": [f"{name}.test"]}, **passed} for name in ("a", "b")]
    inspector = typed(f"{API}extensions.filters.listener.tls_inspector.v3.TlsInspector")
    sni: dict[str, Any] = {
        "name": "sni",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8443}},
        "listener_filters": [{"name": "tls", "typed_config": inspector}],
        "filter_chains": by_name,
        "default_filter_chain": passed,
    }
    matches: list[dict[str, Any]] = [
        {"prefix": "/", "headers": [{"name": "x-which", "string_match": {"exact": "one"}}]},
        {"prefix": "/", "query_parameters": [{"name": "which", "present_match": True}]},
        {"prefix": "/"},
    ]
    web = listener("web", 8080, *({"match": each, "route": {"cluster": "app"}} for each in matches))
    ended = checked(written(tmp_path, web, sni, clusters=(cluster("app"),)), "--probes-per-route", "4")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 filter chains and 3 routes without a name get names after their places" in ended.stdout
    assert "filter chains      4 of 4" in ended.stdout, ended.stdout
    assert "routes             3 of 3" in ended.stdout, ended.stdout
