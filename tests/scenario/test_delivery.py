"""The same configuration by xDS: what is deployed beside and instead of the config that is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.base.errors import BadInputError
from takeover.scenario.delivery import Delivery
from takeover.scenario.edits import add, remove, replace
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from tests.scenario.conftest import FILES
from tests.scenario.test_loader import Bound

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: web, volumeMounts: [{name: config, mountPath: /etc/envoy/}]}
  volumes: [{name: config, configMap: {name: envoyconfig}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.107.42.16, ports: [{port: 80}]}
"""
CLUSTER = """\
  clusters:
  - name: app
    load_assignment: {endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1}}}}]}]}
"""
ENVOY = FILES["envoy.yaml"].replace("  clusters: []\n", CLUSTER)
SEVERAL = """\
envoys:
- {pod: web, container: web}
- {pod: web, container: inner, config: inner.yaml, admin: 9902}
"""


def delivered(root: Path, delivery: Delivery) -> Scenario:
    return Library(root.parent, delivery).scenario(root.name)


def made(scenario: Scenario) -> dict[str, Any]:
    """`Kind/name` → the object; of a ConfigMap what is in it."""
    found = {f"{each['kind']}/{each['metadata']['name']}": each for each in scenario.bound(Bound())}
    return {
        name: {key: yaml.safe_load(text) for key, text in each["data"].items()} if each["kind"] == "ConfigMap" else each
        for name, each in found.items()
    }


@pytest.fixture
def demo(folder: Callable[..., Path]) -> Path:
    return folder({"pod.yaml": POD, "envoy.yaml": ENVOY})


def names(resources: Any) -> list[str]:
    return [each.get("name", each.get("cluster_name")) for each in resources["resources"]]


def test_files_stand_beside_the_config_and_are_read_where_it_is(demo: Path) -> None:
    config_map = made(delivered(demo, "file"))["ConfigMap/envoyconfig"]
    assert config_map.keys() == {"envoy.yaml", "envoy-lds.yaml", "envoy-cds.yaml", "envoy-eds-1.yaml"}
    bootstrap = config_map["envoy.yaml"]
    assert "static_resources" not in bootstrap
    source = {
        "path_config_source": {"path": "/etc/envoy/envoy-lds.yaml", "watched_directory": {"path": "/etc/envoy"}},
        "resource_api_version": "V3",
        "initial_fetch_timeout": "0s",
    }
    assert bootstrap["dynamic_resources"]["lds_config"] == source
    [cluster] = config_map["envoy-cds.yaml"]["resources"]
    path = cluster["eds_cluster_config"]["eds_config"]["path_config_source"]["path"]
    assert names(config_map[path.removeprefix("/etc/envoy/")]) == ["app"]
    assert names(config_map["envoy-lds.yaml"]) == ["one", "two"]
    # What only a run knows is in it.
    assert config_map["envoy-lds.yaml"]["resources"][0]["address"]["socket_address"]["address"] == "ip of web"
    assert bootstrap["node"]["id"] == "config-id"


@pytest.mark.parametrize(("delivery", "kind"), [("ads", "GRPC"), ("delta-ads", "DELTA_GRPC")])
def test_a_control_plane_is_a_pod_more(demo: Path, delivery: Delivery, kind: str) -> None:
    scenario = delivered(demo, delivery)
    objects = made(scenario)
    bootstrap = objects["ConfigMap/envoyconfig"]["envoy.yaml"]
    ads = bootstrap["dynamic_resources"]["ads_config"]
    assert ads["api_type"] == kind
    assert bootstrap["dynamic_resources"]["lds_config"]["ads"] == {}
    [cluster] = bootstrap["static_resources"]["clusters"]
    assert cluster["name"] == ads["grpc_services"][0]["envoy_grpc"]["cluster_name"] == "control-plane"
    [endpoint] = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    address = {"address": "ip of control-plane", "port_value": 18000}
    assert endpoint["endpoint"]["address"]["socket_address"] == address
    config = objects["ConfigMap/control-plane-config"]
    assert {name: names(each) for name, each in config.items()} == {
        "envoy-lds.yaml": ["one", "two"],
        "envoy-cds.yaml": ["app"],
        "envoy-eds-1.yaml": ["app"],
    }
    pod = objects["Pod/control-plane"]["spec"]
    assert pod["volumes"][0]["configMap"]["name"] == "control-plane-config"
    assert pod["containers"][0]["command"][:3] == ["takeover", "control-plane", "/etc/control-plane"]
    assert scenario.control_planes == ("control-plane",)
    assert [each.control_planes for each in scenario.envoys] == [("control-plane",)]
    assert objects["Service/control-plane"]["spec"]["ports"][0]["port"] == 18000


