"""The few values to which a field is set: each alternative, each value of an enum, the edges of numbers and times."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from takeover.sweep import rules
from takeover.sweep.smallest import add, smallest

_LONG = 70_000
_ODD = ("", "a", "*", "%", "/", "0", "é", "a b", "a\r\nb", "%REQ(", "(", "a" * _LONG)
_MOST_ITEMS = 200
_SHOWN = 40
_DURATION = "google.protobuf.Duration"
_WRAPPERS = frozenset(
    f"google.protobuf.{each}Value"
    for each in ("Bool", "String", "Bytes", "Int32", "Int64", "UInt32", "UInt64", "Float", "Double")
)
LEAVES = _WRAPPERS | {
    f"google.protobuf.{each}" for each in ("Duration", "Timestamp", "Any", "Struct", "Value", "ListValue", "FieldMask")
}
"""Messages whose own fields are no fields of a configuration."""


@dataclass(frozen=True)
class Value:
    """Args: text: how it is called, the same in every run. put: puts it into the message that has the field."""

    text: str
    put: Callable[[Message], None]


def values(message: Message, field: FieldDescriptor) -> list[Value]:
    """What a field of the message is set to in turn: nothing that it has already, none twice.

    Args:
        message: as it is in the base.
    """
    found = dict[str, Value]()
    now = message.SerializePartialToString(deterministic=True)
    for each in _values(message, field):
        copy = type(message).FromString(now)
        each.put(copy)
        if copy.SerializePartialToString(deterministic=True) != now:
            found.setdefault(each.text, each)
    return list(found.values())


def _values(message: Message, field: FieldDescriptor) -> Iterator[Value]:
    name, inner = field.name, field.message_type
    if field.is_repeated:
        yield from _repeated(message, field)
    elif inner is None:
        for each in scalars(field):
            yield Value(_named(field, each), functools.partial(_put, name, each))
        if field.has_presence:
            yield Value("absent", lambda message: message.ClearField(name))
    else:
        yield Value("absent", lambda message: message.ClearField(name))
        if inner.full_name == _DURATION:
            for seconds, nanos in rules.durations(rules.rules(field)):
                yield Value(_time(seconds, nanos), functools.partial(_put_time, name, seconds, nanos))
        elif inner.full_name in _WRAPPERS:
            own, value = rules.rules(field), inner.fields_by_name["value"]
            for each in _scalars(value, own):
                yield Value(shown(each), functools.partial(_put_wrapped, name, each))
        elif not message.HasField(name) and (made := smallest(inner)) is not None:
            yield Value("there", functools.partial(_put_message, name, made))


def _repeated(message: Message, field: FieldDescriptor) -> Iterator[Value]:
    name = field.name
    yield Value("none", lambda message: message.ClearField(name))
    if rules.is_map(field):
        yield from _mapped(field)
        return
    if getattr(message, name):
        yield Value("the first twice", functools.partial(_twice, name))
    elif add(type(message)(), field):
        yield Value("one", functools.partial(_times, field, 1))
        yield Value("twice the same", functools.partial(_times, field, 2))
    if field.message_type is None:
        for each in scalars(field):
            yield Value(f"[{_named(field, each)}]", functools.partial(_put_listed, name, each))
    own = rules.rules(field)
    most = own.max_items if own is not None and hasattr(own, "max_items") else 0
    if 0 < most <= _MOST_ITEMS and add(type(message)(), field):
        for number in (most, most + 1):
            yield Value(f"{number} of the same", functools.partial(_times, field, number))


def _mapped(field: FieldDescriptor) -> Iterator[Value]:
    key, value = rules.of_map(field)
    keys: tuple[Any, ...] = ("", "a", "a b") if key.cpp_type == FieldDescriptor.CPPTYPE_STRING else (0,)
    if value.message_type is not None and smallest(value.message_type) is None:
        return
    for each in keys:
        yield Value(f"{{{shown(each)}: …}}", functools.partial(_put_entry, field.name, value, each))


def scalars(field: FieldDescriptor) -> Iterator[Any]:
    """Values of a field's own type."""
    return _scalars(field, rules.rules(field))


def _scalars(field: FieldDescriptor, own: Any) -> Iterator[Any]:
    if field.cpp_type in rules.NUMBERS:
        yield from rules.numbers(own if _is_of_numbers(own) else None, field.cpp_type)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        yield from (True, False)
    elif field.enum_type is not None:
        numbers = [each.number for each in field.enum_type.values]
        yield from (*numbers, max(numbers) + 1)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        yield from (b"", b"a", b"\xff\x00")
    else:
        lengths = _lengths(own) if hasattr(own, "max_bytes") else []
        yield from dict.fromkeys(itertools.chain(("a" * each for each in lengths), _ODD))


def _is_of_numbers(own: Any) -> bool:
    return own is not None and hasattr(own, "gte")


def _lengths(own: Any) -> list[int]:
    """At the bounds of a text's length, and one beyond."""
    least = [bound for bound in (own.min_len, own.min_bytes) if bound]
    most = [bound for bound in (own.max_len, own.max_bytes) if 0 < bound <= _LONG]
    return [length for bound in least for length in (bound, bound - 1)] + [
        length for bound in most for length in (bound, bound + 1)
    ]


def _named(field: FieldDescriptor, value: Any) -> str:
    """A value in short; of an enum by its name."""
    named = field.enum_type.values_by_number.get(value) if field.enum_type is not None else None
    return named.name if named is not None else shown(value)


def shown(value: Any) -> str:
    """A value in short."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 1 << 53:
        value = int(value)
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:8]}…{text[0]} ({len(value):,} long)"


def _time(seconds: int, nanos: int) -> str:
    is_normal = abs(nanos) < 10**9
    return f"{seconds}.{nanos:09d}s" if nanos and is_normal else f"{seconds}s" if is_normal else f"{nanos} ns as nanos"


def _put(name: str, value: Any, message: Message) -> None:
    setattr(message, name, value)


def _put_time(name: str, seconds: int, nanos: int, message: Message) -> None:
    inner = getattr(message, name)
    inner.SetInParent()
    inner.seconds, inner.nanos = seconds, nanos


def _put_wrapped(name: str, value: Any, message: Message) -> None:
    inner = getattr(message, name)
    inner.SetInParent()
    inner.value = value


def _put_message(name: str, made: Message, message: Message) -> None:
    getattr(message, name).CopyFrom(made)


def _put_listed(name: str, value: Any, message: Message) -> None:
    message.ClearField(name)
    getattr(message, name).append(value)


def _put_entry(name: str, value: FieldDescriptor, key: Any, message: Message) -> None:
    entries = getattr(message, name)
    if value.message_type is None:
        entries[key] = next(iter(scalars(value)))
    else:
        made = smallest(value.message_type)
        assert made is not None
        entries[key].CopyFrom(made)


def _twice(name: str, message: Message) -> None:
    listed = getattr(message, name)
    listed.append(listed[0])


def _times(field: FieldDescriptor, number: int, message: Message) -> None:
    message.ClearField(field.name)
    for _ in range(number):
        add(message, field)
