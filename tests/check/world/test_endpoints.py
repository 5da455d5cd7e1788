"""Where chance would choose between endpoints there is one."""

from pathlib import Path
from typing import Any

import pytest

from tests.check.world.worlds import TYPE, Built, at, bootstrap, given, http, listener, served


def endpoint(number: int, **more: Any) -> dict[str, Any]:
    return {"endpoint": {"address": at(f"10.0.0.{number}", 80)}, **more}


def in_zone(*endpoints: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lb_endpoints": list(endpoints), **more}


def subset(version: str, name: str = "envoy.lb") -> dict[str, Any]:
    return {"metadata": {"filter_metadata": {name: {"version": version}}}}


def of_mesh(version: str) -> dict[str, Any]:
    """What no subset is chosen by."""
    return subset(version, "envoy.transport_socket_match")


@pytest.mark.parametrize(
    ("zones", "kept"),
    [
        ([in_zone(endpoint(1), endpoint(2))], [1]),
        ([in_zone(endpoint(1)), in_zone(endpoint(2), endpoint(3))], [1]),
        ([in_zone(endpoint(1)), in_zone(endpoint(2), endpoint(3), priority=1)], [1, 2]),
        ([in_zone(endpoint(1, **subset("a")), endpoint(2, **subset("b")), endpoint(3, **subset("a")))], [1, 2]),
        ([in_zone(endpoint(1, **of_mesh("a")), endpoint(2, **of_mesh("b")), endpoint(3))], [1]),
        ([in_zone(endpoint(1, health_status="UNHEALTHY"), endpoint(2, health_status="HEALTHY"))], [2]),
        ([in_zone(endpoint(1))], [1]),
    ],
)
@pytest.mark.parametrize("is_served", [False, True])
def test_each_priority_has_its_first_healthy_one(
    zones: list[dict[str, Any]], kept: list[int], is_served: bool, tmp_path: Path
) -> None:
    assignment = {"cluster_name": "app", "endpoints": zones}
    if is_served:
        eds = {"name": "app", "type": "EDS", "eds_cluster_config": {"eds_config": {"ads": {}}}}
        resource = served("envoy.config.endpoint.v3.ClusterLoadAssignment", "app", assignment)
        built = Built(given(bootstrap([], [eds]), resource), tmp_path / "mine")
    else:
        built = Built(given(bootstrap([], [{"name": "app", "load_assignment": assignment}])), tmp_path / "mine")
    assert [each.address for each in built.world.dialled] == [f"10.0.0.{number}" for number in kept]
    count = sum(len(each["lb_endpoints"]) for each in zones)
    assert (f"{len(kept)} of the {count} endpoints of app" in built.different) == (len(kept) < count)


HASHING = f"{TYPE}envoy.extensions.load_balancing_policies.x.v3.RingHash"


@pytest.mark.parametrize(
    "policy",
    [
        {"lb_policy": "MAGLEV"},
        {
            "load_balancing_policy": {
                "policies": [
                    {
                        "typed_extension_config": {
                            "name": "a",
                            "typed_config": {"@type": HASHING},
                        }
                    }
                ]
            }
        },
    ],
)
@pytest.mark.parametrize(
    ("route", "endpoints"),
    [
        ({"cluster": "app", "hash_policy": [{"header": {"header_name": "x-a"}}]}, 2),
        ({"weighted_clusters": {"clusters": [{"name": "app"}]}, "hash_policy": [{"header": {"header_name": "x"}}]}, 2),
        ({"cluster_header": "x-b", "hash_policy": [{"header": {"header_name": "x-a"}}]}, 2),
        ({"cluster": "other", "hash_policy": [{"header": {"header_name": "x-a"}}]}, 1),
        ({"cluster": "app"}, 1),
    ],
)
def test_a_hash_has_all_to_choose_from_where_something_is_hashed(
    policy: dict[str, Any], route: dict[str, Any], endpoints: int, tmp_path: Path
) -> None:
    assignment = {"cluster_name": "app", "endpoints": [in_zone(endpoint(1), endpoint(2))]}
    routes = [{"match": {"prefix": "/"}, "route": route}]
    table = {"name": "routes", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}
    web = listener("web", 8000, http("app", route_config=table))
    data = bootstrap([web], [{"name": "app", "load_assignment": assignment, **policy}])
    built = Built(given(data), tmp_path / "mine")
    assert len([each for each in built.world.dialled if each.cluster == "app"]) == endpoints


def test_what_a_policy_of_endpoints_hashes_by_itself_counts(tmp_path: Path) -> None:
    by_header = {"header": {"header_name": "x-a"}}
    config = {"@type": HASHING, "consistent_hashing_lb_config": {"hash_policy": [by_header]}}
    policy = {"policies": [{"typed_extension_config": {"name": "a", "typed_config": config}}]}
    assignment = {"cluster_name": "app", "endpoints": [in_zone(endpoint(1), endpoint(2))]}
    app = {"name": "app", "load_assignment": assignment, "load_balancing_policy": policy}
    assert len(Built(given(bootstrap([], [app])), tmp_path / "mine").world.dialled) == 2
