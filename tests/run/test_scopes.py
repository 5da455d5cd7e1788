"""Which tests go to the same worker."""

import pytest

from takeover.run.scopes import folders_of_one_scenario, group

SCENARIOS = {
    "suites/xds/protocol/test_a.py::test[envoy-1]": "protocol",
    "suites/xds/protocol/test_b.py::test[envoy-1]": "protocol",
    "suites/xds/test_c.py::test[envoy-1]": "mini",
    "suites/xds/test_d.py::test[envoy-1]": "away",
    "manifests/mini/probes.yaml::group[envoy-1]": "mini",
}


def scopes(scenarios: dict[str, str]) -> dict[str, str]:
    folders = folders_of_one_scenario(scenarios)
    return {nodeid: group(nodeid, (), ["1"], folders) for nodeid in scenarios}


def test_files_of_a_scenarios_own_folder_stay_together() -> None:
    assert list(scopes(SCENARIOS).values()) == [
        "suites/xds/protocol envoy-1",
        "suites/xds/protocol envoy-1",
        "suites/xds/test_c.py envoy-1",
        "suites/xds/test_d.py envoy-1",
        "manifests/mini envoy-1",
    ]


def test_but_not_those_of_different_envoys() -> None:
    folders = folders_of_one_scenario(SCENARIOS)
    places = [group(f"suites/xds/protocol/test_a.py::test[envoy-{each}]", (), ["1", "2"], folders) for each in "12"]
    assert places == ["suites/xds/protocol envoy-1", "suites/xds/protocol envoy-2"]


@pytest.mark.parametrize("folder", ["suites", "suites/protocol"])
def test_where_there_is_one_folder_alone_its_files_are_shared_out(folder: str) -> None:
    found = scopes({f"{folder}/test_{each}.py::test[envoy-1]": "protocol" for each in "ab"})
    assert list(found.values()) == [f"{folder}/test_a.py envoy-1", f"{folder}/test_b.py envoy-1"]
