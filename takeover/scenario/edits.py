"""Edits of a scenario's documents: typed, each addressing exactly one place, never text replacement."""

import enum
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args


class _Missing(enum.Enum):
    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing.MISSING
"""Stands for "not given" where None is a value (null)."""


@dataclass(frozen=True)
class ClusterIp:
    """A value that only a run knows: the ClusterIP of `service` (`NAME` in default, or `NAMESPACE/NAME`)."""

    service: str


@dataclass(frozen=True)
class HostName:
    """A value that only a run knows: the full DNS name of `service` (`NAME` in default, or `NAMESPACE/NAME`)."""

    service: str


@dataclass(frozen=True)
class ConfigId:
    """A value that only a run knows: unique to each deployment and content of its ConfigMaps."""


Op = Literal["replace", "add", "append", "remove"]
OPS: Final[tuple[Op, ...]] = get_args(Op)


@dataclass(frozen=True)
class Edit:
    """One change of one document. It is checked when a scenario takes it (`Scenario.edited`).

    Args:
        document: the name of a YAML file that a configMapGenerator takes ("envoy.yaml"), or an object as "Kind/name"
            or "Kind/namespace/name".
        op: "replace" a value by one of the same JSON type, "add" a `key` to a mapping that lacks it, "append" to a
            list, or "remove" a value.
        path: JSONPath (RFC 9535) that matches exactly one place: the value (replace, remove), the mapping (add) or the
            list (append).
        value: JSON data in which a ClusterIp, HostName or ConfigId may stand for a string.
        key: for "add" only.
        was: for "replace" and "remove": what the place must hold.
    """

    document: str
    op: Op
    path: str
    value: Any = None
    key: str | None = None
    was: Any = MISSING


def replace(document: str, path: str, value: Any, was: Any = MISSING) -> Edit:
    """Replaces the one value at `path`."""
    return Edit(document, "replace", path, value, was=was)


def add(document: str, path: str, key: str, value: Any) -> Edit:
    """Adds `key` to the one mapping at `path`."""
    return Edit(document, "add", path, value, key=key)


def append(document: str, path: str, value: Any) -> Edit:
    """Appends to the one list at `path`."""
    return Edit(document, "append", path, value)


def remove(document: str, path: str, was: Any = MISSING) -> Edit:
    """Removes the one value at `path` from its mapping or list."""
    return Edit(document, "remove", path, was=was)
