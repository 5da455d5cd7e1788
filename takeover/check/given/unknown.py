"""Extensions of other builds of Envoy: a mesh's own filters stand in its dumps, and no released Envoy has them.

In a bootstrap stand those of builds with more extensions, or of a gateway's own.
"""

import mmap
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from takeover.base.errors import BadInputError
from takeover.check.given.canonical import named
from takeover.check.records import Different, Given, Resource
from takeover.model.json import JsonObject
from takeover.reach.walking import descriptor_of

_STATIC = ("static_resources", "staticResources")
_OPAQUE = "google.protobuf."
_TYPED_STRUCTS = ("xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct")
_LAST = re.compile(r"\w+")
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_COMPILED_IN = "envoy.wasm.runtime.null"


def for_envoys(given: Given, binaries: Sequence[Path]) -> Given:
    """What was given, without extensions that none but other builds of Envoy have.

    Those are of types that xds-protos does not know, and plugins that are compiled into an Envoy, whose names are in
    none of these binaries; of delivered resources, not in each of them: of what stands in a bootstrap each Envoy says
    what it makes of it. A filter is left out as a whole, else the field.

    Raises: BadInputError for a field of a bootstrap whose name none of the binaries has: it is misspelt.
    """
    delivered = _Foreign(_among(binaries, all), "not every Envoy that is tested has it")
    own = _Foreign(_among(binaries, any), "no Envoy that is tested has it")
    resources = []
    for each in given.resources:
        data = (own if each.is_static else delivered).without(each)
        resources.append(msgspec.structs.replace(each, data=data))
    bootstrap = {key: own.kept(value) if key in _STATIC else value for key, value in given.bootstrap.items()}
    different = (*given.different, *_newer_fields(given, binaries), *delivered.told(), *own.told())
    return msgspec.structs.replace(given, bootstrap=bootstrap, resources=tuple(resources), different=different)


def _newer_fields(given: Given, binaries: Sequence[Path]) -> Iterator[Different]:
    """That there are fields which only Envoys know. Raises: BadInputError for such that no Envoy knows."""
    has = _among(binaries, any)
    fields = {
        each: _HUMP.sub(r"_\1", [each.path, *_LAST.findall(each.path)][-1]).lower() for each in given.unknown_fields
    }
    if misspelt := [each for each, name in fields.items() if not has(name)]:
        first, others = misspelt[0], named(each.path for each in misspelt[1:])
        line = "" if first.line is None else f":{first.line}"
        what = "no such field: look how it is written" + (f"; neither are {others}" if others else "")
        raise BadInputError(f"{first.file}{line}: {first.path}: {what}")
    if fields:
        why = "the API that is installed here does not know these fields: the Envoys that are tested decide"
        yield Different(
            what=f"not looked into: {named(each.path for each in fields)}", why=why, place=next(iter(fields))
        )


def _among(binaries: Sequence[Path], how_many: Callable[[Iterator[bool]], bool]) -> Callable[[str], bool]:
    """Tells of a name whether all, or any, of the binaries have it: names of messages and plugins are texts in them."""

    @cache
    def is_there(name: str) -> bool:
        return how_many(_has(each, name.encode()) for each in binaries)

    return is_there


def _has(binary: Path, name: bytes) -> bool:
    with binary.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(name) >= 0


class _Foreign:
    """Takes out what is not there, and says where it was, and why it is out."""

    def __init__(self, is_there: Callable[[str], bool], why: str) -> None:
        self._is_there, self._why = is_there, why
        self._within: Resource | None = None
        self._met: dict[str, dict[str, Resource]] = {}

    def without(self, resource: Resource) -> JsonObject:
        """The data of the resource; what stands in another one is counted with that one."""
        self._within = None if resource.is_inline else resource
        made: JsonObject = self.kept(resource.data)
        self._within = None
        return made

    def told(self) -> Iterator[Different]:
        """What was taken out so far."""
        for name, resources in self._met.items():
            first = next(iter(resources.values()))
            yield Different(
                what=f"the extension {name} is left out of {named(resources)}",
                why=self._why,
                place=first.place,
            )

    def kept(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.kept(each) for each in value if not self._is_of_foreign(each)]
        if not isinstance(value, dict) or str(value.get("@type", "")).rpartition("/")[2].startswith(_OPAQUE):
            return value
        return {key: self.kept(each) for key, each in value.items() if not self._is_foreign(each)}

    def _is_of_foreign(self, value: Any) -> bool:
        """Whether an entry of a list is one, or what has one: a filter with its name."""
        return self._is_foreign(value) or (isinstance(value, dict) and any(map(self._is_foreign, value.values())))

    def _is_foreign(self, value: Any) -> bool:
        name = self._foreign(value)
        if name and self._within is not None:
            self._met.setdefault(name, {}).setdefault(self._within.name, self._within)
        return bool(name)

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
