"""Where chance would choose between weighted clusters, a header of the request does."""

from pathlib import Path
from typing import Any

import pytest

from takeover.check.messages import CHOICE
from tests.check.world.worlds import Built, bootstrap, cluster, given, http, listener, served

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


def test_bytes_are_left_to_chance_for_no_header_chooses_for_them(tmp_path: Path) -> None:
    manager = http("one")
    manager["typed_config"] = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "tcp",
        "weighted_clusters": choice(1, 2),
    }
    Built(given(bootstrap([listener("in", 80, manager)], CLUSTERS)), tmp_path / "mine")

    assert CHOICE not in (tmp_path / "mine" / "envoy.yaml").read_text()
