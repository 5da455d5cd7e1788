"""Where chance would choose between weighted clusters, a header of the request does."""

from pathlib import Path
from typing import Any

import pytest

from takeover.check.messages import CHOICE
from tests.check.world.worlds import Built, bootstrap, cluster, given, http, listener, served, tcp

CLUSTERS = [cluster("one"), cluster("two", "10.1.2.4")]
ROUTES = "envoy.config.route.v3.RouteConfiguration"


def table(choice: dict[str, Any], field: str = "weighted_clusters") -> dict[str, Any]:
    routes = [{"match": {"prefix": "/"}, "route": {field: choice}}]
    return {"name": "mine", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}


def choice(*weights: int, **more: Any) -> dict[str, Any]:
    names = ("one", "two")
    return {"clusters": [{"name": names[at], "weight": each} for at, each in enumerate(weights)], **more}


@pytest.mark.parametrize(
    ("given_choice", "is_named"),
    [
        (choice(1, 2), True),
        (choice(1), False),
        (choice(1, 0), False),
        (choice(1, 2, header_name="x-own"), False),
        (choice(1, 2, use_hash_policy=True), False),
        (choice(1, 2, use_hash_policy=False), False),
    ],
)
def test_a_header_is_named_only_where_chance_would_choose(
    given_choice: dict[str, Any], is_named: bool, tmp_path: Path
) -> None:
    built = Built(
        given(bootstrap([listener("in", 80, http("one", route_config=table(given_choice)))], CLUSTERS)),
        tmp_path / "mine",
    )

    assert (CHOICE in (tmp_path / "mine" / "envoy.yaml").read_text()) == is_named
    assert any(CHOICE in each for each in built.different) == is_named


def test_what_is_served_has_the_header_too_by_whichever_names_its_fields_have(tmp_path: Path) -> None:
    rds = {"route_config_name": "mine", "config_source": {"ads": {}}}
    manager = http("one", rds=rds)
    del manager["typed_config"]["route_config"]
    resource = served(ROUTES, "mine", table(choice(1, 2), "weightedClusters"))
    built = Built(given(bootstrap([listener("in", 80, manager)], CLUSTERS), resource), tmp_path / "mine")

    [config] = (tmp_path / "mine" / "config").iterdir()
    assert CHOICE in config.read_text()
    assert any(CHOICE in each for each in built.different)


@pytest.mark.parametrize(("weights", "left"), [((1, 2), ["two"]), ((2, 2), ["one"]), ((2,), ["one"])])
def test_of_bytes_the_cluster_with_most_weight_is_left(
    weights: tuple[int, ...], left: list[str], tmp_path: Path
) -> None:
    several = tcp("one")
    del several["typed_config"]["cluster"]
    several["typed_config"]["weighted_clusters"] = choice(*weights)
    built = Built(given(bootstrap([listener("in", 80, several)], CLUSTERS)), tmp_path / "mine")

    [proxy] = built.config()["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
    kept = proxy["typed_config"]["weighted_clusters"]
    assert [each["name"] for each in kept["clusters"]] == left
    assert "header_name" not in kept
    assert any("all go to" in each for each in built.different) == (len(weights) > 1)
    gone = {"one", "two"} - set(left) if len(weights) > 1 else set()
    assert {name for name, why in built.world.apart.items() if f"all go to {left[0]}" in why} == gone


def test_of_calls_of_thrift_the_cluster_with_most_weight_is_left(tmp_path: Path) -> None:
    routes = [{"match": {"method_name": "add"}, "route": {"weighted_clusters": choice(1, 2)}}]
    kind = "type.googleapis.com/envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy"
    proxy = {"name": "thrift", "typed_config": {"@type": kind, "stat_prefix": "t", "route_config": {"routes": routes}}}
    built = Built(given(bootstrap([listener("in", 80, proxy)], CLUSTERS)), tmp_path / "mine")
    [made] = built.config()["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
    kept = made["typed_config"]["route_config"]["routes"][0]["route"]["weighted_clusters"]["clusters"]
    assert [each["name"] for each in kept] == ["two"]
    assert "calls for 2 weighted clusters all go to two" in built.different


def test_a_cluster_that_something_else_names_is_not_apart_from_probes(tmp_path: Path) -> None:
    several = tcp("one")
    del several["typed_config"]["cluster"]
    several["typed_config"]["weighted_clusters"] = choice(2, 1)
    listeners = [listener("in", 80, several), listener("other", 81, tcp("two"))]
    assert Built(given(bootstrap(listeners, CLUSTERS)), tmp_path / "mine").world.apart == {}
