"""Walks through a configuration by the messages that xds-protos knows: which fields are set, which extensions named."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from takeover.peers.control_plane.discovery import url_of
from takeover.peers.control_plane.protos import UnknownTypeError, message_class
from takeover.scenario.typed_yaml import Json
from takeover.scenario.yaml_text import Key

_TYPED_STRUCTS = ("xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct")
_ANY = "google.protobuf.Any"
# Their JSON is no mapping of their fields.
_OPAQUE = "google.protobuf."


@dataclass(frozen=True)
class Met:
    """A message that stands in a configuration.

    Args:
        message: its full name.
        data: as it is written.
        path: where it stands in its file.
        above: the full names of those in which it stands, the outermost first.
        fields: the names of those that are set, of those that xds-protos knows.
        unknown: the keys that xds-protos does not know.
        is_known: whether it knows the message.
        is_packed: whether it stands in an Any: an extension's own message.
        name: what stands beside it, if it is an extension's.
    """

    message: str
    data: Mapping[str, Json]
    path: tuple[Key, ...]
    above: tuple[str, ...]
    fields: tuple[str, ...]
    unknown: tuple[str, ...]
    is_known: bool
    is_packed: bool
    name: str

    def value(self, field: str) -> Json:
        """The value of a field, by whichever of its names it is written; None where it is not set."""
        descriptor = descriptor_of(self.message)
        known = descriptor.fields_by_name.get(field) if descriptor is not None else None
        return self.data.get(field, self.data.get(known.json_name) if known is not None else None)


def walk(message: str, data: Json) -> Iterator[Met]:
    """Every message in `data`, the outer ones first.

    Args:
        message: the full name of what it is; empty for a file of resources.
    """
    if message:
        yield from _message(message, data, (), (), is_packed=False, name="")
    else:
        yield from _packed(data, (), (), "")


@functools.cache
def descriptor_of(message: str) -> Descriptor | None:
    """What xds-protos knows of the message; None if nothing."""
    try:
        return cast("Descriptor", message_class(message).DESCRIPTOR)  # of protobuf's C or of its own making
    except UnknownTypeError:
        return None


@functools.cache
def _names(message: str) -> dict[str, FieldDescriptor]:
    descriptor = descriptor_of(message)
    fields = descriptor.fields if descriptor is not None else ()
    return {name: each for each in fields for name in (each.name, each.json_name)}


def _message(
    message: str,
    data: Json,
    path: tuple[Key, ...],
    above: tuple[str, ...],
    *,
    is_packed: bool,
    name: str,
    within: tuple[Key, ...] = (),
) -> Iterator[Met]:
    """The message, and those in it. `within`: where its fields are, seen from `path`."""
    if not isinstance(data, dict) or message.startswith(_OPAQUE):
        return
    fields = _names(message)
    written = {key: value for key, value in data.items() if value is not None and key != "@type"}
    is_known = descriptor_of(message) is not None
    yield Met(
        message,
        data,
        path,
        above,
        tuple(fields[key].name for key in written if key in fields),
        tuple(key for key in written if key not in fields),
        is_known,
        is_packed,
        name,
    )
    inside = (*above, message)
    called = data.get("name")
    for key, value in written.items():
        of = fields[key].message_type if key in fields else None
        place = (*path, *within, key)
        if of is None:
            # Of what is not known, what says itself what it is, is.
            if key not in fields:
                yield from _packed(value, place, inside, called if isinstance(called, str) else "")
            continue
        yield from _field(of, fields[key], value, place, inside, called)


def _field(
    of: Descriptor, field: FieldDescriptor, value: Json, path: tuple[Key, ...], above: tuple[str, ...], called: Json
) -> Iterator[Met]:
    """What stands in a field of messages: one, a list, or a map of them."""
    name = called if isinstance(called, str) else ""
    if of.GetOptions().map_entry:
        inner = of.fields_by_name["value"].message_type
        if inner is not None and isinstance(value, dict):
            for key, each in value.items():
                yield from _one(inner.full_name, each, (*path, key), above, key)
    elif field.is_repeated:
        for number, each in enumerate(value if isinstance(value, list) else ()):
            yield from _one(of.full_name, each, (*path, number), above, name)
    else:
        yield from _one(of.full_name, value, path, above, name)


def _one(message: str, data: Json, path: tuple[Key, ...], above: tuple[str, ...], name: str) -> Iterator[Met]:
    if message == _ANY:
        yield from _packed(data, path, above, name)
    else:
        yield from _message(message, data, path, above, is_packed=False, name=name)


def _packed(data: Json, path: tuple[Key, ...], above: tuple[str, ...], name: str) -> Iterator[Met]:
    """What says by "@type" what it is; of what does not, all in it that does."""
    if isinstance(data, list):
        for number, each in enumerate(data):
            yield from _packed(each, (*path, number), above, name)
    if not isinstance(data, dict):
        return
    url = data.get("@type")
    if not isinstance(url, str):
        called = data.get("name")
        for key, each in data.items():
            yield from _packed(each, (*path, key), above, called if isinstance(called, str) else str(key))
        return
    message = url_of(url).rpartition("/")[2]  # our control plane takes short names of resources' types, too
    if message in _TYPED_STRUCTS:
        inner = data.get("type_url", data.get("typeUrl"))
        if isinstance(inner, str):
            value = data.get("value")
            message = inner.rpartition("/")[2]
            yield from _message(message, value or {}, path, above, is_packed=True, name=name, within=("value",))
        return
    yield from _message(message, data, path, above, is_packed=True, name=name)
