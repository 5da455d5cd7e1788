"""JSON as it was written: what has no type of ours, and numbers that are not told apart by their value alone."""

import functools
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

JsonObject = dict[str, Any]
"""An object as JSON and YAML have it: of Kubernetes' API, a config of Envoy's."""

_Type = TypeVar("_Type")


def without_null(data: Any) -> Any:
    """The data without fields that are null, which Kubernetes takes as not written."""
    match data:
        case dict():
            return {key: without_null(value) for key, value in data.items() if value is not None}
        case list():
            return [without_null(each) for each in data]
        case _:
            return data


class WrittenNumber:
    """A number with a fraction or an exponent, where nothing says its type: `1e+05` is another than `100000`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WrittenNumber) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return self.text


def decoder(kind: type[_Type]) -> msgspec.json.Decoder[_Type]:
    """Decodes JSON; a number that is no integer is a `WrittenNumber` where the type is `Any`."""
    return msgspec.json.Decoder(kind, float_hook=WrittenNumber)


def encode(value: Any, order: Literal["deterministic", "sorted"] | None = None) -> bytes:
    """As JSON, each number as it was written. `order`: of an object's keys, see `msgspec.json.Encoder`."""
    return _ENCODERS[order].encode(value)


def _as_written(value: Any) -> msgspec.Raw:
    if isinstance(value, WrittenNumber):
        return msgspec.Raw(value.text.encode())
    raise NotImplementedError(f"{type(value)} is not JSON's")


_ENCODERS = {each: msgspec.json.Encoder(enc_hook=_as_written, order=each) for each in (None, "deterministic", "sorted")}


def mapped(data: Any, change: Callable[[str], str]) -> Any:
    """Data of built-in types and records in which each text is changed, keys of mappings included.

    What a record's fields are called stays, and what is one of a few words by its type.
    """
    match data:
        case str():
            return change(data)
        case dict():
            return {mapped(key, change): mapped(value, change) for key, value in data.items()}
        case list():
            return [mapped(each, change) for each in data]
        case tuple():
            return tuple(mapped(each, change) for each in data)
        case msgspec.Struct():
            fields = {name: mapped(getattr(data, name), change) for name in _free(type(data))}
            return msgspec.structs.replace(data, **fields)
    return data


@functools.cache
def _free(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields of a record that are not of a few words."""
    return tuple(name for name, hint in get_type_hints(kind).items() if Literal not in _origins(hint))


def _origins(hint: Any) -> Iterator[Any]:
    """Of a type, and of those that it is a union of."""
    if get_origin(hint) in (Union, UnionType):
        for each in get_args(hint):
            yield from _origins(each)
    else:
        yield get_origin(hint)


_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def with_texts(record: _Struct, change: Callable[[str], str]) -> _Struct:
    """The record with each text in it changed, as `mapped` does."""
    changed: _Struct = mapped(record, change)
    return changed
