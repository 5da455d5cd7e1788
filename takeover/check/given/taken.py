"""The resources that stand in what was given, each with its place; those inside others too."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from takeover.check.given.canonical import Canonical, Path, named
from takeover.check.given.documents import Document
from takeover.check.messages import apart_of_udp
from takeover.check.records import Different, Place, Resource
from takeover.model.json import JsonObject
from takeover.peers.control_plane.discovery import CDS, EDS, LDS, PREFIX, RDS, SDS, SRDS
from takeover.scenario.typed_yaml import path_text

WANTED = frozenset({each.message for each in (LDS, CDS, RDS, EDS, SDS, SRDS)})
_INSIDE = frozenset({each.message for each in (RDS, EDS, SRDS)})


@dataclass
class Taken:
    """Collects resources: those that were delivered, and the bootstrap's.

    Args:
        canonical: has met what stands inside them.
        static: the place of the bootstrap, if there is one.
        static_parts: the places of its resources, where it is made of them.
    """

    canonical: Canonical
    static: Path | None = None
    static_parts: list[Path] = field(default_factory=list)
    delivered: dict[tuple[str, str], tuple[Path, JsonObject]] = field(default_factory=dict)

    def deliver(self, message: str, path: Path, data: Any, name: str = "") -> None:
        """Adds a resource that came over xDS; of two of one type and name the first counts.

        Args:
            data: of the message; what is no object is none.
            name: by which it was asked for, if it says none itself.
        """
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if key != "@type"}
            name = _name(message, data, path, name)
            self.delivered.setdefault((message, name), (path, data))

    def resources(self) -> tuple[Resource, ...]:
        """All of them, in the order of what was given."""
        at = {path: (message, name, data) for (message, name), (path, data) in self.delivered.items()}
        found = [(path, _resource(self.document, *each, path)) for path, each in at.items()]
        for message, path, data in self.canonical.met:
            within = next((each for each in _above(path) if each in at), None)
            if message not in WANTED or path in at or (within is None and not self._is_static(path)):
                continue
            made = _resource(self.document, message, _name(message, data, path), data, path)
            kept = msgspec.structs.replace(made, is_static=within is None, is_inline=message in _INSIDE)
            found.append((path, kept))
        return tuple(each for _, each in sorted(found, key=lambda each: _in_order(each[0])))

    @property
    def document(self) -> Document:
        """In which they stand."""
        return self.canonical.document

    def names(self, message: str) -> frozenset[str]:
        """Of what was delivered of the type."""
        return frozenset(name for kind, name in self.delivered if kind == message)

    def holding(self) -> Callable[[Path], bool]:
        """Tells of a place whether it is in what was taken by now."""
        at = {path for path, _ in self.delivered.values()}
        return lambda path: self._is_static(path) or any(each in at for each in _above(path))

    def _is_static(self, path: Path) -> bool:
        places = self.static_parts if self.static is None else (self.static,)
        return any(path[: len(each)] == each for each in places)


def place(document: Document, path: Path) -> Place:
    """Where that is."""
    return Place(file=document.file, path=path_text(path) if path else "", line=document.line(path))


def _name(message: str, data: JsonObject, path: Path, asked: str = "") -> str:
    """As it says itself; as it was asked for; as Envoy's statistics call a listener that has none; its place."""
    if named := data.get("cluster_name" if message == EDS.message else "name") or asked:
        return str(named)
    match data.get("address"):
        case {"socket_address": {"address": str(host), "port_value": int(port)} as at} if message == LDS.message:
            return f"{host}:{port}{apart_of_udp(at)}"
    return path_text(path)


def _resource(document: Document, message: str, name: str, data: JsonObject, path: Path) -> Resource:
    typed = {"@type": PREFIX + message} | data
    return Resource(type_url=PREFIX + message, name=name, data=typed, place=place(document, path), is_static=False)


def _above(path: Path) -> Iterator[Path]:
    return (path[:length] for length in range(len(path) - 1, 0, -1))


def _in_order(path: Path) -> tuple[tuple[bool, int, str], ...]:
    return tuple((isinstance(each, str), each if isinstance(each, int) else 0, str(each)) for each in path)


def not_looked_into(canonical: Canonical) -> tuple[Different, ...]:
    """That there are types which nobody here knows, if there are."""
    if not canonical.unknown_types:
        return ()
    why = "the API that is installed here does not know these types: the Envoys that are tested decide"
    first = next(iter(canonical.unknown_types.values()))
    what = f"not looked into: {named(canonical.unknown_types)}"
    return (Different(what=what, why=why, place=place(canonical.document, first)),)
