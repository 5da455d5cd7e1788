"""What people write, checked: JSON whose fields are of the types that they must have."""

import math
from typing import Any

from takeover.peers.control_plane.discovery import BY_SHORT_NAME, url_of


class WrittenError(ValueError):
    """Something that is wrong: in one line, what, and what it ought to be."""


def mapping(written: Any, what: str, *keys: str) -> dict[str, Any]:
    """An object with no other keys than these. Raises: WrittenError."""
    if not isinstance(written, dict):
        raise WrittenError(f"{what} is no object")
    if unknown := written.keys() - {*keys}:
        raise WrittenError(f"{what} has no {', '.join(sorted(map(str, unknown)))}; it has {', '.join(keys)}")
    return written


def text(written: dict[str, Any], key: str, default: str = "") -> str:
    """Raises: WrittenError."""
    value = written.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise WrittenError(f"{key} is no text: {value}")
    return value


def listed(written: dict[str, Any], key: str) -> list[Any]:
    """A list; an empty one where there is none. Raises: WrittenError."""
    value = written.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise WrittenError(f"{key} is no list: {value}")
    return value


def texts(written: dict[str, Any], key: str) -> list[str]:
    """A list of texts; an empty one where there is none. Raises: WrittenError."""
    found = listed(written, key)
    if wrong := [each for each in found if not isinstance(each, str)]:
        raise WrittenError(f"{key} has what is no text: {wrong[0]}")
    return found


def kind(written: Any) -> str:
    """The URL of a type, by its short name, its message's name or itself. Raises: WrittenError."""
    if not isinstance(written, str) or not (written in BY_SHORT_NAME or "." in written):
        raise WrittenError(f"no type {written}; there are {', '.join(BY_SHORT_NAME)}, and type URLs")
    return url_of(written)


def kinds(written: dict[str, Any], key: str) -> list[str]:
    """The URLs of a list of types. Raises: WrittenError."""
    return [kind(each) for each in listed(written, key)]


def count(written: dict[str, Any], key: str) -> int | None:
    """A number from 0 on; None where there is none. Raises: WrittenError."""
    value = written.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise WrittenError(f"{key} is no number from 0 on: {value}")
    return value


def seconds(written: dict[str, Any], key: str) -> float:
    """How long; 0 where nothing is said. Raises: WrittenError."""
    value = written.get(key, 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise WrittenError(f"{key} is no number of seconds: {value}")
    return float(value)
