"""What a Pod names of other objects is there, or it is refused by its place."""

import json
from typing import Any

import pytest

from takeover.engines.local import parsing
from takeover.engines.local.engine import _check_references
from tests.engines.local.documents import config_map, pod, secret, secret_items, variable


def test_two_documents_of_which_one_is_no_pod() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    volumes = [{"name": "v", "configMap": {"name": "c"}}, {"name": "e", "emptyDir": {}}]
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "e", "mountPath": "/e"}]}
    _check_references([config, pod(mounts, volumes=volumes)])
    with pytest.raises(parsing.RefusedError, match=r"spec\.volumes\[v\]: there is no ConfigMap c in namespace default"):
        _check_references([pod(volumes=volumes)])
    with pytest.raises(parsing.RefusedError, match="container b mounts v, which is no volume") as caught:
        _check_references([config, pod(mounts)])
    assert caught.value.keys == ("spec", "containers", 1, "volumeMounts", 0)
    with pytest.raises(parsing.RefusedError, match="two containers are named a") as caught:
        _check_references([pod(initContainers=[{"name": "a", "image": "nginx"}])])
    assert caught.value.keys == ("spec", "initContainers", 0, "name")


def _references_of(kind: str) -> list[tuple[dict[str, Any], str]]:
    where = f"{kind[0].lower()}{kind[1:]}"
    return [
        (pod({"envFrom": [{f"{where}Ref": {"name": "n"}}]}), f"container b: there is no {kind} n in namespace default"),
        (variable({f"{where}KeyRef": {"name": "n", "key": "k"}}), f"container b: there is no {kind} n in namespace"),
        (variable({f"{where}KeyRef": {"name": "c", "key": "k"}}), f"container b: {kind} c has no key k"),
    ]


@pytest.mark.parametrize(("document", "told"), [*_references_of("ConfigMap"), *_references_of("Secret")])
def test_a_reference_that_leads_nowhere_is_refused_unless_it_is_optional(document: dict[str, Any], told: str) -> None:
    there = [config_map({"a": "1"}), secret(stringData={"a": "1"}) | {"metadata": {"name": "c"}}]
    with pytest.raises(parsing.RefusedError, match=told) as caught:
        _check_references([*there, document])
    assert caught.value.keys == ("spec", "containers", 1)
    text = json.dumps(document).replace('{"name": "n"', '{"optional": true, "name": "n"')
    _check_references([*there, json.loads(text.replace('{"name": "c"', '{"optional": true, "name": "c"'))])


def test_a_volume_of_a_secret_that_is_not_there_or_lacks_a_key() -> None:
    document = secret_items({"key": "a", "path": "b"})
    with pytest.raises(parsing.RefusedError, match=r"spec\.volumes\[v\]: there is no Secret s in namespace default"):
        _check_references([document])
    with pytest.raises(parsing.RefusedError, match=r"spec\.volumes\[v\]: Secret s has no key a"):
        _check_references([secret(stringData={"b": ""}), document])
    _check_references([secret(data={"a": "/w=="}), document])  # a file may hold any bytes


def test_bytes_of_a_secret_that_are_no_text_are_no_variable() -> None:
    with pytest.raises(parsing.RefusedError, match="the value of a is no text without a NUL, and so no variable"):
        _check_references([secret(data={"a": "/w=="}), pod({"envFrom": [{"secretRef": {"name": "s"}}]})])
    _check_references([secret(data={"a": "/w==", "b": "Yg=="}), variable({"secretKeyRef": {"name": "s", "key": "b"}})])
