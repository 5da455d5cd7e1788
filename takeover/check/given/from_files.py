"""Resources that Envoy reads from files (`path_config_source`), where the user gave those."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from takeover.base.errors import BadInputError
from takeover.check.given.canonical import Canonical, named
from takeover.check.given.documents import read_documents
from takeover.check.given.taken import WANTED, Taken, not_looked_into, place
from takeover.check.records import Different, Place, Resource
from takeover.check.world.files import absolute
from takeover.model.json import JsonObject
from takeover.peers.control_plane.discovery import KINDS
from takeover.scenario.yaml_text import Key

_RESPONSE = "envoy.service.discovery.v3.DiscoveryResponse"
_WRAPPED = "envoy.service.discovery.v3.Resource"
_DELIVERED = frozenset({each.message for each in KINDS})


_Found = tuple[tuple[Resource, ...], tuple[Different, ...], tuple[Place, ...]]


def read_files(bootstrap: JsonObject, files: Mapping[str, Path]) -> _Found:
    """The resources of every file that the bootstrap names, and of those that these name.

    What is not looked into of them comes besides, and the places of fields that nobody here knows.

    Args:
        files: by the path by which a configuration names them, in its plainest form.

    Raises: BadInputError for a file that is given and has not the form of a DiscoveryResponse.
    """
    resources: list[Resource] = []
    different: list[Different] = []
    unknown: list[Place] = []
    given = {absolute(path): local for path, local in files.items()}
    waiting, seen = list(_paths(bootstrap, "")), set[Path]()
    for path in waiting:
        local = given.get(absolute(path))
        if local is None or local in seen:
            continue
        seen.add(local)
        found, told, fields = _read(local)
        resources += found
        different += told
        unknown += fields
        for each in found:
            waiting += _paths(each.data, "")
    return tuple(resources), tuple(different), tuple(unknown)


def _read(file: Path) -> _Found:
    documents = read_documents(file)
    document = documents[0]
    if len(documents) != 1 or not isinstance(document.value, dict) or "resources" not in document.value:
        raise BadInputError(f"{document.file}: must be a mapping with resources: the configuration reads them from it")
    canonical = Canonical(document, WANTED, keeps_unknown=True)
    taken = Taken(canonical)
    response = canonical.message(_RESPONSE, document.value)
    others: dict[str, tuple[Key, ...]] = {}
    for number, each in enumerate(response.get("resources", ())):
        at: tuple[Key, ...] = ("resources", number)
        if _message(each) == _WRAPPED:
            each, at = each.get("resource") or {}, (*at, "resource")  # noqa: PLW2901
        if (message := _message(each)) in _DELIVERED:
            taken.deliver(message, at, each)
        else:
            others.setdefault(message, at)
    told = not_looked_into(canonical)
    if others:
        at = next(iter(others.values()))
        why = "it is none that Envoy reads from files"
        told = (*told, Different(what=f"left out: {named(others)}", why=why, place=place(document, at)))
    return taken.resources(), told, tuple(place(document, each) for each in canonical.unknown_fields)


def _message(resource: JsonObject) -> str:
    return str(resource.get("@type")).rpartition("/")[2]


def _paths(data: Any, within: str) -> Iterator[str]:
    """The files of all sources of configuration in it."""
    if isinstance(data, list):
        for each in data:
            yield from _paths(each, within)
    elif isinstance(data, dict):
        source = data.get("path_config_source")
        path = source.get("path") if isinstance(source, dict) else None
        if path is None and "@type" not in data and (within.endswith("_config") or within == "config_source"):
            path = data.get("path")
        if isinstance(path, str):
            yield path
        for key, each in data.items():
            yield from _paths(each, key)
