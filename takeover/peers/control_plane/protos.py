"""Protobuf messages by their type's name: only the modules are imported in which a type may stand.

All modules of xds-protos at once would take seconds.
"""

import contextlib
import functools
import importlib
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import any_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message

from takeover.peers.control_plane.durations import as_texts

_NAME = re.compile(r"[a-z]\w*(\.\w+)+")
_LONGEST = 500
"""Characters of what is told of a mistake."""


class UnknownTypeError(Exception):
    """No Protobuf message of that name is installed."""


def message_class(url: str) -> type[Message]:
    """The class of a type URL. Raises: UnknownTypeError."""
    return _class_of(url.rpartition("/")[2])


@functools.cache  # of a few hundred names at most: what is not known is not kept
def _class_of(name: str) -> type[Message]:
    pool = descriptor_pool.Default()
    for module in itertools.chain([""], _modules(name)):
        if module:
            importlib.import_module(module)
        try:
            return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
        except KeyError:
            continue
    raise UnknownTypeError(f"no message {name} in the installed xds-protos")


def _modules(name: str) -> Iterator[str]:
    """The modules of the type's package, those first that have such a message."""
    if not _NAME.fullmatch(name):
        return
    parts = name.split(".")
    package = [each for each in parts if each[0].islower()]
    message = "_" + "_".join(parts[len(package) :]).upper()
    for place in sys.path:
        found = sorted(Path(place, *package).glob("*_pb2.py"))
        if found:
            found.sort(key=lambda each: f"'{message}'" not in each.read_text(encoding="utf-8"))
            yield from (".".join([*package, each.stem]) for each in found)


def parse(url: str, fields: dict[str, Any]) -> Message:
    """The message with those fields, as Envoy's own JSON has them.

    Raises: UnknownTypeError, ValueError that says in one line which field is wrong.
    """
    made, descriptor = message_class(url)(), _descriptor(url)
    try:
        _import_nested(fields)
        return json_format.ParseDict(as_texts(fields, descriptor, _descriptor), made)
    except json_format.ParseError as error:
        raise ValueError(_one_line(str(error))) from None
    except RecursionError:
        raise ValueError("it is nested too deeply, or within itself") from None
    except (TypeError, AttributeError) as error:  # of a shape that json_format does not foresee
        raise ValueError(_one_line(f"{type(error).__name__}: {error}")) from None


def _descriptor(url: str) -> Any:
    try:
        return message_class(url).DESCRIPTOR
    except UnknownTypeError as error:
        raise LookupError(str(error)) from None


def _import_nested(fields: Any) -> None:
    if isinstance(fields, dict):
        url = fields.get("@type")
        if isinstance(url, str):
            with contextlib.suppress(UnknownTypeError):  # ParseDict says where it stands
                message_class(url)
        for each in fields.values():
            _import_nested(each)
    elif isinstance(fields, list):
        for each in fields:
            _import_nested(each)


def import_packed(message: Message) -> None:
    """Makes the types known that are packed in it."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if not descriptor.is_repeated:
            found = [value]
        elif descriptor.message_type.GetOptions().map_entry:
            found = [each for each in value.values() if isinstance(each, Message)]
        else:
            found = list(value)
        for each in found:
            if isinstance(each, any_pb2.Any):
                inner = message_class(each.type_url)()
                each.Unpack(inner)
                import_packed(inner)
            else:
                import_packed(each)


def _one_line(text: str) -> str:
    text = re.sub(r"\s*Available Fields\(except extensions\).*", "", text, flags=re.DOTALL)
    text = re.sub(r"^(Failed to parse \w+ field: )+", "", " ".join(text.split()))
    return text[:_LONGEST]
