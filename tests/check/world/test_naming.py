"""Filter chains and routes without names get names in a world, where Envoy's log could not tell them apart."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.check.world.worlds import Built, bootstrap, cluster, given, http, listener, served

ROUTES = "envoy.config.route.v3.RouteConfiguration"
ROUTE = {"match": {"prefix": "/"}, "route": {"cluster": "one"}}


def table(*hosts: list[dict[str, Any]], field: str = "virtual_hosts") -> dict[str, Any]:
    listed = [{"name": f"h{at}", "domains": [f"h{at}.test"], "routes": each} for at, each in enumerate(hosts)]
    return {"name": "mine", field: listed}


def built(folder: Path, routes: dict[str, Any], *resources: Any, **of_listener: Any) -> tuple[dict[str, Any], str]:
    """The listener as Envoy gets it, and what is said of names."""
    web = listener("in", 80, http("one", route_config=routes), **of_listener)
    if "filterChains" in web:
        del web["filter_chains"]
    world = Built(given(bootstrap([web], [cluster("one")]), *resources), folder / "mine")
    config = msgspec.json.decode((folder / "mine" / "envoy.yaml").read_bytes())
    [found] = config["static_resources"]["listeners"]
    return found, next((each for each in world.different if "without a name" in each), "")


def names_of(found: dict[str, Any]) -> list[list[str]]:
    [chain, *_] = found["filter_chains"]
    config = chain["filters"][0]["typed_config"]["route_config"]
    hosts = config.get("virtual_hosts") or config["virtualHosts"]
    return [[each.get("name", "") for each in host["routes"]] for host in hosts]


@pytest.mark.parametrize("field", ["virtual_hosts", "virtualHosts"])
def test_routes_are_named_after_their_places_and_keep_the_names_they_have(tmp_path: Path, field: str) -> None:
    found, told = built(tmp_path, table([ROUTE, {"name": "own", **ROUTE}], [ROUTE], field=field))
    assert names_of(found) == [["virtual host h0 / route 0", "own"], ["virtual host h1 / route 0"]]
    assert told.startswith("2 routes without a name get names after their places")


def test_a_route_that_is_the_only_one_is_left_as_it_is(tmp_path: Path) -> None:
    found, told = built(tmp_path, table([ROUTE]))
    assert (names_of(found), told) == ([[""]], "")


def test_routes_that_are_served_are_named_too(tmp_path: Path) -> None:
    resource = served(ROUTES, "mine", table([ROUTE, ROUTE]))
    _, told = built(tmp_path, table([ROUTE]), resource)
    [config] = (tmp_path / "mine" / "config").iterdir()
    assert "virtual host h0 / route 1" in config.read_text()
    assert told.startswith("2 routes without a name")


def test_filter_chains_are_named_the_default_one_too(tmp_path: Path) -> None:
    default = {"filters": [http("one")]}
    found, told = built(tmp_path, table([ROUTE]), default_filter_chain=default)
    assert [each["name"] for each in found["filter_chains"]] == ["filter chain 0"]
    assert found["default_filter_chain"]["name"] == "default filter chain"
    assert told.startswith("2 filter chains without a name get names after their places")


def test_chains_of_one_name_get_their_numbers_behind_it_and_others_keep_theirs(tmp_path: Path) -> None:
    names = ["web", "1", "", "web"]
    chains = [{"filters": [http("one")], **({"name": name} if name else {})} for name in names]
    default = {"name": "web", "filters": [http("one")]}
    found, told = built(tmp_path, table([ROUTE]), filterChains=chains, defaultFilterChain=default)
    assert [each["name"] for each in found["filterChains"]] == ["web (0)", "1", "filter chain 2", "web (3)"]
    assert found["defaultFilterChain"]["name"] == "web (default)"
    assert told.startswith("1 filter chain without a name gets a name after its place")


def test_chains_that_a_tree_chooses_between_stay_as_they_are_since_envoy_does_not_take_such_without_a_name(
    tmp_path: Path,
) -> None:
    tree = {"filter_chain_matcher": {"matcher_list": {"matchers": []}}, "default_filter_chain": {"filters": []}}
    found, told = built(tmp_path, table([ROUTE]), **tree)
    assert "name" not in found["filter_chains"][0]
    assert told == ""


def test_clusters_of_one_name_in_statistics_get_their_own_behind_it(tmp_path: Path) -> None:
    clusters = [cluster("one", alt_stat_name="app"), cluster("two", altStatName="app"), cluster("three")]
    world = Built(given(bootstrap([listener("in", 80, http("one"))], clusters)), tmp_path / "mine")
    found = world.config()["static_resources"]["clusters"]
    assert [each.get("alt_stat_name", each.get("altStatName")) for each in found][:3] == ["app-one", "app-two", None]
    assert "2 clusters of one name in statistics (`alt_stat_name`) get their own behind it" in world.different
