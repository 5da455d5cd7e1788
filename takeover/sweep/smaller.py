"""The smallest configuration that still shows what a variant shows: field by field is taken away what it needs not."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml
from google.protobuf import json_format, text_format
from google.protobuf.message import Message

from takeover.peers.control_plane.protos import UnknownTypeError, import_packed
from takeover.sweep import rules
from takeover.sweep.values import LEAVES
from takeover.sweep.variants import Step, change, unpacked

_ANY = "google.protobuf.Any"
_Path = tuple[Step, ...]


def smaller(message: Message, shows: Callable[[Message], bool], most: int) -> Message:
    """The message without what it can be without: the largest parts first, until no single one can go any more.

    Args:
        shows: whether a message still shows it.
        most: how often that may be asked.
    """
    asked = 0
    is_changed = True
    while is_changed:
        is_changed = False
        for path, name in list(_parts(message, ())):
            if asked >= most:
                return message
            made = type(message)()
            made.CopyFrom(message)
            try:
                change(made, path, lambda inner, name=name: _take(inner, name))
            except (IndexError, KeyError, UnknownTypeError):
                continue  # it went with another one
            if made == message:
                continue
            asked += 1
            if shows(made):
                message, is_changed = made, True
    return message


def _take(message: Message, name: str | tuple[str, int]) -> None:
    if isinstance(name, str):
        message.ClearField(name)
    else:
        del getattr(message, name[0])[name[1]]


def _parts(message: Any, path: _Path) -> Iterator[tuple[_Path, str | tuple[str, int]]]:
    """What can be taken away: from outside in, of lists the last one first."""
    if message.DESCRIPTOR.full_name == _ANY:
        try:
            yield from _parts(unpacked(message), path)
        except UnknownTypeError:
            return
        return
    for field, value in message.ListFields():
        yield path, field.name
        if rules.is_map(field):
            continue
        if field.is_repeated:
            yield from ((path, (field.name, index)) for index in reversed(range(len(value))))
        if field.message_type is None or field.message_type.full_name in LEAVES - {_ANY}:
            continue
        for index, each in enumerate(value) if field.is_repeated else [(None, value)]:
            yield from _parts(each, (*path, Step(field.name, index)))


def only(message: Any, path: Sequence[Step], name: str) -> Any:
    """A message that has nothing but one field, at the end of that path, with its value."""
    made = type(message)()
    if message.DESCRIPTOR.full_name == _ANY:
        made.type_url = message.type_url
        made.value = only(unpacked(message), path, name).SerializePartialToString(deterministic=True)
        return made
    if not path:
        made.MergeFrom(message)
        for field in message.DESCRIPTOR.fields:
            if field.name != name:
                made.ClearField(field.name)
        return made
    step, *rest = path
    value, target = getattr(message, step.name), getattr(made, step.name)
    inner = only(value if step.index is None else value[step.index], rest, name)
    if step.index is None:
        target.CopyFrom(inner)
    elif isinstance(step.index, int) and hasattr(target, "add"):
        target.add().CopyFrom(inner)
    else:
        target[step.index].CopyFrom(inner)
    return made


def as_yaml(message: Message) -> str:
    """The message as it would be written; what YAML cannot hold (a time beyond all bounds) as protobuf's own text."""
    try:
        import_packed(message)
        data = json.loads(json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None))
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    except (ValueError, TypeError, json_format.Error, UnknownTypeError):
        return str(text_format.MessageToString(message))
