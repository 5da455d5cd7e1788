"""Reads MessagePack, as far as loggers and tracers use it: https://github.com/msgpack/msgpack/blob/master/spec.md."""

import struct
from typing import Any

_NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_SIZES = {1: ">B", 2: ">H", 4: ">I"}
# What has a length: the kind, and how many bytes tell it.
_LENGTHS = {
    **{0xC4 + each: ("bytes", 1 << each) for each in range(3)},
    **{0xC7 + each: ("extension", 1 << each) for each in range(3)},
    **{0xD9 + each: ("text", 1 << each) for each in range(3)},
    **{0xDC + each: ("array", 2 << each) for each in range(2)},
    **{0xDE + each: ("map", 2 << each) for each in range(2)},
}
_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


def is_array(first: int) -> bool:
    """Whether a message whose first byte that is is an array."""
    return 0x90 <= first <= 0x9F or first in (0xDC, 0xDD)


def read(data: bytes, at: int = 0) -> tuple[Any, int]:
    """A value and where it ends; bytes and extensions as hexadecimal digits. Raises: IndexError if it is not whole."""
    first = data[at]
    at += 1
    if first < 0x80 or first >= 0xE0:
        return (first if first < 0x80 else first - 0x100), at
    if first < 0xC0:
        kind, size = ("map", first & 0x0F) if first < 0x90 else ("array", first & 0x0F)
        if first >= 0xA0:
            kind, size = "text", first & 0x1F
        return _content(kind, size, data, at)
    if first in _CONSTANTS:
        return _CONSTANTS[first], at
    if first in _NUMBERS:
        form = _NUMBERS[first]
        return _unpacked(form, data, at), at + struct.calcsize(form)
    if first in _EXTENSIONS:
        return _content("extension", _EXTENSIONS[first], data, at)
    if first not in _LENGTHS:
        raise ValueError(f"no type of MessagePack: {first:#x}")
    kind, width = _LENGTHS[first]
    return _content(kind, _unpacked(_SIZES[width], data, at), data, at + width)


def _content(kind: str, size: int, data: bytes, at: int) -> tuple[Any, int]:
    if kind == "array":
        values = []
        for _ in range(size):
            value, at = read(data, at)
            values.append(value)
        return values, at
    if kind == "map":
        found = {}
        for _ in range(size):
            key, at = read(data, at)
            found[str(key)], at = read(data, at)
        return found, at
    end = at + size + (1 if kind == "extension" else 0)
    if end > len(data):
        raise IndexError("cut off")
    content = data[at:end]
    return (content.decode("utf-8", "backslashreplace") if kind == "text" else content.hex()), end


def _unpacked(form: str, data: bytes, at: int) -> Any:
    if at + struct.calcsize(form) > len(data):
        raise IndexError("cut off")
    return struct.unpack_from(form, data, at)[0]
