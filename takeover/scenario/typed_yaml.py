"""YAML files as msgspec Structs: strictly read, and every error names file, line and field."""

import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

import msgspec
from msgspec import inspect as types

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario.files import read_yaml
from takeover.scenario.yaml_text import Key, YamlDocument, describe_type

Json: TypeAlias = Any
"""JSON data of somebody else's: a Kubernetes object, an Envoy config, a value in one of them."""

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
"""A string that is not empty."""

_KEYS = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_EXPECTED = re.compile(r"Expected `([^`]*)`")
_WORDS = {
    "str": "a string",
    "bool": "a boolean",
    "int": "a number",
    "float": "a number",
    "array": "a list",
    "object": "a mapping",
}
_PLACE = "_place"

Entry_ = TypeVar("Entry_", bound="Entry")


class Entry(msgspec.Struct, eq=False, dict=True, forbid_unknown_fields=True):
    """A mapping of a YAML file, with tuples for its lists. It knows where it is written.

    Attributes:
        RENAMED: keys of before → what they are called now.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}

    def where(self, *keys: Key) -> str:
        """FILE:LINE of the mapping, or of what is at `keys` in it."""
        document, at = self.place
        return document.where(*at, *keys)

    def error(self, what: str, *keys: Key) -> BadInputError:
        """An error that begins with the place."""
        return BadInputError(f"{self.where(*keys)}: {what}")

    def has(self, key: str) -> bool:
        """Whether the field is written."""
        return key in self.written

    @property
    def written(self) -> dict[str, Json]:
        """The mapping as it is written, not to be changed."""
        document, at = self.place
        found: dict[str, Json] = _at(document.value, at)
        return found

    def converted(self, kind: type[Entry_], *keys: Key) -> Entry_:
        """What is written at `keys` in it as another Struct. Raises: BadInputError."""
        document, at = self.place
        return convert(document, kind, (*at, *keys))

    def name_of(self, *keys: Key) -> str:
        """What a message calls the field at `keys`: its whole path."""
        return path_text((*self.place[1], *keys))

    @property
    def place(self) -> tuple[YamlDocument, tuple[Key, ...]]:
        """The document, and the keys at which the mapping is in it."""
        place: tuple[YamlDocument, tuple[Key, ...]] = self.__dict__[_PLACE]
        return place


def read_entry(path: Path, kind: type[Entry_]) -> Entry_:
    """The mapping that is the file's only document. Raises: BadInputError "FILE:LINE: …"."""
    return convert(single(path), kind)


def read_entries(path: Path, kind: type[Entry_], what: str = "list") -> tuple[Entry_, ...]:
    """The mappings of the list that is the file's only document.

    Args:
        path: the file.
        kind: of each mapping.
        what: what the list is called where the document is none.

    Raises: BadInputError "FILE:LINE: …".
    """
    document = single(path)
    if not isinstance(document.value, list):
        raise BadInputError(f"{display_path(path)}: must be a {what}, not {describe_type(document.value)}")
    return tuple(convert(document, kind, (index,)) for index in range(len(document.value)))


def single(path: Path) -> YamlDocument:
    """The only document of the file. Raises: BadInputError."""
    documents = read_yaml(path)
    if len(documents) != 1:
        raise BadInputError(f"{display_path(path)}: must hold one YAML document, not {len(documents)}")
    return documents[0]


def convert(document: YamlDocument, kind: type[Entry_], at: tuple[Key, ...] = ()) -> Entry_:
    """The mapping at those keys as a Struct. Raises: BadInputError "FILE:LINE: …"."""
    value = _at(document.value, at)
    try:
        converted = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _told(str(error), document, kind, at) from None
    _locate(converted, value, document, at)
    return converted


def _at(value: Json, keys: tuple[Key, ...]) -> Json:
    for key in keys:
        value = value[key]
    return value


def path_text(keys: tuple[Key, ...]) -> str:
    """A place in a document as messages name it: `probes[0].path`."""
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return path.removeprefix(".") or "the document"


