"""The variants of a base configuration: one field each, set to one value, wherever it stands in the base or could."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from takeover.peers.control_plane.protos import UnknownTypeError, message_class
from takeover.sweep import rules
from takeover.sweep.smallest import smallest
from takeover.sweep.values import LEAVES, Value, values

_ANY = "google.protobuf.Any"
_DEEP = 2
"""Through how many messages that are not there in the base a field is reached."""


@dataclass(frozen=True)
class Base:
    """A resource of a scenario's configuration.

    Args:
        scenario: its name.
        message: a Listener or a Cluster.
        host: one that its routes know.
    """

    scenario: str
    message: Message
    host: str = "probe.example"

    @property
    def url(self) -> str:
        """The URL of its type."""
        return f"type.googleapis.com/{self.message.DESCRIPTOR.full_name}"

    @property
    def name(self) -> str:
        """How the resource is called."""
        return str(getattr(self.message, "name"))  # noqa: B009 - of Listener and Cluster


@dataclass(frozen=True)
class Step:
    """One step into a message. `made`: what is there in the base not, and is made with the fewest fields."""

    name: str
    index: Any = None
    made: bool = False


@dataclass(frozen=True)
class Variant:
    """A base with one field changed.

    Args:
        field: the field's name, by the types in which it stands: the same in every base.
        value: what it is set to.
    """

    base: Base
    field: str
    value: Value
    path: tuple[Step, ...] = dataclasses.field(compare=False)

    @property
    def name(self) -> str:
        return f"{self.field} = {self.value.text}"

    def message(self) -> Message:
        """The base's resource with that value."""
        made = type(self.base.message)()
        made.CopyFrom(self.base.message)
        change(made, self.path, self.value.put)
        return made


@dataclass
class Fields:
    """The fields of several bases, each once, and the variants of each.

    Args:
        known: the names of the fields that were found so far.
        unknown: types that the installed protos lack.
    """

    known: dict[str, list[Variant]] = dataclasses.field(default_factory=dict)
    unknown: dict[str, None] = dataclasses.field(default_factory=dict)

    def add(self, base: Base) -> None:
        """Adds those fields of a base that no base before it has."""
        self._message(base, base.message, (), _of(base.message), _DEEP)

    def ordered(self) -> list[Variant]:
        """All variants: of each field the first one, then of each the second one, and so on.

        So the first of them, however many, are spread over the fields; which field comes first is the same in every
        run, whatever fields there are besides.
        """
        of_each = sorted(self.known.items(), key=lambda pair: hashlib.sha256(pair[0].encode()).digest())
        rounds = max((len(found) for _, found in of_each), default=0)
        return [found[number] for number in range(rounds) for _, found in of_each if number < len(found)]

    def _message(self, base: Base, message: Message, path: tuple[Step, ...], name: str, deep: int) -> None:
        if message.DESCRIPTOR.full_name == _ANY:
            if (inner := self._unpacked(message)) is not None:
                self._message(base, inner, path, _of(inner), deep)
            return
        # What is there in the base comes first: of two places of one field it is the one that says more.
        all_fields: Sequence[Any] = message.DESCRIPTOR.fields
        fields = sorted(all_fields, key=lambda each: not _is_there(message, each))
        for each in fields:
            own = f"{name}.{each.name}"
            if own not in self.known and (found := values(message, each)):
                self.known[own] = [Variant(base, own, value, path) for value in found]
            if each.message_type is not None and each.message_type.full_name not in LEAVES - {_ANY}:
                self._below(base, message, each, path, deep)

    def _below(self, base: Base, message: Message, each: FieldDescriptor, path: tuple[Step, ...], deep: int) -> None:
        """The fields of a field's messages: those that are there, or one that is made."""
        name = f"{_of(message)}.{each.name}"
        there = list(_there(message, each))
        for step, inner in there:
            self._message(base, inner, (*path, step), name, deep)
        assert each.message_type is not None
        if there or not deep or each.message_type.full_name == _ANY or rules.is_map(each):
            return
        if (made := smallest(each.message_type)) is not None:
            step = Step(each.name, 0 if each.is_repeated else None, made=True)
            self._message(base, made, (*path, step), name, deep - 1)

    def _unpacked(self, packed: Any) -> Message | None:
        if not packed.type_url:
            return None
        try:
            return unpacked(packed)
        except UnknownTypeError:
            self.unknown[packed.type_url.rpartition("/")[2]] = None
            return None


def _of(message: Message) -> str:
    """A type's name without its package."""
    descriptor = message.DESCRIPTOR
    return str(descriptor.full_name.removeprefix(f"{descriptor.file.package}."))


def _is_there(message: Message, each: FieldDescriptor) -> bool:
    return bool(getattr(message, each.name)) if each.is_repeated else each.has_presence and message.HasField(each.name)


def _there(message: Message, each: FieldDescriptor) -> Iterator[tuple[Step, Message]]:
    """The messages of a field."""
    if not _is_there(message, each):
        return
    value = getattr(message, each.name)
    if not each.is_repeated:
        yield Step(each.name), value
    elif not rules.is_map(each):
        yield from ((Step(each.name, index), one) for index, one in enumerate(value))
    elif rules.of_map(each)[1].message_type is not None:
        yield from ((Step(each.name, key), value[key]) for key in sorted(value))


def unpacked(packed: Any) -> Message:
    """What an Any holds. Raises: UnknownTypeError."""
    return message_class(packed.type_url).FromString(packed.value)


def change(message: Any, path: Sequence[Step], put: Any) -> None:
    """Changes what stands at the end of the path, in place, also in what is packed on the way."""
    if isinstance(message, Packed) or message.DESCRIPTOR.full_name == _ANY:
        inner = unpacked(message)
        change(inner, path, put)
        message.value = inner.SerializePartialToString(deterministic=True)
        return
    if not path:
        put(message)
        return
    step, *rest = path
    if step.made:
        _make(message, step)
    value = getattr(message, step.name)
    change(value if step.index is None else value[step.index], rest, put)


def _make(message: Message, step: Step) -> None:
    descriptor = message.DESCRIPTOR.fields_by_name[step.name]
    inner: Any = descriptor.message_type
    made = smallest(inner)
    assert made is not None
    value = getattr(message, step.name)
    (value if step.index is None else value.add()).CopyFrom(made)


def fields_of(bases: Iterable[Base]) -> Fields:
    """The fields of all of them."""
    found = Fields()
    for each in bases:
        found.add(each)
    return found
