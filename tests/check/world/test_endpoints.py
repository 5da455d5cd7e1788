"""Where chance would choose between endpoints there is one."""

from pathlib import Path
from typing import Any

import pytest

from tests.check.world.worlds import TYPE, Built, at, bootstrap, given, served


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
                            "typed_config": {"@type": f"{TYPE}envoy.extensions.load_balancing_policies.x.v3.RingHash"},
                        }
                    }
                ]
            }
        },
    ],
)
def test_a_hash_has_all_to_choose_from(policy: dict[str, Any], tmp_path: Path) -> None:
    assignment = {"cluster_name": "app", "endpoints": [in_zone(endpoint(1), endpoint(2))]}
    built = Built(given(bootstrap([], [{"name": "app", "load_assignment": assignment, **policy}])), tmp_path / "mine")
    assert len(built.world.dialled) == 2
