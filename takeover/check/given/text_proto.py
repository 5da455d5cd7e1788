"""A bootstrap in Protobuf's text form, as JSON data."""

import re

from google.protobuf import json_format, message, text_format

from takeover.base.errors import BadInputError
from takeover.model.json import JsonObject
from takeover.peers.control_plane.protos import UnknownTypeError, import_packed, message_class

_BOOTSTRAP = "type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap"
_PACKED = re.compile(r"\[\s*([A-Za-z0-9_.-]+/[A-Za-z0-9_.]+)\s*\]")
_V2 = re.compile(r"/envoy\.(api\.v2|[a-z0-9_.]+\.v2(alpha\d?)?)\.")
_PLACE = re.compile(r"^(\d+):(\d+) : ")
_DEEPEST = 100
"""Levels of messages, as in YAML."""


def bootstrap(text: str, file: str) -> JsonObject:
    """The bootstrap. `file`: as messages call it.

    Raises: BadInputError that says the line, for what no bootstrap has, and for types that xds-protos does not know:
        this form cannot be read without them.
    """
    for found in _PACKED.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if _V2.search(found[1]):
            raise BadInputError(f"{file}:{line}: {found[1]} is of Envoy's v2 API, which no Envoy since 1.18 reads")
        try:
            message_class(found[1])
        except UnknownTypeError:
            told = f"{file}:{line}: {found[1]} is not known here: give the bootstrap as JSON or YAML"
            raise BadInputError(told) from None
    if _depth(text) > _DEEPEST:
        raise BadInputError(f"{file}: nested more than {_DEEPEST} levels deep")
    made = message_class(_BOOTSTRAP)()
    try:
        text_format.Parse(text, made)
    except text_format.ParseError as error:
        told = " ".join(str(error).split())
        place = _PLACE.match(told)
        line_of = f":{place[1]}" if place else ""
        told = _PLACE.sub("", told)
        if "has no field named" not in told:
            told = told.partition(": ")[0]  # what follows is what stands there
        raise BadInputError(f"{file}{line_of}: not a bootstrap as text proto: {told}") from None
    try:
        import_packed(made)
        data: JsonObject = json_format.MessageToDict(made, preserving_proto_field_name=True)
    except UnknownTypeError as error:
        raise BadInputError(f"{file}: {error}: give the bootstrap as JSON or YAML") from None
    except (message.DecodeError, json_format.Error) as error:  # bytes of a packed message, a number that JSON has not
        raise BadInputError(f"{file}: not a bootstrap as text proto: {' '.join(str(error).split())}") from None
    return data


def _depth(text: str) -> int:
    deepest = now = 0
    for each in re.findall(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#[^\n]*|[{}<>]', text):
        if each in ("{", "<"):
            now += 1
            deepest = max(deepest, now)
        elif each in ("}", ">"):
            now -= 1
    return deepest
