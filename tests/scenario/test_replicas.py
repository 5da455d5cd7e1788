"""Deployments: their form, and the Pods that are in their place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.engines.conformance.contract import crew_scenario
from takeover.scenario.documents import short_name
from takeover.scenario.edits import Edit, add, remove, replace
from takeover.scenario.library import Library

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: envoy, image: "envoyproxy/envoy:v1", command: [envoy]}
"""
FILES = {
    "kustomization.yaml": "resources: [web.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
    "configMapGenerator: [{name: c, files: [envoy.yaml]}]\n",
    "envoy.yaml": "static_resources: {}\n",
    "scenario.yaml": "envoys: [{pod: web, container: envoy}]\n"
    "destinations: [{pod: web, container: envoy, port: 1, log: json}]\n",
}


@pytest.fixture
def library(tmp_path: Path) -> Callable[[str], Library]:
    """Makes a library of one scenario, `demo`, with that web.yaml."""

    def made(web: str) -> Library:
        folder = tmp_path / "demo"
        folder.mkdir()
        for name, text in {**FILES, "web.yaml": web}.items():
            (folder / name).write_text(text)
        return Library(tmp_path)

    return made


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("replicas: 2", "replicas: 0", "web.yaml:6: spec.replicas must be a whole number at least 1 and at most 100"),
        ("replicas: 2", "replicas: 101", "at most 100, not 101"),
        ("replicas: 2", "replicas: two", "web.yaml:6: spec.replicas must be a number, not a string"),
        ("replicas: 2", "paused: true", "web.yaml:6: spec.paused is not supported; supported: selector, template, rep"),
        ("matchLabels: {app: web}", "matchLabels: {}", "web.yaml:7: spec.selector.matchLabels must not be empty"),
        ("matchLabels: {app: web}", "matchExpressions: []", "web.yaml:7: spec.selector.matchExpressions is not suppor"),
        ("labels: {app: web}", "labels: {app: not}", "web.yaml:9: spec.selector.matchLabels must be labels of spec.te"),
        ("metadata: {labels", "metadata: {name: x, labels", "web.yaml:9: spec.template.metadata.name is not supported"),
        ("    spec:\n", "    spec:\n      restartPolicy: Never\n", "spec.template.spec.restartPolicy is one of Always"),
        ("apps/v1", "apps/v1beta1", "web.yaml:2: apiVersion is one of apps/v1, not apps/v1beta1"),
        ("containers:", "cont:", "web.yaml:10: spec.template.spec.containers is missing"),
        ("{name: web}", "{name: web.b}", "metadata.name is 'web.b'; it must be of small letters"),
        (
            "\napi",
            "\n{apiVersion: v1, kind: Pod, metadata: {name: web-1}}\n---\napi",
            "Pod web-1 is called as a",
        ),
    ],
)
def test_what_is_wrong_with_one_is_told_with_its_place(
    library: Callable[[str], Library], old: str, new: str, told: str
) -> None:
    assert old in DEPLOYMENT
    with pytest.raises(BadInputError) as caught:
        library(DEPLOYMENT.replace(old, new, 1)).scenario("demo")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_edit_may_not_spoil_one(library: Callable[[str], Library]) -> None:
    demo = library(DEPLOYMENT).scenario("demo")
    with pytest.raises(BadInputError, match=r"web\.yaml:6: spec\.replicas must be a whole number at least 1"):
        demo.edited([replace("Deployment/web", "$.spec.replicas", 0)])


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (replace("Deployment/web", "$.spec.replicas", 1.5), "spec.replicas must be a whole number"),
        (replace("Deployment/web", "$.spec.replicas", 10**12), "spec.replicas must be"),
        (remove("Deployment/web", "$.spec"), "spec is missing"),
    ],
    ids=["a half", "many", "none"],
)
def test_an_edit_may_not_spoil_one_that_has_a_destination(
    edit: Edit, told: str, library: Callable[[str], Library]
) -> None:
    demo = library(DEPLOYMENT).scenario("demo")
    assert demo.destinations
    with pytest.raises(BadInputError, match=rf"web\.yaml:\d+: {told}"):
        demo.edited([edit])


def test_envoys_and_destinations_in_one_are_in_each_of_its_pods(library: Callable[[str], Library]) -> None:
    demo = library(DEPLOYMENT).scenario("demo")
    more = demo.edited([replace("Deployment/web", "$.spec.replicas", 3)])
    for scenario, names in ((demo, ["web-0", "web-1"]), (more, ["web-0", "web-1", "web-2"])):
        assert [each.pod for each in scenario.envoys] == names
        assert [each.name for each in scenario.destinations] == [f"{each}/envoy" for each in names]
        assert [short_name(each) for each in scenario.objects()] == names
        assert scenario.replicas("web") == names
        assert scenario.mounted_files(scenario.envoys[-1]) == {}
    # One may come while the others run, so their logs tell from the first on whence they dialled.
    assert demo.scaled("web", 1).scaled("web", 2).config_files() == demo.config_files()


def test_a_pods_name_is_of_its_template_and_number() -> None:
    crew = crew_scenario()
    pods = [each for each in crew.objects() if each["kind"] == "Pod"][:2]
    again = [each for each in crew.scaled("web", 3).objects() if each["kind"] == "Pod"][:2]
    assert pods == again
    assert [each["metadata"]["labels"].keys() for each in pods] == [{"app", "pod-template-hash"}] * 2
    other = crew.edited([add("Deployment/web", "$.spec.template.spec", "hostAliases", [])])
    names = {each["metadata"]["name"] for each in [*pods, *other.objects()] if each["kind"] == "Pod"}
    assert len(names) == 5  # two, two others, and the client


def test_one_replica_is_what_none_says() -> None:
    crew = crew_scenario().edited([remove("Deployment/web", "$.spec.replicas")])
    assert crew.replicas("web") == ["web-0"]
    assert crew.scaled("default/web", 2).replicas("web") == ["web-0", "web-1"]
