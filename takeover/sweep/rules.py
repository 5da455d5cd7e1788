"""What a field's descriptor says may stand in it: protoc-gen-validate's rules, and the bounds of its type."""

import math
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor, OneofDescriptor
from google.protobuf.duration_pb2 import Duration
from validate import validate_pb2

Number = int | float

_SIGNED = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
)
_BITS = {
    FieldDescriptor.CPPTYPE_INT32: 32,
    FieldDescriptor.CPPTYPE_INT64: 64,
    FieldDescriptor.CPPTYPE_UINT32: 32,
    FieldDescriptor.CPPTYPE_UINT64: 64,
}
NUMBERS: Final = frozenset({*_BITS, FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE})
"""The types of numbers, as descriptors call them."""

_SECOND = 10**9
LONGEST: Final = 315_576_000_000
"""Seconds: the most that a Duration holds by its definition."""


def rules(field: FieldDescriptor) -> Any:
    """The rules of a field's type (`StringRules`, `UInt32Rules` …); None if it has none."""
    options = field.GetOptions()
    if not options.HasExtension(validate_pb2.rules):
        return None
    found = options.Extensions[validate_pb2.rules]
    kind = found.WhichOneof("type")
    return getattr(found, kind) if kind else None


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def of_map(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """The key and the value of a field that is a map."""
    entry = field.message_type
    assert entry is not None
    return entry.fields_by_name["key"], entry.fields_by_name["value"]


def is_required(field: FieldDescriptor) -> bool:
    """Whether a message must be there."""
    options = field.GetOptions()
    if not options.HasExtension(validate_pb2.rules):
        return False
    found = options.Extensions[validate_pb2.rules]
    own = rules(field)
    return bool(
        found.message.required or (found.WhichOneof("type") in ("any", "duration", "timestamp") and own.required)
    )


def is_choice_required(oneof: OneofDescriptor) -> bool:
    """Whether one of the alternatives must be there."""
    return bool(oneof.GetOptions().Extensions[validate_pb2.required])


def span(cpp_type: int) -> tuple[Number, Number]:
    """The least and the greatest number of a type."""
    if bits := _BITS.get(cpp_type):
        is_signed = cpp_type in _SIGNED
        return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits - 1)
    largest = 3.4028234663852886e38 if cpp_type == FieldDescriptor.CPPTYPE_FLOAT else 1.7976931348623157e308
    return -largest, largest


def numbers(own: Any, cpp_type: int) -> list[Number]:
    """Numbers at the edges that the rules and the type draw, those of the rules first, each once."""
    least, greatest = span(cpp_type)
    usual: list[Number] = [0, 1, greatest, *([-1, least] if least < 0 else [])]
    found = [each for each in dict.fromkeys([*_edges(own, 1), *usual]) if least <= each <= greatest]
    return found if cpp_type in _BITS else [*map(float, found), math.nan]


def durations(own: Any) -> list[tuple[int, int]]:
    """Durations as seconds and nanoseconds: at the edges of the rules, around zero, and huge."""
    nanos = [divmod_towards_zero(each) for each in _edges(own, 1)]
    usual = [(0, 0), (0, 1), (-1, 0), (0, 1_000_000), (9_223_372_036, 854_775_807), (9_223_372_037, 0)]
    return list(dict.fromkeys([*nanos, *usual, (LONGEST, 0), (LONGEST + 1, 0), (0, _SECOND)]))


def divmod_towards_zero(nanoseconds: Number) -> tuple[int, int]:
    """Seconds and nanoseconds of one sign, as a Duration has them."""
    seconds = int(nanoseconds) // _SECOND if nanoseconds >= 0 else -(-int(nanoseconds) // _SECOND)
    return seconds, int(nanoseconds) - seconds * _SECOND


def _edges(own: Any, step: int) -> Iterator[Number]:
    """At each bound, and one beyond it."""
    if own is None:
        return
    for name, beside in (("const", 0), ("lt", -step), ("lte", step), ("gt", step), ("gte", -step)):
        if own.HasField(name):
            bound = _number(getattr(own, name))
            yield from (bound, bound + beside) if beside else (bound,)
    for name in ("in", "not_in"):
        yield from map(_number, getattr(own, name))


def _number(value: Any) -> Number:
    if isinstance(value, Duration):
        return value.seconds * _SECOND + value.nanos
    return value  # type: ignore[no-any-return]
