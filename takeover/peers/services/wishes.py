"""What may stand in an object of JSON that says what is answered: for each of its keys (`calls`, `http`)."""

from collections.abc import Callable, Mapping
from typing import Any

from takeover.peers.hostile.grpc_answers import ANSWERS

Kinds = Mapping[str, tuple[Callable[[Any], bool], str]]
"""Key → whether a value may stand there, and what may, in words."""

_ENDS = ("hang", "close", "reset")


def wrong(written: Any, kinds: Kinds) -> str:
    """What is wrong with such an object, in words that HTTP can carry; nothing where it can be done."""
    if not isinstance(written, dict):
        return f"{written!a} is no object"
    found = (
        f"{name} is {written[name]!a}, and not {what}"
        for name, (may_be, what) in kinds.items()
        if name in written and not may_be(written[name])
    )
    return next(found, "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_code(value: Any) -> bool:
    return _is_number(value) and 0 <= value < 1 << 32


def _is_delay(value: Any) -> bool:
    return (_is_number(value) or isinstance(value, float)) and 0 <= value <= 3600


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _are_digits(value: Any) -> bool:
    try:
        return _are_texts(value) and all(bytes.fromhex(each) is not None for each in value)
    except ValueError:
        return False


_DELAY = _is_delay, "seconds, 3600 at most"

OF_GRPC: Kinds = {
    "delay": _DELAY,
    "status": (_is_number, "a number"),
    "message": (_is_text, "a text"),
    "reset": (_is_code, "the number of a code of HTTP/2"),
    "like": (lambda value: _is_text(value) and value in ANSWERS, "a behaviour of grpc_answers.py"),
    "headers": (_are_headers, "an object of texts"),
    "raw": (_are_digits, "a list of hexadecimal digits"),
    "ends": (lambda value: value in _ENDS or _is_code(value), f"the number of a code, or of {', '.join(_ENDS)}"),
}
"""Of a call over gRPC."""
OF_HTTP: Kinds = {
    "delay": _DELAY,
    "status": (_is_number, "a number"),
    "headers": (_are_texts, "a list of lines"),
    "body": (_is_text, "a text"),
    "trailers": (_are_texts, "a list of lines"),
}
"""Of a request over HTTP."""