def _locate(converted: object, value: Json, document: YamlDocument, at: tuple[Key, ...]) -> None:
    """Tells every Entry in `converted` where it is written."""
    if isinstance(converted, Entry):
        converted.__dict__[_PLACE] = (document, at)
        for name, written in zip(converted.__struct_fields__, converted.__struct_encode_fields__, strict=True):
            inner = getattr(converted, name)
            if isinstance(inner, Entry | tuple) and written in value:
                _locate(inner, value[written], document, (*at, written))
    elif isinstance(converted, tuple):
        for index, (inner, written) in enumerate(zip(converted, value, strict=True)):
            _locate(inner, written, document, (*at, index))


def _told(error: str, document: YamlDocument, kind: type[Entry], at: tuple[Key, ...]) -> BadInputError:
    """Msgspec's error in our words, at its place."""
    what, inside, is_exact = parts_of(error)
    keys = (*at, *inside)
    if found := _UNKNOWN.fullmatch(what):
        name, keys = path_text((*keys, found[1])), (*keys, found[1])
        struct = _struct_at(kind, inside)
        if new := struct.RENAMED.get(found[1]):
            return _error(document, keys, f"{name} is now called {new}")
        supported = ", ".join(struct.__struct_encode_fields__)
        return _error(document, keys, f"{name} is not supported; supported: {supported}")
    if found := _MISSING.fullmatch(what):
        return _error(document, keys, f"{path_text((*keys, found[1]))} is missing")
    if not is_exact:
        return _error(document, keys, f"each value of {path_text(keys)} must be {_listed_types(what)}")
    return _error(document, keys, f"{path_text(keys)} {_must(what, _at(document.value, keys), kind, inside)}")


def parts_of(error: str) -> tuple[str, tuple[Key, ...], bool]:
    """What msgspec says of a value, at which keys the value is, and whether it says so to the end."""
    what, _, path = error.partition(" - at `$")
    known, *rest = path.removesuffix("`").split("[...]")
    return what, tuple(name or int(index) for name, index in _KEYS.findall(known)), not rest


def _error(document: YamlDocument, keys: tuple[Key, ...], what: str) -> BadInputError:
    return BadInputError(f"{document.where(*keys)}: {what}")


def _must(what: str, value: Json, kind: type[Entry], inside: tuple[Key, ...]) -> str:
    """What the value must be, and what it is."""
    for each in _types_at(types.type_info(kind), inside):
        if isinstance(each, types.LiteralType) and not isinstance(value, dict | list):
            return f"is one of {', '.join(map(str, each.values))}, not {value}"
        if isinstance(each, types.IntType | types.FloatType) and type(value) in (int, float):
            limits = [
                f"{words} {limit:.15g}"
                for words, limit in (
                    ("above", each.gt), ("at least", each.ge), ("below", each.lt), ("at most", each.le),
                )
                if limit is not None
            ]  # fmt: skip
            whole = "a whole number" if isinstance(each, types.IntType) else "a number"
            return f"must be {' '.join([whole, ' and '.join(limits)]).strip()}, not {value}"
    if "of length" in what:
        return "must be a string, not empty" if value == "" else "must not be empty"
    return f"must be {_listed_types(what)}, not {describe_type(value)}"


def _listed_types(what: str) -> str:
    """What msgspec expected, such as "a string or a list"; it says null only for what may be left out."""
    expected = _EXPECTED.match(what)
    names = expected[1].split(" | ") if expected else []
    *others, last = dict.fromkeys(words for name, words in _WORDS.items() if name in names) or ["something else"]
    return f"{', '.join(others)} or {last}" if others else last


def _types_at(kind: types.Type, keys: tuple[Key, ...]) -> Iterator[types.Type]:
    """The types that a value at `keys` may have."""
    if isinstance(kind, types.UnionType):
        for each in kind.types:
            yield from _types_at(each, keys)
    elif isinstance(kind, types.Metadata):
        yield from _types_at(kind.type, keys)
    elif not keys:
        yield kind
    elif isinstance(kind, types.StructType):
        for field in kind.fields:
            if field.encode_name == keys[0]:
                yield from _types_at(field.type, keys[1:])
    elif isinstance(kind, types.ListType | types.VarTupleType):
        yield from _types_at(kind.item_type, keys[1:])


def _struct_at(kind: type[Entry], keys: tuple[Key, ...]) -> type[Entry]:
    found = next(each for each in _types_at(types.type_info(kind), keys) if isinstance(each, types.StructType))
    return typing.cast("type[Entry]", found.cls)
