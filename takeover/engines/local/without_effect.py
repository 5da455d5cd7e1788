"""What real Pods have and what means nothing on one node without a scheduler, accounts and quotas: taken, and told."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from takeover.engines.local import objects
from takeover.model.json import JsonObject
from takeover.scenario import names
from takeover.scenario.yaml_text import Key

Fault: TypeAlias = tuple[tuple[Key, ...], str]
"""Where in the object something is wrong, and what is: words that follow the place."""

_OF_POD = (
    "serviceAccountName", "automountServiceAccountToken", "nodeSelector", "tolerations", "affinity",
    "topologySpreadConstraints", "imagePullSecrets", "priorityClassName", "schedulerName",
)  # fmt: skip
_OF_CONTAINER = ("resources", "terminationMessagePath", "terminationMessagePolicy")
_OF_SECURITY = ("seccompProfile",)
# See "Resource quantities" in the Kubernetes page "Resource Management for Pods and Containers".
_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")


def fields(documents: Iterable[JsonObject]) -> list[str]:
    """The names of all such fields that Pods have, each once."""
    found: dict[str, None] = {}
    for document in documents:
        if document.get("kind") == "ServiceAccount":
            found["ServiceAccount"] = None
        spec = document.get("spec") if document.get("kind") == "Pod" else None
        if not isinstance(spec, dict):
            continue
        found |= dict.fromkeys(each for each in _OF_POD if each in spec)
        found |= _of_security(spec)
        for key in ("initContainers", "containers"):
            for container in spec.get(key) or ():
                found |= dict.fromkeys(each for each in _OF_CONTAINER if each in container)
                found |= _of_security(container)
    return list(found)


def _of_security(holder: JsonObject) -> dict[str, None]:
    security = holder.get("securityContext")
    return dict.fromkeys(each for each in _OF_SECURITY if isinstance(security, dict) and each in security)


def faults(spec: objects.PodSpec) -> Iterator[Fault]:
    """What Kubernetes refuses in them."""
    for field, name in (
        ("serviceAccountName", spec.service_account_name),
        ("priorityClassName", spec.priority_class_name),
        ("schedulerName", spec.scheduler_name),
    ):
        if name and (wrong := names.wrong_subdomain(name)):
            yield ("spec", field), wrong
    for key, value in spec.node_selector.items():
        if wrong := names.wrong_label_key(key):
            yield ("spec", "nodeSelector"), f"has a key that {wrong}"
        if wrong := names.wrong_label_value(value):
            yield ("spec", "nodeSelector", key), wrong
    for index, secret in enumerate(spec.image_pull_secrets):
        if wrong := names.wrong_object_name("Secret", secret.name):
            yield ("spec", "imagePullSecrets", index, "name"), wrong


def resources_faults(resources: objects.Resources, at: tuple[Key, ...]) -> Iterator[Fault]:
    """What is no quantity."""
    both: tuple[tuple[str, Mapping[str, str | int | float]], ...]
    both = (("limits", resources.limits), ("requests", resources.requests))
    for field, quantities in both:
        for name, quantity in quantities.items():
            if not _QUANTITY.fullmatch(str(quantity)) or str(quantity).startswith("-"):
                yield (*at, field, name), f"is {str(quantity)[:80]!a}, which is no quantity, such as 100m or 64Mi"
