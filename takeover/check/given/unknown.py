"""Extensions of other builds of Envoy: a mesh's own filters stand in its dumps, and no released Envoy has them."""

import mmap
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from takeover.check.given.canonical import Path as Place
from takeover.check.given.canonical import named
from takeover.check.records import Different, Given, Resource
from takeover.reach.walking import descriptor_of
from takeover.scenario.typed_yaml import path_text

_OPAQUE = "google.protobuf."
_TYPED_STRUCTS = ("xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct")
_COMPILED_IN = "envoy.wasm.runtime.null"


def for_envoys(given: Given, binaries: Sequence[Path]) -> Given:
    """What was given, without extensions in delivered resources that none but other builds of Envoy have.

    Those are of types that xds-protos does not know, and plugins that are compiled into an Envoy, whose names are not
    in each of these binaries. A filter is left out as a whole, else the field; what stands in a bootstrap stays.
    """
    is_there = _in_all(binaries)
    resources, different = [], list(given.different)
    for each in given.resources:
        kept, told = (each, ()) if each.is_static else _without_foreign(each, is_there)
        resources.append(kept)
        if not each.is_inline:  # of what stands in another one, that one tells
            different += told
    return msgspec.structs.replace(given, resources=tuple(resources), different=tuple(different))


def _in_all(binaries: Sequence[Path]) -> Callable[[str], bool]:
    """Tells of a name whether each of the binaries has it: the names of its messages and plugins are texts in it."""

    @cache
    def is_there(name: str) -> bool:
        return all(_has(each, name.encode()) for each in binaries)

    return is_there


def _has(binary: Path, name: bytes) -> bool:
    with binary.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(name) >= 0


def _without_foreign(resource: Resource, is_there: Callable[[str], bool]) -> tuple[Resource, tuple[Different, ...]]:
    removed: list[tuple[Place, str]] = []
    data = _Foreign(is_there, removed).kept(resource.data, ())
    if not removed:
        return resource, ()
    paths = named(f"{path_text(path)} ({name})" for path, name in removed)
    different = Different(
        what=f"left out of {resource.name}: {paths}",
        why="not every Envoy that is tested has these extensions",
        place=resource.place,
    )
    return msgspec.structs.replace(resource, data=data), (different,)


class _Foreign:
    """Takes out what is not there, and says where it was."""

    def __init__(self, is_there: Callable[[str], bool], removed: list[tuple[Place, str]]) -> None:
        self._is_there = is_there
        self._removed = removed

    def kept(self, value: Any, path: Place) -> Any:
        if isinstance(value, list):
            return self._listed(value, path)
        if not isinstance(value, dict) or str(value.get("@type", "")).rpartition("/")[2].startswith(_OPAQUE):
            return value
        made = {}
        for key, each in value.items():
            if name := self._foreign(each):
                self._removed.append(((*path, key), name))
            else:
                made[key] = self.kept(each, (*path, key))
        return made

    def _listed(self, value: list[Any], path: Place) -> list[Any]:
        made = []
        for number, each in enumerate(value):
            within = each.values() if isinstance(each, dict) else ()
            if name := self._foreign(each) or next(filter(None, map(self._foreign, within)), ""):
                self._removed.append(((*path, number), name))
            else:
                made.append(self.kept(each, (*path, number)))
        return made

    def _foreign(self, value: Any) -> str:
        """The name of an extension that is not there; empty for all else."""
        url = value.get("@type") if isinstance(value, dict) else None
        if not isinstance(url, str):
            return ""
        message = url.rpartition("/")[2]
        if message in _TYPED_STRUCTS:
            message = str(value.get("type_url", value.get("typeUrl", ""))).rpartition("/")[2]
            value = value.get("value")
        if not message.startswith(_OPAQUE) and descriptor_of(message) is None:
            return "" if self._is_there(message) else message
        plugin = _compiled_in(value)
        return "" if not plugin or self._is_there(plugin) else plugin


def _compiled_in(value: Any) -> str:
    """The name of a Wasm plugin that is a part of its Envoy; empty: it is none."""
    match value:
        case {"config": {"vm_config": {"runtime": runtime, "code": {"local": {"inline_string": str(name)}}}}}:
            return name if runtime == _COMPILED_IN else ""
    return ""
