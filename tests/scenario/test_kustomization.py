from collections.abc import Callable
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.scenario.kustomization import read_kustomization

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
OPTIONS = "generatorOptions: {disableNameSuffixHash: true}\n"
KEY = "it must be of letters, digits and -_., at most 253, and neither . nor beginning with .."
HASH = "generatorOptions.disableNameSuffixHash must be true: Pods name their ConfigMap as it is written"


def generator(files: str) -> str:
    return f"{OPTIONS}configMapGenerator:\n- name: c\n  files: {files}\n"


def test_folders_files_and_the_namespace_transformer(folder: Callable[..., Path]) -> None:
    root = folder()
    read = read_kustomization(root)
    assert [entry.label for entry in read.objects] == [
        "Pod/default/web",
        "Service/default/web",
        "Namespace/v1",
        "Service/v1/app",
    ]
    conf = root / "part" / "app.conf"
    assert [(entry.label, entry.files) for entry in read.config_maps] == [
        ("ConfigMap/v1/settings", {"app.conf": conf, "other": conf}),
        ("ConfigMap/default/envoyconfig", {"envoy.yaml": root / "envoy.yaml"}),
    ]


def test_a_link_is_a_file_of_its_own_name(folder: Callable[..., Path]) -> None:
    root = folder()
    (root / "envoy.yaml").rename(root / "envoy-v2.yaml")
    (root / "envoy.yaml").symlink_to("envoy-v2.yaml")
    [found] = [each for each in read_kustomization(root).config_maps if each.name == "envoyconfig"]
    assert list(found.files) == ["envoy.yaml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "resources: []\nimages: []",
            ":2: images is not supported; supported: apiVersion, kind, namespace, resources, configMapGenerator,"
            " generatorOptions",
        ),
        ("apiVersion: v1", ":1: apiVersion must be kustomize.config.k8s.io/v1beta1"),
        ("kind: Component", ":1: kind must be Kustomization"),
        ("resources: pod.yaml", ":1: resources must be a list, not a string"),
        ("resources:\n- 3", ":2: resources[0] must be a string, not a number"),
        ("resources:\n- nope.yaml", ":2: nope.yaml: there is no such file or folder"),
        ("resources: [../outside.yaml]", ":1: ../outside.yaml: there is no such file or folder"),
        (
            "resources: [../demo2.yaml]",
            ":1: ../demo2.yaml is outside the folder, which kustomize refuses: make its folder a resource",
        ),
        ('resources: ["a\\0b"]', ":1: 'a\\x00b': no path of a file or folder"),
        (f"resources: [{'a' * 300}]", f":1: '{'a' * 300}': no path of a file or folder"),
        ("resources: [.]", ":1: . takes this folder in turn: a circle"),
        ("namespace: ''", ":1: namespace must be a string, not empty"),
        (
            "resources: [part]\nnamespace: v2",
            ":2: namespace: kustomize would rename Namespace/v1 (DEMO/part/app.yaml:1) to v2",
        ),
        ("configMapGenerator:\n- name: c\n  files: [envoy.yaml]", f":1: {HASH}"),
        (generator("[envoy.yaml]").replace("true", "false"), f":1: {HASH}"),
        (
            generator("[envoy.yaml]").replace("{dis", "{labels: {}, dis"),
            ":1: generatorOptions.labels is not supported; supported: disableNameSuffixHash",
        ),
        (
            f"{generator('[envoy.yaml]')}  literals: [a=b]",
            ":5: configMapGenerator[0].literals is not supported; supported: name, namespace, files",
        ),
        (generator("[]"), ":3: a configMapGenerator needs files"),
        (generator("[nope.conf]"), ":4: nope.conf: there is no such file or folder"),
        (generator("[a/b=envoy.yaml]"), f":4: a/b=envoy.yaml: the ConfigMap's key is 'a/b'; {KEY}"),
        (generator("[..=envoy.yaml]"), f":4: ..=envoy.yaml: the ConfigMap's key is '..'; {KEY}"),
        (generator("[envoy.yaml, envoy.yaml=pod.yaml]"), ":4: envoy.yaml=pod.yaml: key envoy.yaml is there twice"),
        (f"{OPTIONS}configMapGenerator:\n- files: [envoy.yaml]", ":3: configMapGenerator[0].name is missing"),
        (f"{OPTIONS}configMapGenerator: [c]", ":2: configMapGenerator[0] must be a mapping, not a string"),
        ("[]", ":1: the document must be a mapping, not a list"),
        ("", ": must hold one YAML document, not 0"),
    ],
)
def test_refused_kustomizations(folder: Callable[..., Path], text: str, message: str) -> None:
    root = folder({"kustomization.yaml": text, "../demo2.yaml": POD})
    with pytest.raises(BadInputError) as caught:
        read_kustomization(root)
    assert str(caught.value) == f"{root}/kustomization.yaml{message}".replace("DEMO", str(root))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{POD}---\n{POD}", ":5: Pod/default/web is there twice; first in FILE:1"),
        (
            f"{POD}---\n{POD.replace('{', '{namespace: default, ')}",
            ":5: Pod/default/web is there twice; first in FILE:1",
        ),
        ("- a", ":1: the document must be a mapping, not a list"),
        ("kind: Pod", ":1: apiVersion is missing"),
        ("apiVersion: v1\nkind: 3", ":2: kind must be a string, not a number"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {}", ":3: metadata.name is missing"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a,\n namespace: 3}",
            ":4: metadata.namespace must be a string, not a number",
        ),
    ],
)
def test_refused_objects(folder: Callable[..., Path], text: str, message: str) -> None:
    root = folder({"pod.yaml": text})
    with pytest.raises(BadInputError) as caught:
        read_kustomization(root)
    assert str(caught.value) == f"{root}/pod.yaml{message}".replace("FILE", f"{root}/pod.yaml")


