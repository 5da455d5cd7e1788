"""Deployments: a Pod for each replica, named as Kubernetes names them, and by its number to who addresses it.

Engines get the Pods, not the Deployment: so each has the same name everywhere, and a test reaches any of them. What a
Deployment does beside that (roll out another template, step by step) is not there.
"""

import copy
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec

from takeover.base.errors import BadInputError
from takeover.model.json import without_null
from takeover.scenario import names
from takeover.scenario.documents import REPLICA, Documents
from takeover.scenario.kustomization import KubernetesObject
from takeover.scenario.typed_yaml import Entry, Json, convert

KIND = "Deployment"
MOST = 100
"""Replicas of one Deployment: a node takes no more Pods."""

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # those of Kubernetes: no word is made of them
_LONGEST_BEFORE_SUFFIX = 58
_HASH = "pod-template-hash"


class _Camel(Entry, rename="camel"):
    """A mapping of Kubernetes'."""


class _TemplateMetadata(_Camel):
    labels: dict[str, str]
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class _PodSpec(_Camel, forbid_unknown_fields=False):
    """What engines look at, but for this."""

    containers: list[Any]
    restart_policy: Literal["Always"] = "Always"


class _Template(_Camel):
    metadata: _TemplateMetadata
    spec: _PodSpec


class _Selector(_Camel):
    match_labels: Annotated[dict[str, str], msgspec.Meta(min_length=1)]


class _Spec(_Camel):
    """Those that have no default here, and what tells how another template would be rolled out."""

    selector: _Selector
    template: _Template
    replicas: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = 1
    strategy: dict[str, Any] = msgspec.field(default_factory=dict)
    min_ready_seconds: int = 0
    revision_history_limit: int = 10
    progress_deadline_seconds: int = 600


class _Metadata(_Camel):
    name: str
    namespace: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class _Deployment(_Camel):
    api_version: Literal["apps/v1"]
    kind: Literal["Deployment"]
    metadata: _Metadata
    spec: _Spec


def check(documents: Documents) -> None:
    """Looks at the form of the Deployments; their templates' Pods are the engines' to look at.

    Raises: BadInputError "FILE:LINE: …".
    """
    pods = {(each.namespace, each.name) for each in documents.objects.values() if each.kind == "Pod"}
    for each in documents.objects.values():
        if each.kind == KIND:
            _check(each, pods)


def _check(entry: KubernetesObject, pods: set[tuple[str, str]]) -> None:
    read = convert(replace(entry.document, value=without_null(entry.data)), _Deployment)
    template, wanted = read.spec.template, read.spec.selector.match_labels
    if not wanted.items() <= template.metadata.labels.items():
        raise template.metadata.error("spec.selector.matchLabels must be labels of spec.template, too", "labels")
    if wrong := names.wrong_label(entry.name):
        raise read.metadata.error(f"metadata.name {wrong}", "name")
    for number in range(read.spec.replicas):
        if (entry.namespace, name := f"{entry.name}-{number}") in pods:
            raise BadInputError(f"{entry.where}: Pod {name} is called as a replica of {entry.label} is: rename one")


def pods_of(deployment: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The Pods of a Deployment whose form is right, each a copy."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    template = spec["template"]
    word = _word(10, template)
    before = f"{metadata['name']}-{word}-"[:_LONGEST_BEFORE_SUFFIX]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": before + _word(5, [template, number]),
                **({"namespace": metadata["namespace"]} if "namespace" in metadata else {}),
                "labels": {**template["metadata"]["labels"], _HASH: word},
                "annotations": {
                    **template["metadata"].get("annotations", {}),
                    REPLICA: f"{metadata['name']}-{number}",
                },
            },
            "spec": copy.deepcopy(template["spec"]),
        }
        for number in range(spec.get("replicas") or 1)
    ]


def expanded(objects: Iterable[dict[str, Json]]) -> list[dict[str, Json]]:
    """The objects, with Pods in the place of Deployments."""
    return [pod for each in objects for pod in (pods_of(each) if each["kind"] == KIND else [each])]


def replicas(documents: Documents) -> dict[str, list[str]]:
    """Deployment → what its Pods are called, both as `NAME` or `NAMESPACE/NAME`."""
    return {
        each.short_name: [f"{each.short_name}-{number}" for number in range(each.data["spec"].get("replicas") or 1)]
        for each in documents.objects.values()
        if each.kind == KIND
    }


def _word(length: int, data: Json) -> str:
    """One that stands for the data, the same in every run."""
    number = int.from_bytes(hashlib.sha256(msgspec.json.encode(data, order="sorted")).digest())
    letters = []
    for _ in range(length):
        number, rest = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[rest])
    return "".join(letters)