def test_what_is_written_stays_what_is_read(demo: Path) -> None:
    static = delivered(demo, "static")
    for each in ("file", "ads"):
        scenario = delivered(demo, each)
        assert scenario.config_files() == static.config_files()
        assert scenario.config_maps() == static.config_maps()
        assert scenario.config("envoy.yaml") == static.config("envoy.yaml")
        assert scenario.where("ConfigMap/default/envoyconfig") == static.where("ConfigMap/default/envoyconfig")
    assert (static.control_planes, static.envoys[0].control_planes) == ((), ())


def test_edits_come_before_and_are_about_what_is_written(demo: Path) -> None:
    address = "$.static_resources.listeners[?@.name=='two'].address.socket_address.address"
    edits = [
        replace("envoy.yaml", address, "127.0.0.1"),
        add("envoy.yaml", "$", "stats_config", {}),
        remove("envoy.yaml", "$.static_resources.clusters"),
    ]
    config_map = made(delivered(demo, "file").edited(edits))["ConfigMap/envoyconfig"]
    assert config_map["envoy-lds.yaml"]["resources"][1]["address"]["socket_address"]["address"] == "127.0.0.1"
    assert config_map["envoy.yaml"]["stats_config"] == {}
    assert "envoy-cds.yaml" not in config_map
    assert "cds_config" not in config_map["envoy.yaml"]["dynamic_resources"]


def test_a_node_without_a_name_gets_the_scenarios(folder: Callable[..., Path]) -> None:
    about = FILES["scenario.yaml"].partition("- in: envoy.yaml\n  replace: $.node")[0].replace("bind:\n", "")
    envoy = ENVOY.replace("node: {id: from-the-manifest, cluster: demo}", "node: {cluster: mine}")
    root = folder({"pod.yaml": POD, "envoy.yaml": envoy, "scenario.yaml": about})
    for each in ("file", "ads"):
        node = made(delivered(root, each))["ConfigMap/envoyconfig"]["envoy.yaml"]["node"]
        assert (node["id"], node["cluster"]) == ("demo", "mine")


def test_envoys_with_configs_of_their_own_have_control_planes_of_their_own(folder: Callable[..., Path]) -> None:
    mounts = "volumeMounts: [{name: config, mountPath: /etc/envoy/}]"
    containers = f"web, {mounts}}}\n  - {{name: inner"
    about = SEVERAL + FILES["scenario.yaml"].partition("envoys:")[2].partition("\n")[2]
    generator = FILES["kustomization.yaml"].replace("[envoy.yaml]", "[envoy.yaml, inner.yaml]")
    inner = ENVOY.replace("two", "inner")
    root = folder(
        {
            "pod.yaml": POD.replace("name: web, volumeMounts", f"name: {containers}, volumeMounts"),
            "envoy.yaml": ENVOY,
            "inner.yaml": inner,
            "kustomization.yaml": generator,
            "scenario.yaml": about,
        }
    )
    scenario = delivered(root, "ads")
    assert scenario.control_planes == ("control-plane", "control-plane-2")
    objects = made(scenario)
    assert names(objects["ConfigMap/control-plane-2-config"]["inner-lds.yaml"]) == ["one", "inner"]
    assert names(objects["ConfigMap/control-plane-config"]["envoy-lds.yaml"]) == ["one", "two"]
    pod, service = objects["Pod/control-plane-2"], objects["Service/control-plane-2"]
    assert pod["metadata"]["labels"] == service["spec"]["selector"] == {"app": "control-plane-2"}
    assert pod["spec"]["volumes"][0]["configMap"]["name"] == "control-plane-2-config"
    assert pod["spec"]["containers"][0]["command"][1] == "control-plane"
    assert [each.control_planes for each in scenario.envoys] == [("control-plane",), ("control-plane-2",)]
    both = made(delivered(root, "file"))["ConfigMap/envoyconfig"]
    assert {"envoy-lds.yaml", "inner-lds.yaml"} < both.keys()