def test_a_circle_of_two_folders_is_refused(folder: Callable[..., Path]) -> None:
    root = folder({"part/kustomization.yaml": "resources: ['..']"})
    with pytest.raises(BadInputError) as caught:
        read_kustomization(root)
    assert str(caught.value) == f"{root}/part/kustomization.yaml:1: .. takes this folder in turn: a circle"


def test_a_list_is_what_is_in_it(folder: Callable[..., Path]) -> None:
    one, two = (f"{{apiVersion: v1, kind: Pod, metadata: {{name: {each}}}}}" for each in ("one", "two"))
    inner = f"{{apiVersion: v1, kind: PodList, items: [{two}]}}"
    text = f"apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: ''}}\nitems:\n- {one}\n- {inner}\n---\n"
    root = folder({"pod.yaml": f"{text}{POD}---\nkind: List\nitems:\n"})
    found = [each for each in read_kustomization(root).objects if each.kind == "Pod"]
    assert [(each.name, each.where.rpartition(":")[2]) for each in found] == [("one", "5"), ("two", "6"), ("web", "8")]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("{a: b}", "3: items of a List must be a list, not a mapping"),
        ("[{}]", "3: apiVersion is missing"),
        ("[1]", "3: the document must be a mapping, not a number"),
        ("\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: A}", "6: metadata.name is 'A'; it must be of small"),
    ],
)
def test_what_is_wrong_in_a_list_is_told_at_its_line(folder: Callable[..., Path], items: str, message: str) -> None:
    root = folder({"pod.yaml": f"apiVersion: v1\nkind: List\nitems: {items}\n"})
    with pytest.raises(BadInputError) as caught:
        read_kustomization(root)
    assert f"pod.yaml:{message}" in str(caught.value)


def test_what_only_an_api_server_writes_is_no_part_of_an_object(folder: Callable[..., Path]) -> None:
    shown = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
  creationTimestamp: "2026-01-01T00:00:00Z"
  generateName: we
  generation: 1
  managedFields: [{manager: kubectl}]
  ownerReferences: [{kind: ReplicaSet, name: web, uid: a}]
  resourceVersion: "1"
  uid: a
spec: {containers: []}
status: {phase: Running}
"""
    [pod] = [each for each in read_kustomization(folder({"pod.yaml": shown})).objects if each.kind == "Pod"]
    assert pod.data == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"containers": []},
    }
    with pytest.raises(
        BadInputError, match=r"pod\.yaml:5: metadata\.finalizers: nobody here ends them: leave them out$"
    ):
        read_kustomization(folder({"pod.yaml": f"{POD.replace('}', ',')}\n  finalizers: [a/b]}}\n"}))
