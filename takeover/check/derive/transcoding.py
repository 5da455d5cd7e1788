"""Requests of JSON that a transcoder makes calls over gRPC of: as the methods of its descriptors say."""

import base64
import binascii
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.draft import slug
from takeover.check.messages import message_of, objects
from takeover.check.world.files import absolute
from takeover.model.json import JsonObject

if TYPE_CHECKING:  # protobuf takes a while, and few configurations need it
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

TRANSCODER: Final = "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder"
_INLINE = "proto_descriptor_bin"
_MOST_METHODS = 40
_VERBS = ("get", "put", "post", "delete", "patch")
_VARIABLE = re.compile(r"\{[^{}=]+(?:=([^{}]*))?\}")
_WORD = "1"
"""In the place of a variable: what a text, a number and an enumeration may be."""


def with_descriptors(manager: JsonObject, files: Mapping[str, Path]) -> JsonObject:
    """A connection manager in whose transcoders the descriptors stand that somebody gave as files.

    Args:
        files: those that were given, by their paths.
    """
    given = {absolute(path): file for path, file in files.items()}
    filters: list[Any] = []
    for each in objects(manager.get("http_filters")):
        config = each.get("typed_config")
        named = config.get("proto_descriptor") if isinstance(config, dict) else None
        if isinstance(config, dict) and message_of(config) == TRANSCODER and isinstance(named, str):
            file = given.get(absolute(named))
            content = {_INLINE: base64.b64encode(file.read_bytes()).decode()} if file is not None else {}
            each = {**each, "typed_config": {**config, **content}}  # noqa: PLW2901 - a copy in its place
        filters.append(each)
    return {**manager, "http_filters": filters}


def edges(data: Any, ask: Ask) -> Iterator[Edge]:
    """For each binding of each method a request that it takes, and one by a verb that it does not."""
    del ask
    number = 0
    for method, rule in _rules(data):
        for place, (verb, template, body) in enumerate(_bindings(rule, method)):
            if number == _MOST_METHODS:
                return
            number += 1
            path = _VARIABLE.sub(lambda found: _of_segments(found[1] or "*"), template)
            entry: JsonObject = {"method": verb, "path": _of_segments(path)}
            name = slug("transcoded", method.rpartition("/")[2], place or "")
            content: JsonObject = {"headers": ["content-type: application/json"], "body": "{}"} if body else {}
            yield Edge(name=name, entry={**entry, **content})
            yield Edge(name=f"{name}-longer", entry={**entry, **content, "path": f"{entry['path']}/x"})
            if body:
                yield Edge(name=f"{name}-no-json", entry={**entry, **content, "body": "{"})
            else:
                yield Edge(name=f"{name}-unknown-parameter", entry={**entry, "path": f"{entry['path']}?no.such=1"})


def unread(data: Any) -> str:
    """Why nothing is known of a transcoder's methods; empty where it is."""
    return "" if _descriptors(data) is not None else "its methods are not known: nobody gave its descriptor"


def _rules(data: Any) -> Iterator[tuple[str, Any]]:
    """The path of each method of its services, with the rule by which HTTP comes to it; None: it has none."""
    if (found := _descriptors(data)) is None:
        return
    from google.api import annotations_pb2

    services = set(data.get("services", ()))
    for file in found.file:
        for service in file.service:
            name = f"{file.package}.{service.name}".lstrip(".")
            if name not in services:
                continue
            for method in service.method:
                has = method.options.HasExtension(annotations_pb2.http)
                rule = method.options.Extensions[annotations_pb2.http] if has else None
                if rule is not None or data.get("auto_mapping"):
                    yield f"/{name}/{method.name}", rule


def _bindings(rule: Any, method: str) -> Iterator[tuple[str, str, str]]:
    """Verb, template and field of the body of each; of a method without a rule that of its own path."""
    if rule is None:
        yield "POST", method, "*"
        return
    kind = rule.WhichOneof("pattern")
    if kind in _VERBS:
        yield kind.upper(), getattr(rule, kind), rule.body
    elif kind == "custom" and rule.custom.kind.isalpha():
        yield rule.custom.kind, rule.custom.path, rule.body
    for each in rule.additional_bindings:
        yield from _bindings(each, method)


def _of_segments(template: str) -> str:
    return template.replace("**", f"{_WORD}/a").replace("*", _WORD)


def _descriptors(data: Any) -> "FileDescriptorSet | None":
    return _parsed(written) if isinstance(written := data.get(_INLINE), str) else None


@functools.lru_cache(maxsize=16)  # they are long, and asked for at each route
def _parsed(written: str) -> "FileDescriptorSet | None":
    from google.api import annotations_pb2
    from google.protobuf import descriptor_pb2
    from google.protobuf.message import DecodeError

    assert annotations_pb2  # without it, rules are unknown fields
    try:
        return descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(written))
    except (binascii.Error, DecodeError):
        return None
