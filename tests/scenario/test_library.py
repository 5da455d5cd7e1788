"""Scenarios from any folder: with bases and sets of probes of its own, and those that come with the project."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.probes.probe_file import read_probes
from takeover.report.page import About, in_order
from takeover.scenario import bundled
from takeover.scenario.edits import replace
from takeover.scenario.library import Library
from takeover.scenario.sabotage import read_sabotages

OWN = {
    "../bases/own/kustomization.yaml": "resources: [pod.yaml]",
    "../bases/own/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: own}\nspec: {containers: [{name: c}]}\n",
    "../bases/own/base.yaml": "control: {pod: own, port: 7}\n"
    "destinations: [{pod: own, container: c, port: 8, log: combined}]\n",
    "../bases/probes/mine.yaml": "- name: from-a-set\n",
    "probes.yaml": """\
- group: one
  why: to be read
  bases: [own, hostile]
  from: own
  to: {service: hostile/upstream, port: 80}
  sets: [mine, basics]
""",
}


def test_a_folder_of_ones_own(folder: Callable[..., Path]) -> None:
    library = Library(folder(OWN).parent)
    assert library.names() == ["demo"]
    scenario = library.scenario("demo")
    assert scenario is library.scenario("demo")
    assert (scenario.library, scenario.controls, scenario.destinations) == (library, (), ())

    [group] = read_probes(scenario)
    assert group.probes[0].name == "from-a-set"
    assert len(group.probes) > 10
    deployed = library.scenario("demo", group.bases)
    assert [(each.pod, each.port) for each in deployed.controls] == [("own", 7), ("hostile/upstream", 9999)]
    assert [(each.name, each.log) for each in deployed.destinations] == [("own/c", "combined")]


def test_a_base_of_ones_own_comes_first(folder: Callable[..., Path]) -> None:
    library = Library(folder({**OWN, "../bases/hostile/kustomization.yaml": "resources: []"}).parent)
    assert library.base("hostile") == library.folder / "bases/hostile"
    assert library.base("client") == bundled.manifests() / "bases/client"
    with pytest.raises(BadInputError, match=r"^there is no base none; there are auth, .*, own, services$"):
        library.base("none")
    with pytest.raises(BadInputError, match=r"^there is no set none; there are answers, .*mine, "):
        library.probe_set("none")


def test_a_base_that_is_a_resource_says_who_is_who_too(folder: Callable[..., Path]) -> None:
    resources = "resources: [pod.yaml, ../bases/own, part]\n"
    text = (folder() / "kustomization.yaml").read_text()
    library = Library(folder({**OWN, "kustomization.yaml": resources + text.partition("- part\n")[2]}).parent)
    assert [each.name for each in library.scenario("demo").destinations] == ["own/c"]


def test_all_about_the_article_is_optional(folder: Callable[..., Path]) -> None:
    root = folder({"scenario.yaml": "envoys: [{pod: web, container: web}]"})
    library = Library(root.parent)
    scenario = library.scenario("demo")
    assert (scenario.title, scenario.chinese, scenario.article, scenario.chapter) == ("demo", "", "", "")
    assert in_order(library, ["gone", "demo"]) == [About("demo", "demo"), About("gone", "gone")]
    edited = scenario.edited([replace("envoy.yaml", "$.node.cluster", "x")])
    assert edited.title == "demo"


def test_the_bundled_ones_are_beside_the_package_or_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Library.bundled()  # found once in a process
    assert bundled.manifests() == Path(__file__).parents[2] / "manifests" == ours.folder
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path / "takeover")
    assert bundled.manifests() == tmp_path / "manifests"
    shutil.copytree(ours.folder, tmp_path / "takeover/manifests")
    assert bundled.manifests() == tmp_path / "takeover/manifests"
    assert Library(bundled.manifests()).names() == ours.names()


def test_scenarios_may_stand_in_a_folder_of_the_library(folder: Callable[..., Path]) -> None:
    root = folder().parent
    shutil.copytree(root / "demo", root / "more/another")
    library = Library(root)
    assert library.names() == ["another", "demo"]
    assert library.scenario("another").folder == library.folder / "more/another"

    shutil.copytree(root / "demo", root / "more/demo")
    with pytest.raises(BadInputError, match=r"more/demo: there is a scenario demo at .*/demo; name one of them"):
        Library(root).names()  # which folders there are is looked at once


@pytest.mark.parametrize(
    "file",
    ["scenario.yml", "kustomization.yml", "probes.yml", "sabotage.yml", "../bases/own/base.yml"],
)
def test_a_file_of_ours_with_another_suffix_is_refused_by_name(folder: Callable[..., Path], file: str) -> None:
    root = folder({**OWN, "sabotage.yaml": "[]"})
    library, path = Library(root.parent), root / file
    read_probes(library.scenario("demo"))
    path.with_suffix(".yaml").rename(path)
    with pytest.raises(BadInputError, match=rf"{path.name}: is not read: call it {path.stem}\.yaml$"):
        _read_all(Library(root.parent))


def _read_all(library: Library) -> None:
    for name in library.names():
        library.scenario(name, ["own"])
    for name in library.names_with("probes.yaml"):
        read_probes(library.scenario(name))
    for name in library.names_with("sabotage.yaml"):
        read_sabotages(library.scenario(name))
