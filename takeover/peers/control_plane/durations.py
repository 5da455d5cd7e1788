"""Times as Envoy's JSON takes them: `1.5s`, and as an object of seconds and nanos, which Python's Protobuf refuses."""

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from google.protobuf.descriptor import Descriptor

_DURATION = "google.protobuf.Duration"
_ANY = "google.protobuf.Any"
_PARTS = {"seconds", "nanos"}

Find = Callable[[str], Any]
"""Gives the descriptor of a type URL. Raises: LookupError for one that is not known."""


def as_texts(data: Any, descriptor: Descriptor, find: Find) -> Any:
    """The data of a message, in which each time is a text; what has not the message's form stays as it is.

    Args:
        data: of a message.
        descriptor: the message's.
        find: knows those of what stands in an Any.
    """
    if not isinstance(data, dict):
        return data
    if descriptor.full_name == _DURATION:
        return _text(data)
    if descriptor.full_name == _ANY:
        try:
            descriptor = find(str(data.get("@type")))
        except LookupError:
            return data
    messages = _messages_of(descriptor)
    return {name: _of_field(value, messages[name], find) if name in messages else value for name, value in data.items()}


@functools.cache  # of each message once: to ask a descriptor takes longer than all else here
def _messages_of(descriptor: Descriptor) -> dict[str, Descriptor]:
    """The fields that hold messages, by both of their names."""
    return {
        name: each.message_type
        for each in descriptor.fields
        if each.message_type is not None
        for name in (each.name, each.json_name)
    }


@functools.cache
def _value_of_map(descriptor: Descriptor) -> tuple[bool, Descriptor | None]:
    """Whether it is an entry of a map, and the message that is its value, if that is one."""
    is_map = descriptor.GetOptions().map_entry
    return is_map, descriptor.fields_by_name["value"].message_type if is_map else None


def _of_field(value: Any, message: Descriptor | None, find: Find) -> Any:
    """The value of a field, once, listed or mapped, of a message; of none: a number, a text."""
    if message is None:
        return value
    is_map, each = _value_of_map(message)
    if is_map:
        return {key: _of_field(one, each, find) for key, one in value.items()} if isinstance(value, dict) else value
    if isinstance(value, list):
        return [as_texts(one, message, find) for one in value]
    return as_texts(value, message, find)


def _text(data: dict[str, Any]) -> Any:
    if not data or not data.keys() <= _PARTS or not all(type(each) is int for each in data.values()):
        return data
    return f"{Decimal(data.get('seconds', 0)) + Decimal(data.get('nanos', 0)) / 10**9:f}s"
