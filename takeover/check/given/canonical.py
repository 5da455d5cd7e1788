"""A message as it was written, with its fields by the names that the proto files have, and what was met in it."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from takeover.base.errors import BadInputError
from takeover.check.given.documents import Document
from takeover.model.json import JsonObject
from takeover.reach.walking import descriptor_of
from takeover.scenario.typed_yaml import path_text
from takeover.scenario.yaml_text import Key, describe_type

Path: TypeAlias = tuple[Key, ...]

_ANY = "google.protobuf.Any"
_TYPED_STRUCTS = ("xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct")
# Their JSON is no mapping of their fields.
_OPAQUE = "google.protobuf."
# Protobuf's JSON takes texts for them; those of 64 bits it writes as texts itself, as no other reader holds them whole.
_NUMBERS = (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_INT32)
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,9})")
_NULL = "NULL_VALUE"
"""Protobuf's JSON writes null for it; where null is read, some Envoys take that for no value."""
_V2 = re.compile(r"envoy\.([a-z0-9_]+\.)*v[12](alpha\d*)?\.\w+")


class Met(NamedTuple):
    """A message of a kind that was looked for."""

    message: str
    path: Path
    data: JsonObject


@dataclass
class Canonical:
    """Makes data canonical, and collects what it meets.

    Args:
        document: in which the data stands.
        wanted: full names of messages; those that stand in others are met, too.
        keeps_unknown: whether fields that xds-protos does not know stay, as they were written.
        unknown_fields: the places of fields that xds-protos does not know.
        unknown_types: full names of messages that it does not know → the first place of each.
    """

    document: Document
    wanted: frozenset[str]
    keeps_unknown: bool = False
    met: list[Met] = field(default_factory=list)
    unknown_fields: list[Path] = field(default_factory=list)
    unknown_types: dict[str, Path] = field(default_factory=dict)

    def message(self, name: str, data: Any, path: Path = ()) -> JsonObject:
        """The data of the message, its fields by their own names, without those that are null.

        Raises: BadInputError "FILE:LINE: PATH …" for what is of Envoy's v2 API, or has the wrong form.
        """
        try:
            made = self._message(name, data, path)
        except RecursionError:
            raise self._error(path, "nested deeper than any configuration") from None
        assert isinstance(made, dict)
        return made

    def _message(self, name: str, data: Any, path: Path) -> Any:
        fields = _fields(name)
        if not isinstance(data, dict):
            raise self._error(path, f"must be a mapping, not {describe_type(data)}")
        made: JsonObject = {}
        for key, value in data.items():
            known = fields.get(key)
            if known is None:
                if key == "config" and self.keeps_unknown:
                    raise self._error((*path, key), "no such field: v2's config is typed_config with @type in v3")
                self.unknown_fields.append((*path, key))
                if self.keeps_unknown and value is not None:
                    made[key] = value
            elif value is not None:
                made[known.name] = known.read(self, value, (*path, known.name))
            elif known.is_null:
                made[known.name] = _NULL
        if name in self.wanted:
            self.met.append(Met(name, path, made))
        return made

    def packed(self, data: Any, path: Path) -> Any:
        """What stands in an Any: with its type first; of a type that is not known, as it is."""
        if not isinstance(data, dict):
            raise self._error(path, f"must be a mapping with @type, not {describe_type(data)}")
        url = data.get("@type")
        if not isinstance(url, str):
            return data  # Envoy says what it makes of it
        name = url.rpartition("/")[2]
        self._check_version(name, path)
        if name in _TYPED_STRUCTS:
            inner = str(data.get("type_url", data.get("typeUrl", ""))).rpartition("/")[2]
            self._check_version(inner, path)
            if descriptor_of(inner) is None:
                self.unknown_types.setdefault(inner, path)
            return data
        if name.startswith(_OPAQUE):
            return data
        if descriptor_of(name) is None:
            self.unknown_types.setdefault(name, path)
            return data
        return {"@type": url, **self._message(name, {k: v for k, v in data.items() if k != "@type"}, path)}

    def mapped(self, data: Any, path: Path) -> JsonObject:
        if not isinstance(data, dict):
            raise self._error(path, f"must be a mapping, not {describe_type(data)}")
        return data

    def scalar(self, data: Any, path: Path) -> Any:
        if isinstance(data, dict | list):
            raise self._error(path, f"must be a single value, not {describe_type(data)}")
        return data

    def _check_version(self, name: str, path: Path) -> None:
        if _V2.fullmatch(name):
            raise self._error(path, f"{name} is of Envoy's v2 API, which no Envoy since 1.18 reads: write it for v3")

    def _error(self, path: Path, what: str) -> BadInputError:
        return BadInputError(f"{self.document.where(path)}: {path_text(path)}: {what}")


def named(texts: Iterable[str], most: int = 5) -> str:
    """The first ones, and how many more there are."""
    listed = list(texts)
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class _Field:
    """What a field holds.

    Args:
        message: its message's name; empty: none.
        is_number: one of 32 bits, without fraction.
        is_null: null, which is a value.
    """

    name: str
    message: str
    is_repeated: bool
    is_map: bool
    is_number: bool
    is_null: bool

    def read(self, to: Canonical, value: Any, path: Path) -> Any:
        if self.is_map:
            entries = to.mapped(value, path).items()
            return {key: self._one(to, each, (*path, key)) for key, each in entries}
        if self.is_repeated:
            # Protobuf's JSON takes one for a list of one, and Consul writes its gRPC services so.
            listed = value if isinstance(value, list) else [value]
            return [self._one(to, each, (*path, number)) for number, each in enumerate(listed)]
        return self._one(to, value, path)

    def _one(self, to: Canonical, value: Any, path: Path) -> Any:
        if not self.message:
            is_quoted = self.is_number and isinstance(value, str) and _NUMBER.fullmatch(value)
            return int(value) if is_quoted else to.scalar(value, path)
        if self.message == _ANY:
            return to.packed(value, path)
        return value if self.message.startswith(_OPAQUE) else to._message(self.message, value, path)


@functools.cache
def _fields(message: str) -> dict[str, _Field]:
    """The message's fields by both of their names."""
    descriptor = descriptor_of(message)
    fields = descriptor.fields if descriptor is not None else ()
    return {name: _field(each) for each in fields for name in (each.name, each.json_name)}


def _field(found: FieldDescriptor) -> _Field:
    of: Descriptor | None = found.message_type
    is_map = of is not None and of.GetOptions().map_entry
    if of is not None and is_map:
        of = of.fields_by_name["value"].message_type
    is_number = found.type in _NUMBERS
    is_null = found.enum_type is not None and found.enum_type.full_name == "google.protobuf.NullValue"
    return _Field(found.name, of.full_name if of is not None else "", found.is_repeated, is_map, is_number, is_null)
