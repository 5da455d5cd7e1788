"""Every scenario of the project loads, and kustomize makes the same objects of its folder."""

import base64
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from takeover.scenario.library import Library
from takeover.scenario.replicas import expanded
from takeover.scenario.yaml_text import parse_yaml


def by_label(objects: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The objects by kind, namespace and name, with the default namespace written out."""
    for each in objects:
        if each["kind"] != "Namespace":
            each["metadata"].setdefault("namespace", "default")
        # Lines may end in base64, as kustomize has them.
        for key, value in each.get("binaryData", {}).items():
            each["binaryData"][key] = base64.b64decode(value)
    return {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in objects}


@pytest.mark.parametrize("name", Library.bundled().names())
def test_kustomize_makes_the_same_objects(name: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH: nothing to compare with")
    scenario = Library.bundled().scenario(name)
    made = subprocess.run([kubectl, "kustomize", scenario.folder], capture_output=True, text=True, check=True).stdout
    # Its Deployments are Pods to us.
    expected = by_label(expanded(document.value for document in parse_yaml(made, Path("kubectl kustomize"))))
    namespaces = [each for label, each in expected.items() if label[0] == "Namespace"]
    assert {each["metadata"]["name"] for each in namespaces} | {"default"} >= set(scenario.namespaces())
    assert by_label([*namespaces, *scenario.config_maps(), *scenario.objects()]) == expected
