"""Kubernetes objects as the local engine's own types; what it does not take is refused by its path, never ignored."""

import contextlib
import re
import threading
from typing import Any

import msgspec
from msgspec.structs import replace

from takeover.base.errors import BadInputError
from takeover.engines.local import object_rules
from takeover.engines.local.objects import (
    ConfigMap,
    Container,
    Namespace,
    Object,
    Pod,
    Secret,
    Service,
    ServiceAccount,
)
from takeover.engines.local.security import PodSecurityContext
from takeover.model.json import without_null
from takeover.scenario.documents import REPLICA
from takeover.scenario.typed_yaml import parts_of, path_text
from takeover.scenario.yaml_text import Key


class RefusedError(BadInputError):
    """An object that the local engine does not take.

    Args:
        document: the object.
        keys: where in it is what is not taken.
        what: why.
    """

    def __init__(self, document: dict[str, Any], keys: tuple[Key, ...], what: str) -> None:
        kind, metadata = document.get("kind"), document.get("metadata")
        known = metadata if isinstance(metadata, dict) else {}
        name = known.get("name", "(unnamed)")
        namespace = [] if kind == "Namespace" else [known.get("namespace", "default")]
        annotations = known.get("annotations")
        replica = annotations.get(REPLICA) if kind == "Pod" and isinstance(annotations, dict) else None
        if isinstance(replica, str):  # it is written once, in its Deployment
            kind, name, keys = "Deployment", replica.rpartition("-")[0], ("spec", "template", *keys)
            super().__init__(f"{kind}/{name}: in spec.template: {what}")
        else:
            super().__init__(f"{kind}/{name}: {what}")
        self.label = "/".join(map(str, [kind, *namespace, name]))
        self.keys = keys


_KINDS: dict[str, type[Object]] = {
    "Namespace": Namespace,
    "ConfigMap": ConfigMap,
    "Secret": Secret,
    "Service": Service,
    "Pod": Pod,
    "ServiceAccount": ServiceAccount,
}
_VALUES = ("data", "stringData", "binaryData")
_CONVERTING = threading.Lock()
"""msgspec 0.22 ends the process with a segmentation fault when two threads meet a type for the first time at once."""


def parse(document: dict[str, Any]) -> Object:
    """One Kubernetes object as the engine's own type.

    Raises: RefusedError that names the object and the full path of what the local engine does not take.
    """
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise RefusedError(
            document, ("kind",), f"the local engine takes the kinds {', '.join(_KINDS)} and Deployment only"
        )
    # Values in `data` are texts, and no fields.
    document = {
        key: value if key in _VALUES else without_null(value) for key, value in document.items() if value is not None
    }
    try:
        with _CONVERTING:
            parsed = msgspec.convert(document, _KINDS[kind])
    except msgspec.ValidationError as error:
        raise RefusedError(document, *_readable(str(error))) from None
    for keys, what in object_rules.faults(document, parsed):
        raise RefusedError(document, keys, f"{path_text(keys)} {what}")
    return _with_security(parsed) if isinstance(parsed, Pod) else parsed


def _with_security(pod: Pod) -> Pod:
    """The Pod with what its containers leave open of their security filled in."""
    inherit, spec = pod.spec.security_context, pod.spec
    if inherit == PodSecurityContext():
        return pod

    def within(containers: list[Container]) -> list[Container]:
        return [replace(each, security_context=each.security_context.within(inherit)) for each in containers]

    both = {"containers": within(spec.containers), "init_containers": within(spec.init_containers)}
    return replace(pod, spec=replace(spec, **both))


def prepare() -> None:
    """Has msgspec look at the kinds now: what is forked later need not do so."""
    for kind in _KINDS.values():
        with contextlib.suppress(msgspec.ValidationError), _CONVERTING:
            msgspec.convert({}, kind)


def _readable(message: str) -> tuple[tuple[Key, ...], str]:
    """At which keys msgspec found what, and that in our words."""
    what, keys, _ = parts_of(message)
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        keys = (*keys, unknown[1])
        if keys[-3:-2] == ("initContainers",) and keys[-1] == "restartPolicy":
            # Without the field the Pod would wait for its end.
            return keys, f"{path_text(keys)}: a sidecar is for a cluster: put it among the containers"
        return keys, f"{path_text(keys)} is not supported by the local engine; remove the field"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return keys, f"{path_text((*keys, missing[1]))} is missing"
    if what.startswith("Invalid enum value"):
        what = f"{what}: the local engine does not take it; change it, or remove the field"
    return keys, f"{path_text(keys)}: {what}" if keys else what
