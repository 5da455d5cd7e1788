"""A static config is split into a bootstrap and resources, and says the same as before."""

from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.scenario.edits import ClusterIp
from takeover.scenario.xds_resources import Resource, split

PREFIX = "type.googleapis.com/"
HTTP = f"{PREFIX}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ADDRESS = {"socket_address": {"address": ClusterIp("web"), "port_value": 80}}
ENDPOINTS = [{"lb_endpoints": [{"endpoint": {"address": ADDRESS}}]}]


def source(service: str, name: str) -> Any:
    return f"{service} {name}".strip()


def manager(routes: Any, **fields: Any) -> dict[str, Any]:
    return {"@type": HTTP, "stat_prefix": "in", **({"route_config": routes} if routes is not None else {}), **fields}


def listener(*managers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**fields, "filter_chains": [{"filters": [{"name": "http", "typed_config": each}]} for each in managers]}


def parts(**static: Any) -> tuple[dict[str, Any], dict[tuple[str, str], dict[str, Any]]]:
    """The bootstrap, and the resources by service and name without their type, which is right."""
    bootstrap, resources = split({"admin": {}, "static_resources": static}, "envoy.yaml", source)
    found = {(each.service, each.name): each.data for each in resources}
    assert len(found) == len(resources)
    types = {
        "lds": "Listener",
        "rds": "RouteConfiguration",
        "cds": "Cluster",
        "eds": "ClusterLoadAssignment",
        "sds": "Secret",
    }
    for (service, _), data in found.items():
        assert data["@type"].startswith(PREFIX)
        assert data["@type"].endswith(f".v3.{types[service]}")
    return bootstrap, {
        key: {name: value for name, value in data.items() if name != "@type"} for key, data in found.items()
    }


def test_listeners_come_by_lds_and_their_routes_by_rds() -> None:
    routes = {"name": "all", "virtual_hosts": [{"name": "any"}]}
    bootstrap, found = parts(listeners=[listener(manager(routes), name="one", address=ADDRESS)])
    assert bootstrap == {"admin": {}, "dynamic_resources": {"lds_config": "lds"}}
    by_rds = manager(None, rds={"config_source": "rds all", "route_config_name": "all"})
    assert found == {
        ("rds", "all"): routes,
        ("lds", "one"): listener(by_rds, name="one", address=ADDRESS),
    }


@pytest.mark.parametrize("key", ["route_config", "routeConfig"])
def test_either_name_of_a_field_is_known(key: str) -> None:
    config = {"staticResources": {"listeners": [listener({"@type": HTTP, key: {"name": "all"}}, name="one")]}}
    bootstrap, [routes, taken] = split(config, "envoy.yaml", source)
    assert bootstrap == {"dynamic_resources": {"lds_config": "lds"}}
    assert routes == Resource(
        "rds", "all", {"@type": f"{PREFIX}envoy.config.route.v3.RouteConfiguration", "name": "all"}
    )
    assert key not in taken.data["filter_chains"][0]["filters"][0]["typed_config"]


def test_what_has_no_name_or_another_ones_gets_one() -> None:
    same: dict[str, Any] = {"virtual_hosts": []}
    other = {"virtual_hosts": [{"name": "other"}]}
    named = {"name": "all", "virtual_hosts": [{"name": "third"}]}
    first = listener(manager(same), manager(other), manager(same), manager({"name": "all", **same}))
    _, found = parts(listeners=[first, listener(manager(named), name="named")])
    assert {name: data for (service, name), data in found.items() if service == "rds"} == {
        "routes-of-listener-1": {**same, "name": "routes-of-listener-1"},
        "routes-of-listener-1-2": {**other, "name": "routes-of-listener-1-2"},
        "all": {**same, "name": "all"},
        "all-2": {**named, "name": "all-2"},
    }
    assert found["lds", "listener-1"]["name"] == "listener-1"
    names = [
        each["filters"][0]["typed_config"]["rds"]["route_config_name"]
        for each in found["lds", "listener-1"]["filter_chains"]
    ]
    assert names == ["routes-of-listener-1", "routes-of-listener-1-2", "routes-of-listener-1", "all"]