@pytest.mark.parametrize("delivery", ["file", "ads", "delta-ads"])
def test_what_is_delivered_by_xds_already_is_left_and_said(folder: Callable[..., Path], delivery: Delivery) -> None:
    root = folder({"pod.yaml": POD, "envoy.yaml": "dynamic_resources: {lds_config: {}}\n" + ENVOY})
    scenario = delivered(root, delivery)
    assert scenario.not_delivered.endswith("envoy.yaml has dynamic_resources: it is delivered by xDS already")
    assert made(scenario) == made(delivered(root, "static"))
    assert (scenario.delivery, scenario.control_planes) == ("static", ())


@pytest.mark.parametrize(
    ("delivery", "old", "new", "what"),
    [
        ("file", "name: envoyconfig}", "name: envoyconfig, items: []}", "it is in none (subPath and items"),
        ("file", "mountPath: /etc/envoy/", "mountPath: /etc/envoy/envoy.yaml, subPath: envoy.yaml", "it is in none"),
        (
            "file",
            "mountPath: /etc/envoy/}",
            "mountPath: /etc/envoy/}, {name: config, mountPath: /b}",
            "it is in /b, /etc/envoy",
        ),
    ],
)
def test_a_config_that_has_no_folder_is_refused(
    folder: Callable[..., Path], delivery: Delivery, old: str, new: str, what: str
) -> None:
    root = folder({"pod.yaml": POD.replace(old, new), "envoy.yaml": ENVOY})
    with pytest.raises(BadInputError) as caught:
        delivered(root, delivery)
    assert str(caught.value).startswith("scenario demo: --delivery file: the ConfigMap with ")
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)
    delivered(root, "ads")  # which needs none


def test_names_that_are_taken_are_refused(folder: Callable[..., Path]) -> None:
    root = folder({"pod.yaml": POD, "envoy.yaml": ENVOY.replace("name: app", "name: control-plane")})
    with pytest.raises(
        BadInputError, match=r"^scenario demo: --delivery ads: .*envoy\.yaml: something is called contro"
    ):
        delivered(root, "ads")
    root = folder(
        {"pod.yaml": POD.replace("metadata: {name: web}\nspec: {c", "metadata: {name: control-plane}\nspec: {c")}
    )
    with pytest.raises(
        BadInputError, match=r"^scenario demo: --delivery ads: .* Service/default/control-plane is there twice"
    ):
        delivered(root, "ads")
    generator = FILES["kustomization.yaml"].replace("[envoy.yaml]", "[envoy.yaml, envoy-lds.yaml]")
    root = folder({"pod.yaml": POD, "envoy.yaml": ENVOY, "kustomization.yaml": generator, "envoy-lds.yaml": "a: b\n"})
    with pytest.raises(BadInputError, match=r"envoy-lds\.yaml: a file that is added is called so"):
        delivered(root, "file")


@pytest.mark.parametrize("delivery", ["file", "ads", "delta-ads"])
@pytest.mark.parametrize("name", Library.bundled().names())
def test_every_scenario_of_ours_can_be_delivered_or_is_by_itself(name: str, delivery: Delivery) -> None:
    scenario = Library(Library.bundled().folder, delivery).scenario(name)
    assert scenario.bound(Bound())
    assert (scenario.delivery == delivery) is not bool(scenario.not_delivered)
