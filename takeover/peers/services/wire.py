"""Reads a message of protobuf whose proto file is not here: fields by their numbers.

What has a length is a message where it can be read as one, else a text, else hexadecimal: the same bytes are always
read alike, though nobody knows what they were meant to be.
"""

import struct
from typing import Any


def read(message: bytes) -> dict[str, list[Any]]:
    """Each field's values, in order. Raises: ValueError for what is no message."""
    found: dict[str, list[Any]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if not tag >> 3:
            raise ValueError("a field with the number 0")
        value: Any
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
            case 1:
                value, at = struct.unpack("<d", _exactly(message, at, 8))[0], at + 8
            case 5:
                value, at = struct.unpack("<f", _exactly(message, at, 4))[0], at + 4
            case 2:
                size, at = _varint(message, at)
                value, at = _content(_exactly(message, at, size)), at + size
            case other:
                raise ValueError(f"wire type {other}")
        found.setdefault(str(tag >> 3), []).append(value)
    return found


def _content(data: bytes) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and text:
        return text
    try:
        return read(data)
    except ValueError:
        return text or data.hex()


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a number without its end")


def _exactly(message: bytes, at: int, size: int) -> bytes:
    if at + size > len(message):
        raise ValueError("a field without its end")
    return message[at : at + size]
