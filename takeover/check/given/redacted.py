"""Which values an Envoy has put something else in the place of: a config dump shows no private keys."""

from collections.abc import Iterator
from typing import Any

from takeover.check.given.canonical import Path

_REDACTED = frozenset({"[redacted]", "W3JlZGFjdGVkXQ==", "W3JlZGFjdGVkXQ"})


def is_redacted(value: object) -> bool:
    """Whether a dump has it in the place of a secret, also as bytes in base64."""
    return isinstance(value, str) and value in _REDACTED


def redacted_paths(data: Any, path: Path = ()) -> Iterator[Path]:
    """The places of all such values in it."""
    if isinstance(data, dict):
        for key, each in data.items():
            yield from redacted_paths(each, (*path, key))
    elif isinstance(data, list):
        for number, each in enumerate(data):
            yield from redacted_paths(each, (*path, number))
    elif is_redacted(data):
        yield path
