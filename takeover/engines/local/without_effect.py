"""What real objects have and means nothing on one node without a scheduler, accounts and quotas: taken, and told."""

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
    "serviceAccountName", "serviceAccount", "automountServiceAccountToken", "nodeSelector", "tolerations", "affinity",
    "topologySpreadConstraints", "imagePullSecrets", "priorityClassName", "priority", "preemptionPolicy",
    "schedulerName", "os",
)  # fmt: skip
_OF_CONTAINER = ("resources", "terminationMessagePath", "terminationMessagePolicy")
_OF_SECURITY = ("seccompProfile", "appArmorProfile", "seLinuxOptions")
_OF_EMPTY_DIRECTORY = ("medium", "sizeLimit")
# See "Resource quantities" in the Kubernetes page "Resource Management for Pods and Containers".
_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")


def fields(documents: Iterable[JsonObject]) -> list[str]:
    """The names of all such fields that objects have, each once."""
    found: dict[str, None] = {}
    for document in documents:
        spec = document.get("spec")
        match document.get("kind"):
            case "ServiceAccount":
                found["ServiceAccount"] = None
            case "ConfigMap" | "Secret":
                found |= _there(document, ("immutable",))
            case "Service" if isinstance(spec, dict):
                for port in spec.get("ports") or ():
                    found |= _there(port, ("appProtocol",))
            case "Pod" if isinstance(spec, dict):
                found |= _of_pod(spec)
    return list(found)


def _of_pod(spec: JsonObject) -> dict[str, None]:
    found = _there(spec, _OF_POD) | _there(spec.get("securityContext"), _OF_SECURITY)
    for key in ("initContainers", "containers"):
        for container in spec.get(key) or ():
            found |= _there(container, _OF_CONTAINER) | _there(container.get("securityContext"), _OF_SECURITY)
    for volume in spec.get("volumes") or ():
        found |= _there(volume.get("emptyDir"), _OF_EMPTY_DIRECTORY)
    return found


def _there(holder: object, names_of: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(each for each in names_of if isinstance(holder, dict) and each in holder)


def faults(spec: objects.PodSpec) -> Iterator[Fault]:
    """What Kubernetes refuses in them."""
    for field, name in (
        ("serviceAccountName", spec.service_account_name),
        ("serviceAccount", spec.service_account),
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
            yield from quantity_faults(quantity, (*at, field, name))


def quantity_faults(quantity: str | int | float, at: tuple[Key, ...]) -> Iterator[Fault]:
    """What is no quantity, or below nothing."""
    if not _QUANTITY.fullmatch(str(quantity)) or str(quantity).startswith("-"):
        yield at, f"is {str(quantity)[:80]!a}, which is no quantity, such as 100m or 64Mi"
