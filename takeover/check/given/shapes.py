"""What somebody gave, told by what is in it: a bootstrap, a dump, maps of dumps; of all else, what to give instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from takeover.base.errors import BadInputError
from takeover.check.given.canonical import Path, named
from takeover.check.given.documents import Document
from takeover.model.json import JsonObject
from takeover.peers.control_plane.discovery import CDS, ECDS, EDS, LDS, PREFIX, RDS, SDS, SRDS
from takeover.reach.walking import descriptor_of
from takeover.scenario.envoy_config import camel_case
from takeover.scenario.typed_yaml import path_text
from takeover.scenario.yaml_text import describe_type

BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap"
_SECTION = re.compile(
    r"envoy\.admin\.v3\.(Bootstrap|Clusters|Endpoints|Listeners|Routes|ScopedRoutes|Secrets|Ecds)ConfigDump"
)
_ADMIN = re.compile(r"envoy\.admin\.v\w+\.\w+(?P<part>\.\w+)?")
DELIVERED = {each.url: each for each in (CDS, EDS, LDS, RDS, SRDS, SDS, ECDS)}
"""URL of a type of resources that are served → the type."""
_DEEPEST = 4
"""Levels of maps around a dump: egctl has two, by namespace and Pod."""
_GIVE = (
    "give the bootstrap that Envoy starts with, or what /config_dump?include_eds answers "
    "(istioctl proxy-config all POD -o json, egctl config envoy-proxy all -o json)"
)
_ALONE = {
    "envoy.config.listener.v3.Listener": "a Listener",
    "envoy.config.cluster.v3.Cluster": "a Cluster",
    "envoy.config.route.v3.RouteConfiguration": "a RouteConfiguration",
    "envoy.config.endpoint.v3.ClusterLoadAssignment": "a ClusterLoadAssignment",
    "envoy.extensions.transport_sockets.tls.v3.Secret": "a Secret",
}


@dataclass(frozen=True)
class Sections:
    """Where the sections of a config dump stand; each says by @type what it is.

    Args:
        by_type: places of resources of one type each, which stand under its URL; a dump has these, or sections.
    """

    paths: tuple[Path, ...]
    by_type: tuple[Path, ...] = ()


def recognised(documents: tuple[Document, ...]) -> tuple[Document, Path | Sections]:
    """The document, and where in it the bootstrap is, or a dump's sections.

    Raises: BadInputError for anything else: what it is, and what to give.
    """
    for each in documents:
        _refuse_manifest(each)
    if len(documents) > 1:
        raise BadInputError(f"{documents[0].file}: holds {len(documents)} documents: {_GIVE}")
    [document] = documents
    value = document.value
    if dumps := list(_dumps(value, ())):
        if len(dumps) > 1:
            names = named(path_text(each) for each, _ in dumps)
            raise BadInputError(f"{document.file}: holds the dumps of {len(dumps)} Envoys ({names}): give that of one")
        _refuse_parts(document, dumps[0][1])
        return document, dumps[0][1]
    if isinstance(value, list):
        raise BadInputError(f"{document.where()}: a list of {_listed(value)}: {_GIVE}")
    if not isinstance(value, dict):
        raise BadInputError(f"{document.where()}: {describe_type(value)}, no configuration: {_GIVE}")
    if "@type" in value and value["@type"] != f"type.googleapis.com/{BOOTSTRAP}":
        raise BadInputError(f"{document.where(('@type',))}: {_alone(str(value['@type']))}: {_GIVE}")
    return document, _bootstrap(document)


def _bootstrap(document: Document) -> Path:
    """Where the bootstrap is. Raises: BadInputError for a mapping that has none of its fields."""
    value = document.value
    if value.get("configs") == []:
        raise BadInputError(f"{document.where()}: a config dump with nothing in it: {_GIVE}")
    if not value or _known(value, BOOTSTRAP):
        return ()
    if isinstance(inner := value.get("bootstrap"), dict) and _known(inner, BOOTSTRAP):
        return ("bootstrap",)
    if "resources" in value:
        raise BadInputError(f"{document.where()}: resources of xDS without their Envoy: {_GIVE}")
    fitting = {name: _known(value, name) for name in _ALONE}
    best = max(fitting, key=lambda each: fitting[each])
    if fitting[best] > len(value) / 2:
        raise BadInputError(f"{document.where()}: {_ALONE[best]} alone: {_GIVE}")
    keys = named(map(str, value), 3)
    raise BadInputError(f"{document.where()}: neither a bootstrap nor a config dump (it has {keys}): {_GIVE}")


def _known(value: JsonObject, message: str) -> int:
    """How many of its keys are fields of the message."""
    descriptor = descriptor_of(message)
    assert descriptor is not None
    names = {each for field in descriptor.fields for each in (field.name, camel_case(field.name))}
    return len(names & value.keys())


def _dumps(value: Any, path: Path) -> Iterator[tuple[Path, Sections]]:
    """Every dump in it, and where.

    It is an object with `configs`, a list of sections, a section of its own, or an object of resources by the URLs of
    their types, as Kuma's API gives them.
    """
    if isinstance(value, dict):
        if _is_section(value):
            yield path, Sections((path,))
        elif isinstance(configs := value.get("configs"), list) and any(map(_is_section, configs)):
            yield path, _sections(configs, (*path, "configs"))
        elif _is_by_type(value):
            yield path, Sections((), tuple((*path, url) for url in value))
        elif len(path) < _DEEPEST and "@type" not in value:
            for key, each in value.items():
                yield from _dumps(each, (*path, key))
    elif isinstance(value, list) and any(map(_is_section, value)):
        yield path, _sections(value, path)


def _sections(listed: list[Any], path: Path) -> Sections:
    return Sections(tuple((*path, number) for number, each in enumerate(listed) if isinstance(each, dict)))


def _is_section(value: Any) -> bool:
    """Whether it says that it is one; those of the v2 API are, too: it is said by name where they are read."""
    url = value.get("@type") if isinstance(value, dict) else None
    return isinstance(url, str) and _ADMIN.fullmatch(url.rpartition("/")[2]) is not None


def _is_by_type(value: JsonObject) -> bool:
    """Whether its keys are URLs of types, among them one of resources that Envoys are served."""
    urls = [str(each) for each in value]
    return all(each.startswith(PREFIX) for each in urls) and any(each in DELIVERED for each in urls)


def is_known_section(message: str) -> bool:
    """Whether a section of that type holds configuration."""
    return _SECTION.fullmatch(message) is not None


def _refuse_parts(document: Document, sections: Sections) -> None:
    """Raises: BadInputError for single entries of sections, which `/config_dump?resource=…` answers."""
    for path in sections.paths:
        value = document.value
        for key in path:
            value = value[key]
        found = _ADMIN.fullmatch(str(value.get("@type")).rpartition("/")[2])
        if found is not None and found["part"]:
            what = f"{found['part'][1:]} alone, as /config_dump?resource=… answers: give what it answers without that"
            raise BadInputError(f"{document.where(path)}: {what}")


def _refuse_manifest(document: Document) -> None:
    value = document.value
    if not isinstance(value, dict) or "apiVersion" not in value or "kind" not in value:
        return
    kind, group = str(value["kind"]), str(value["apiVersion"])
    if kind in ("ConfigMap", "Secret"):
        remedy = "take the Envoy configuration out of its data, into a file of its own"
    elif kind == "EnvoyFilter":
        remedy = f"it only patches what Istio makes: {_GIVE}"
    else:
        remedy = _GIVE
    raise BadInputError(f"{document.where()}: a Kubernetes manifest ({kind} of {group}), no configuration: {remedy}")


def _alone(url: str) -> str:
    message = url.rpartition("/")[2]
    return f"{_ALONE[message]} alone" if message in _ALONE else f"a {message}, no bootstrap"


def _listed(value: list[Any]) -> str:
    types = {str(each.get("@type")).rpartition(".")[2] for each in value if isinstance(each, dict) and "@type" in each}
    return named(sorted(types)) or "what says nowhere what it is"
