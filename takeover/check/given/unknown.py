"""What cannot be served by a control plane of ours: messages of types that nobody here knows have no bytes."""

from typing import Any

import msgspec

from takeover.check.given.canonical import Path, named
from takeover.check.records import Different, Resource
from takeover.reach.walking import descriptor_of
from takeover.scenario.typed_yaml import path_text

_OPAQUE = "google.protobuf."


def without_unknown(resource: Resource) -> tuple[Resource, tuple[Different, ...]]:
    """The resource without what is of types that xds-protos does not know: a filter as a whole, else the field.

    Envoys that are built with more (Istio's, a product's) have such types.
    """
    removed: list[tuple[Path, str]] = []
    data = _kept(resource.data, (), removed)
    if not removed:
        return resource, ()
    paths = named(f"{path_text(path)} ({message})" for path, message in removed)
    different = Different(
        what=f"left out of {resource.name}: {paths}",
        why="the API that is installed here does not know these types: none of them can be sent over xDS",
        place=resource.place,
    )
    return msgspec.structs.replace(resource, data=data), (different,)


def _kept(value: Any, path: Path, removed: list[tuple[Path, str]]) -> Any:
    if isinstance(value, list):
        kept = []
        for number, each in enumerate(value):
            held = next(filter(None, map(_unknown, each.values())), "") if isinstance(each, dict) else ""
            if message := _unknown(each) or held:
                removed.append(((*path, number), message))
            else:
                kept.append(_kept(each, (*path, number), removed))
        return kept
    if not isinstance(value, dict) or str(value.get("@type", "")).rpartition("/")[2].startswith(_OPAQUE):
        return value
    made = {}
    for key, each in value.items():
        if message := _unknown(each):
            removed.append(((*path, key), message))
        else:
            made[key] = _kept(each, (*path, key), removed)
    return made


def _unknown(value: Any) -> str:
    """The type of a packed message that is not known; empty for all else."""
    url = value.get("@type") if isinstance(value, dict) else None
    message = url.rpartition("/")[2] if isinstance(url, str) else ""
    return "" if not message or message.startswith(_OPAQUE) or descriptor_of(message) is not None else message
