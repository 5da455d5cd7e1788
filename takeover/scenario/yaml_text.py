"""YAML as data, strictly: what two YAML readers would take differently is an error with file and line.

Envoy reads its config with yaml-cpp, kubectl with Go's YAML libraries; they disagree on `yes` and `1_000`.
The event parser is used because PyYAML's composer recurses in C: deep nesting would end the whole process.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path

try:
    from yaml import CSafeDumper as _Dumper
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_TYPE_NAMES = {
    dict: "a mapping",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}

MAX_DEPTH = 100
MAX_NODES = 100_000
"""Values of a file, aliases expanded."""
MAX_CHARACTERS = 4 << 20
"""Of all strings of a file, keys among them, aliases expanded."""
MAX_DOCUMENTS = 1_000

_INTEGERS = (
    (re.compile(r"[-+]?(0|[1-9][0-9]*)"), 10),
    (re.compile(r"0[0-7]+"), 8),
    (re.compile(r"0x[0-9a-fA-F]+"), 16),
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WORDS = {
    each: value
    for value, words in ((True, "y yes on"), (False, "n no off"))
    for word in words.split()
    for each in (word, word.title(), word.upper())
}
_AMBIGUOUS = re.compile(
    r"y|n|yes|no|on|off|[-+]?\.(inf|nan)|[-+]?0o[0-7]+|[-+]?0b[01]+|[-+]0[0-7]+|[-+]?0x[0-9a-f]+|0[0-9]+|[-+]?[0-9][0-9_]*_[0-9_]*",
    re.IGNORECASE,
)
_FIRST_OF_OTHERS = frozenset("~nNtTfFyYoO+-.0123456789")
"""With one of these begins what is no string, or none to some reader."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_SAFE_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*")

Key: TypeAlias = str | int


@dataclass(frozen=True)
class Dialect:
    """How a file is read.

    Args:
        nodes: how many values it may hold, aliases expanded.
        characters: how many all its strings and keys may have, likewise.
        ignored: a tag of keys; what stands at such a key is left out, and is there only for its aliases.
        has_words: whether `yes`, `no`, `on`, `off`, `y` and `n` are booleans, as yaml-cpp takes them.
    """

    nodes: int = MAX_NODES
    characters: int = MAX_CHARACTERS
    ignored: str = ""
    has_words: bool = False


_OURS = Dialect()


def describe_type(value: object) -> str:
    """The JSON type of `value`, with its article: "a mapping", "null"."""
    return "null" if value is None else _TYPE_NAMES.get(type(value), f"a Python {type(value).__name__}")


@dataclass(frozen=True, eq=False)
class YamlDocument:
    """One document of a file. `value` is shared between readers: never change it.

    Args:
        path: the file.
        value: JSON data: dict with string keys, list, str, bool, int (64 bits), float (finite), None.
        lines: path of keys and indices → line, from 1, in the file's own document.
        at: where the value is in that: see `item`.
    """

    path: Path
    value: Any
    lines: dict[tuple[Key, ...], int]
    at: tuple[Key, ...] = ()

    def item(self, *keys: Key) -> "YamlDocument":
        """What is at `keys`, as a document of its own."""
        value = self.value
        for key in keys:
            value = value[key]
        return replace(self, value=value, at=(*self.at, *keys))

    def where(self, *keys: Key) -> str:
        """FILE:LINE of the value at `keys`, or of the nearest thing around it."""
        keys = (*self.at, *keys)
        while keys not in self.lines:
            keys = keys[:-1]
        return f"{display_path(self.path)}:{self.lines[keys]}"


@dataclass
class _Amount:
    """How much there is: values, and the characters of their strings and keys."""

    nodes: int = 0
    characters: int = 0

    def add(self, other: "_Amount") -> None:
        self.nodes += other.nodes
        self.characters += other.characters


@dataclass(eq=False)
class _Open:
    """A mapping or list whose end has not come yet."""

    value: dict[str, Any] | list[Any]
    path: tuple[Key, ...]
    anchor: str | None
    key: str | None = None
    amount: _Amount = field(default_factory=lambda: _Amount(1))