@pytest.mark.parametrize("kind", [{}, {"type": "STATIC"}])
def test_endpoints_of_static_clusters_come_by_eds(kind: dict[str, str]) -> None:
    assignment = {"cluster_name": "called otherwise", "endpoints": ENDPOINTS, "policy": {}}
    bootstrap, found = parts(clusters=[{"name": "app", "lb_policy": "RANDOM", **kind, "load_assignment": assignment}])
    assert bootstrap["dynamic_resources"] == {"cds_config": "cds"}
    assert found == {
        ("eds", "app"): {"cluster_name": "app", "endpoints": ENDPOINTS, "policy": {}},
        ("cds", "app"): {
            "name": "app",
            "lb_policy": "RANDOM",
            "type": "EDS",
            "eds_cluster_config": {"eds_config": "eds app"},
        },
    }


@pytest.mark.parametrize(
    "kept",
    [
        {"type": "STRICT_DNS", "load_assignment": {"endpoints": ENDPOINTS}},
        {"type": "LOGICAL_DNS", "load_assignment": {"endpoints": ENDPOINTS}},
        {"type": "ORIGINAL_DST"},
        {"type": "STATIC"},
        {"cluster_type": {"name": "envoy.clusters.aggregate"}, "load_assignment": {}},
    ],
)
def test_other_clusters_stay_whole(kept: dict[str, Any]) -> None:
    _, found = parts(clusters=[{"name": "app", **kept}])
    assert found == {("cds", "app"): {"name": "app", **kept}}


def test_secrets_come_by_sds_wherever_they_are_named() -> None:
    certificate = {"name": "mine", "tls_certificate": {}}
    used = {"common_tls_context": {"tls_certificate_sds_secret_configs": [{"name": "mine"}, {"name": "other"}]}}
    validated = {"validation_context_sds_secret_config": {"name": "mine", "sds_config": "elsewhere"}}
    _, found = parts(
        listeners=[{"name": "mine", "transport_socket": used}],
        clusters=[{"name": "app", "type": "ORIGINAL_DST", "transport_socket": validated}],
        secrets=[certificate],
    )
    assert found["sds", "mine"] == certificate
    [first, second] = found["lds", "mine"]["transport_socket"]["common_tls_context"][
        "tls_certificate_sds_secret_configs"
    ]
    assert (first, second) == ({"name": "mine", "sds_config": "sds mine"}, {"name": "other"})
    assert found["cds", "app"]["transport_socket"] == validated


@pytest.mark.parametrize("field", ["validation_context_sds_secret_config", "validationContextSdsSecretConfig"])
def test_a_secret_is_found_by_either_name_of_its_field(field: str) -> None:
    named = {"common_tls_context": {"combined_validation_context": {field: {"name": "mine"}}}}
    _, found = parts(clusters=[{"name": "app", "type": "ORIGINAL_DST", "socket": named}], secrets=[{"name": "mine"}])
    [told] = found["cds", "app"]["socket"]["common_tls_context"]["combined_validation_context"].values()
    assert told == {"name": "mine", "sds_config": "sds mine"}


def test_what_the_bootstrap_itself_names_stays_in_it() -> None:
    clusters = [{"name": "local", "type": "ORIGINAL_DST"}, {"name": "app", "type": "ORIGINAL_DST"}]
    config = {
        "node": {"cluster": "app"},
        "cluster_manager": {"local_cluster_name": "local"},
        "static_resources": {"clusters": clusters},
    }
    bootstrap, [app] = split(config, "envoy.yaml", source)
    assert bootstrap["static_resources"] == {"clusters": [clusters[0]]}
    assert (bootstrap["dynamic_resources"], app.name) == ({"cds_config": "cds"}, "app")


@pytest.mark.parametrize("static", [{"listenerz": []}, {"listeners": [3]}, {"clusters": "none"}])
def test_what_is_wrong_stays_where_it_is_for_envoy_to_say_so(static: dict[str, Any]) -> None:
    bootstrap, found = parts(**static)
    assert bootstrap == {"admin": {}, "dynamic_resources": {}, "static_resources": static}
    assert not found


def test_what_gets_its_resources_from_elsewhere_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"envoy\.yaml: it has dynamic_resources already"):
        split({"dynamicResources": {"ldsConfig": {}}}, "envoy.yaml", source)
