"""What is wrong with a scenario's objects is told before anything is deployed, in one line with its place."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.conformance import contract
from takeover.engines.conformance.contract import single
from takeover.engines.contract import CheckingEngine, Engine
from takeover.model.release import Release
from takeover.scenario.edits import Edit, add, append, replace
from takeover.scenario.library import Library
from tests.engines.local.documents import config_map, named, service

MAIN = "$.spec.containers[0]"


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([replace("Pod/app", f"{MAIN}.image", "redis:7")], "image redis:7: nothing on this machine provides it"),
        ([add("Pod/app", MAIN, "tty", True)], "Pod/app: spec.containers[0].tty is not supported"),
        (
            [add("Pod/app", "$.spec", "volumes", [{"name": "v", "configMap": {"name": "nothing"}}])],
            "Pod/app: spec.volumes[v]: there is no ConfigMap nothing in namespace default",
        ),
        ([add("Pod/app", MAIN, "volumeMounts", [{"name": "v", "mountPath": "/v"}])], "container main mounts v, which"),
        ([append("Pod/app", "$.spec.containers", {"name": "before", "image": "nginx"})], "two containers are named"),
        (
            [replace("Pod/app", f"{MAIN}.name", "../main")],
            "Pod/app: spec.containers[0].name is '../main'; it must be of",
        ),
        ([add("Pod/app", MAIN, "env", [{"name": "A", "value": "\0"}])], "spec.containers[0].env[0].value has a NUL"),
    ],
    ids=["image", "field", "ConfigMap", "volume", "name", "path", "NUL"],
)
def test_a_deployment_is_refused_in_one_line_with_its_place(
    engine: Engine,
    envoy: Release,
    edits: list[Edit],
    told: str,
) -> None:
    with pytest.raises(BadInputError) as caught:
        engine.deploy(single(edits), envoy)

    assert told in str(caught.value)
    assert re.match(r"\S+/single/pod.yaml:\d+: ", str(caught.value))
    assert "\n" not in str(caught.value)


def test_what_the_kernel_does_not_take_of_a_pods_settings_is_told_in_a_line(engine: Engine, envoy: Release) -> None:
    wanted = {"name": "net.ipv4.ip_local_port_range", "value": "9 8"}
    with pytest.raises(TakeoverError) as caught:
        engine.deploy(single([add("Pod/app", "$.spec", "securityContext", {"sysctls": [wanted]})]), envoy)

    told = "Pod/app: spec.securityContext.sysctls: the kernel does not take '9 8' for net.ipv4.ip_local_port_range: "
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with the scenario "single", to be changed."""
    shutil.copytree(Path(contract.__file__).with_name("scenarios") / "single", tmp_path / "library/single")
    return tmp_path / "library"


@pytest.mark.parametrize(
    ("objects", "told"),
    [
        ([named("Pod", f"p{n}") for n in range(110)], "there are 111 Pods; a node takes 110"),
        (
            [service(clusterIP="10.96.3.3") | {"metadata": {"name": name}} for name in ("a", "b")],
            "spec.clusterIP is 10.96.3.3, which Service default/a has: leave the field out",
        ),
        ([config_map({"../../../../tmp/owned": "x"})], "more.yaml:1: ConfigMap/c: data has a key that is '../../"),
    ],
    ids=["Pods", "addresses", "key"],
)
def test_what_is_wrong_with_objects_together(
    engine: Engine, library: Path, objects: list[dict[str, Any]], told: str
) -> None:
    (library / "single/more.yaml").write_text("---\n".join(f"{json.dumps(each)}\n" for each in objects))
    kustomization = library / "single/kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("- pod.yaml", "- pod.yaml\n- more.yaml"))
    assert isinstance(engine, CheckingEngine)

    with pytest.raises(BadInputError) as caught:
        engine.check(Library(library).scenario("single"))

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_wrong_in_a_template_is_told_once_where_it_is_written(engine: Engine) -> None:
    assert isinstance(engine, CheckingEngine)
    container = "$.spec.template.spec.containers[0]"
    engine.check(contract.crew_scenario())
    place = r"crew/crew\.yaml:\d+: Deployment/web: in spec\.template: spec\."
    with pytest.raises(BadInputError, match=place + r"containers\[0\]\.tty is not supported"):
        engine.check(contract.crew_scenario().edited([add("Deployment/web", container, "tty", True)]))
    again = {"configMap": {"name": "web", "items": [{"key": "nginx.conf", "path": "word/x"}]}}
    for source, told in (({"secret": {"name": "known"}}, "has word twice"), (again, "has word as a file and as a fol")):
        edit = append("Deployment/web", "$.spec.template.spec.volumes[?@.name=='pod'].projected.sources", source)
        with pytest.raises(BadInputError, match=rf"{place}volumes\[pod\]: {told}"):
            engine.check(contract.crew_scenario().edited([edit]))