@dataclass(eq=False)
class _Builder:
    """Makes data of one document's events, with a stack of its own. `before`: how much the file's earlier ones are."""

    path: Path
    before: _Amount = field(default_factory=_Amount)
    dialect: Dialect = _OURS
    lines: dict[tuple[Key, ...], int] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, _Amount]] = field(default_factory=dict)
    amount: _Amount = field(default_factory=_Amount)
    ignored: list[tuple[Key, ...]] = field(default_factory=list)
    root: Any = None

    def error(self, event: yaml.Event, what: str) -> BadInputError:
        return BadInputError(f"{display_path(self.path)}:{_line(event)}: {what}")

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            top = self.stack[-1] if self.stack else None
            if top is not None and isinstance(top.value, dict) and top.key is None:
                top.key = self.mapping_key(event, top)
            else:
                self.place(event, *self.scalar(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            self.start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.stack.pop()
            if done.anchor is not None:
                self.anchors[done.anchor] = (done.value, done.amount)
            if self.stack:
                self.stack[-1].amount.add(done.amount)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise self.error(event, f"alias *{event.anchor} stands for nothing that is complete before it")
            self.place(event, *self.anchors[event.anchor])

    def start(self, event: yaml.CollectionStartEvent) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", f"tag:yaml.org,2002:{'map' if mapping else 'seq'}"):
            raise self.error(event, f"tag {event.tag} is not supported: leave it out")
        if len(self.stack) >= MAX_DEPTH:
            raise self.error(event, f"nested more than {MAX_DEPTH} levels deep: write it flatter")
        value: dict[str, Any] | list[Any] = {} if mapping else []
        path = self.place(event, value, _Amount(1), is_open=True)
        self.stack.append(_Open(value, path, event.anchor))

    def place(self, event: yaml.Event, value: Any, amount: _Amount, *, is_open: bool = False) -> tuple[Key, ...]:
        """Puts a value where it belongs and returns its path. An open one counts at its end for what holds it."""
        self.count(event, amount)
        line = _line(event)
        if not self.stack:
            self.root = value
            self.lines[()] = line
            return ()
        top = self.stack[-1]
        if not is_open:
            top.amount.add(amount)
        if isinstance(top.value, list):
            path = (*top.path, len(top.value))
            top.value.append(value)
        elif top.key is None:
            raise self.error(event, "a key must be a string, not a mapping, list or alias")
        else:
            path = (*top.path, top.key)
            top.value[top.key] = value
            top.key = None
            line = self.lines.get(path, line)
        self.lines[path] = line
        return path

    def count(self, event: yaml.Event, amount: _Amount) -> None:
        """Counts what is placed, once."""
        self.amount.add(amount)
        if self.before.nodes + self.amount.nodes > self.dialect.nodes:
            raise self.error(event, f"more than {self.dialect.nodes} values, aliases expanded")
        if self.before.characters + self.amount.characters > self.dialect.characters:
            raise self.error(event, f"more than {self.dialect.characters} characters, aliases expanded")

    def mapping_key(self, event: yaml.ScalarEvent, top: _Open) -> str:
        if event.value == "<<" and event.implicit[0]:
            raise self.error(event, "merge keys (<<) are not supported: write the fields out")
        is_ignored = event.tag is not None and event.tag == self.dialect.ignored
        key, amount = (event.value, _Amount(1, len(event.value))) if is_ignored else self.scalar(event)
        if is_ignored:
            self.ignored.append((*top.path, key))
        if not isinstance(key, str):
            raise self.error(event, f"key {event.value or 'null'} is {describe_type(key)}, not a string: quote it")
        if key in top.value:
            first = self.lines[(*top.path, key)]
            raise self.error(event, f"key {key!r} is there twice; first in line {first}")
        self.lines[(*top.path, key)] = _line(event)
        amount = _Amount(0, amount.characters)
        self.count(event, amount)
        top.amount.add(amount)
        return key

    def leave_out(self) -> None:
        """Takes out of the whole what has keys that are tagged so."""
        for *path, last in self.ignored:
            value = self.root
            for key in path:
                value = value[key]
            del value[last]

    def scalar(self, event: yaml.ScalarEvent) -> tuple[Any, _Amount]:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            raise self.error(event, f"tag {event.tag} is not supported: leave it out")
        if not event.value.isascii() and _SURROGATE.search(event.value):
            raise self.error(event, "half of a character (a surrogate), which no text can hold")
        value = event.value if event.tag or not event.implicit[0] else self.plain(event)
        amount = _Amount(1, len(event.value))
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, amount)
        return value, amount

    def plain(self, event: yaml.ScalarEvent) -> Any:
        text: str = event.value
        if text and text[0] not in _FIRST_OF_OTHERS:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if self.dialect.has_words and text in _WORDS:
            return _WORDS[text]
        number: int | float | None = None
        for form, base in _INTEGERS:
            if form.fullmatch(text):
                number = int(text, base) if len(text) < 100 else math.inf
        if number is None and _AMBIGUOUS.fullmatch(text):
            raise self.error(
                event,
                f"{text} is one thing to some YAML readers, another to others: quote it, or write true or digits",
            )
        if number is None and _FLOAT.fullmatch(text):
            number = float(text)
        if number is None:
            return text
        if not is_json_number(number):
            raise self.error(event, f"{text[:40]} does not fit a JSON number (64 bits)")
        return number


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def is_json_number(number: int | float) -> bool:
    """Whether every JSON reader takes `number`: an integer of 64 bits or a finite float."""
    return math.isfinite(number) if isinstance(number, float) else -(2**63) <= number < 2**64


def parse_yaml(text: str, path: Path, dialect: Dialect = _OURS) -> Iterator[YamlDocument]:
    """The documents of `text` that are not empty; `path` is what messages call it.

    Raises: BadInputError "FILE:LINE: …".
    """
    builder, documents = _Builder(path, dialect=dialect), 0
    try:
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.DocumentEndEvent):
                builder.leave_out()
                if builder.root is not None:
                    yield YamlDocument(path, builder.root, builder.lines)
                builder.before.add(builder.amount)
                builder, documents = _Builder(path, builder.before, dialect), documents + 1
                if documents > MAX_DOCUMENTS:
                    raise builder.error(event, f"more than {MAX_DOCUMENTS} documents in a file")
            else:
                builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise BadInputError(f"{display_path(path)}:{mark.line + 1 if mark else 1}: not YAML: {what}") from error
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        raise BadInputError(f"{display_path(path)}:{line}: not YAML: {error.reason}") from error


class _ConfigDumper(_Dumper):
    """Writes every string so that each YAML reader takes it as a string, and repeats instead of aliasing."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  (PyYAML's signature)
        return True


def _string(dumper: _ConfigDumper, text: str) -> yaml.ScalarNode:
    style = '"'
    if "\n" in text:
        style = "|"
    elif _SAFE_PLAIN.fullmatch(text) and not (text in _BOOLEANS or text in _NULLS or _AMBIGUOUS.fullmatch(text)):
        style = ""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_ConfigDumper.add_representer(str, _string)


def write_yaml(value: Any) -> str:
    """JSON data as YAML text in the order of its keys; `parse_yaml` gives it back equal."""
    text: str = yaml.dump(value, Dumper=_ConfigDumper, sort_keys=False, allow_unicode=True, width=2**16)
    return text
