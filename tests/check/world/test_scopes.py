"""Scoped routes in a world: they come from our control plane, are waited for, and their keys are logged."""

from pathlib import Path
from typing import Any

from tests.check.world.worlds import Built, bootstrap, cluster, given, http, listener, served

ROUTES, SCOPE = "envoy.config.route.v3.RouteConfiguration", "envoy.config.route.v3.ScopedRouteConfiguration"
KEYS = {"fragments": [{"header_value_extractor": {"name": name}} for name in ("X-A", "x-b", "x-a")]}


def scoped(**fields: Any) -> dict[str, Any]:
    source = {"path_config_source": {"path": "/etc/envoy/scopes.yaml"}}
    routes = {"name": "scopes", "scope_key_builder": KEYS, "rds_config_source": {"ads": {}}, **fields}
    routes.setdefault("scoped_rds", {"scoped_rds_config_source": source})
    found = http("app", scoped_routes=routes)
    del found["typed_config"]["route_config"]
    return found


def scope(name: str, table: str) -> dict[str, Any]:
    return {"name": name, "route_configuration_name": table, "key": {"fragments": [{"string_key": name}] * 3}}


def test_scopes_of_files_come_by_ads_and_are_waited_for_with_their_tables(tmp_path: Path) -> None:
    resources = [served(SCOPE, name, scope(name, name)) for name in ("there", "gone")]
    table = served(ROUTES, "there", {"name": "there", "virtual_hosts": []})
    data = bootstrap([listener("a", 80, scoped())], [cluster("app")])
    built = Built(given(data, *resources, table), tmp_path / "mine")
    [made] = built.config()["static_resources"]["listeners"]
    manager = made["filter_chains"][0]["filters"][0]["typed_config"]
    routes = manager["scoped_routes"]

    wanted = {"ads": {}, "initial_fetch_timeout": "0s"}
    assert routes["rds_config_source"] == wanted
    assert routes["scoped_rds"]["scoped_rds_config_source"] == wanted | {"resource_api_version": "V3"}
    assert "the routes gone are none" in built.different
    assert "the routes there are none" not in built.different
    assert '"name":"gone","virtual_hosts":[]}' in (tmp_path / "mine/config/served-1.json").read_text()
    [log] = manager["access_log"]
    logged = log["typed_config"]["log_format"]["json_format"]
    assert {name: logged[name] for name in logged if name.startswith("scope")} == {
        "scope_key_0": "%REQ(x-a)%", "scope_key_1": "%REQ(x-b)%",
    }  # fmt: skip


def test_the_tables_that_inline_scopes_name_are_none_where_none_were_given(tmp_path: Path) -> None:
    inline = {"scoped_route_configurations_list": {"scoped_route_configurations": [scope("one", "lost")]}}
    ads = {"ads_config": {"api_type": "GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "app"}}]}}
    data = bootstrap([listener("a", 80, scoped(**inline))], [cluster("app")], dynamic_resources=ads)
    built = Built(given(data), tmp_path / "mine")

    assert "the routes lost are none" in built.different
