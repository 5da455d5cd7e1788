"""The smallest message of a type that its rules allow: what must be there, and no more."""

import functools
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from takeover.sweep import rules

ANY_NAME = "a"
"""What a text is that must not be empty: also the name of a cluster."""

_DEEPEST = 6
_ANY = "google.protobuf.Any"


def smallest(descriptor: Descriptor) -> Message | None:
    """The message; None where it needs an extension, of which no descriptor says which may stand there."""
    data = _smallest(descriptor, _DEEPEST)
    return None if data is None else message_factory.GetMessageClass(descriptor).FromString(data)


@functools.cache
def _smallest(descriptor: Descriptor, deep: int) -> bytes | None:
    if descriptor.full_name == _ANY or not deep:
        return None
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.containing_oneof is None and not fill(message, field, deep):
            return None
    for oneof in descriptor.oneofs:
        if rules.is_choice_required(oneof) and not any(_choose(message, each, deep) for each in oneof.fields):
            return None
    return message.SerializePartialToString(deterministic=True)


def fill(message: Message, field: FieldDescriptor, deep: int = _DEEPEST) -> bool:
    """Gives the field what it must have; whether that can be done."""
    own = rules.rules(field)
    if field.is_repeated:
        least = own.min_items if own is not None and hasattr(own, "min_items") else 0
        return not least or all(add(message, field, deep) for _ in range(least))
    if field.message_type is not None:
        return not rules.is_required(field) or _set_message(message, field, deep)
    if (value := scalar(field)) is not None:
        setattr(message, field.name, value)
    return True


def add(message: Message, field: FieldDescriptor, deep: int = _DEEPEST) -> bool:
    """Adds one more to a repeated field (no map); whether that can be done."""
    values: Any = getattr(message, field.name)
    if field.message_type is None:
        element = _element_rules(field)
        values.append(_scalar(field, element) if (_scalar(field, element)) is not None else _ZEROS[field.cpp_type])
        return True
    if rules.is_map(field):
        return False
    data = _smallest(field.message_type, deep - 1)
    if data is None:
        return False
    values.add().ParseFromString(data)
    return True


def scalar(field: FieldDescriptor) -> Any:
    """The value that a scalar must have where its default is not allowed; None where it is."""
    return _scalar(field, rules.rules(field))


def _choose(message: Message, field: FieldDescriptor, deep: int) -> bool:
    if field.message_type is not None:
        return _set_message(message, field, deep)
    value = scalar(field)
    setattr(message, field.name, _ZEROS[field.cpp_type] if value is None else value)
    return True


def _set_message(message: Message, field: FieldDescriptor, deep: int) -> bool:
    assert field.message_type is not None
    data = _smallest(field.message_type, deep - 1)
    if data is None:
        return False
    inner: Message = getattr(message, field.name)
    inner.SetInParent()
    inner.ParseFromString(data)
    own = rules.rules(field)
    if field.message_type.full_name == "google.protobuf.Duration" and own is not None:
        seconds, nanos = next(each for each in [(0, 0), (1, 0), *rules.durations(own)] if _is_in(each, own))
        inner.seconds, inner.nanos = seconds, nanos  # type: ignore[attr-defined]
    return True


def _is_in(duration: tuple[int, int], own: Any) -> bool:
    nanos = duration[0] * 10**9 + duration[1]
    above = not own.HasField("gt") or nanos > own.gt.ToNanoseconds()
    return above and (not own.HasField("gte") or nanos >= own.gte.ToNanoseconds())


def _element_rules(field: FieldDescriptor) -> Any:
    own = rules.rules(field)
    if own is None or not hasattr(own, "items") or not own.HasField("items"):
        return None
    kind = own.items.WhichOneof("type")
    return getattr(own.items, kind) if kind else None


def _scalar(field: FieldDescriptor, own: Any) -> Any:
    if own is None:
        return None
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return b"a" * own.min_len or None
        listed = getattr(own, "in")
        return listed[0] if listed else own.prefix + ANY_NAME * max(own.min_len, own.min_bytes) or None
    if field.cpp_type in rules.NUMBERS:
        if own.HasField("const"):
            return own.const
        if own.HasField("gt") and own.gt >= 0:
            return own.gt + 1
        return own.gte if own.HasField("gte") and own.gte > 0 else None
    if field.enum_type is not None and 0 in own.not_in:
        return next(each.number for each in field.enum_type.values if each.number not in own.not_in)
    return None


_ZEROS: dict[int, Any] = {
    **dict.fromkeys(rules.NUMBERS, 0),
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_ENUM: 0,
    FieldDescriptor.CPPTYPE_STRING: ANY_NAME,
}
