"""The text of a configuration as data, whichever form it has: JSON, YAML or Protobuf's text, told by what is in it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.check.given import text_proto
from takeover.check.given.json_lines import lines_of
from takeover.scenario.envoy_config import camel_case
from takeover.scenario.files import bounded_bytes
from takeover.scenario.yaml_text import Dialect, Key, YamlDocument, parse_yaml

Form: TypeAlias = Literal["JSON", "YAML", "text proto"]

MAX_BYTES = 256 << 20
"""Of a file: dumps of whole meshes have some 50 MB."""
_LONGEST_WITH_LINES = 8 << 20
"""Of a JSON text whose lines are told: to find them takes longer than to decode it."""
_DEEPEST = 200
"""Levels of JSON: Protobuf reads 100 messages in each other, and each may stand in a list."""
_YAML = Dialect(nodes=1_000_000, characters=64 << 20, ignored="!ignore", has_words=True)
"""As Envoy reads it."""

_TEXT_PROTO = re.compile(r"^[a-z][a-z0-9_]*[ \t]*(:[ \t]*)?[{<]([ \t]*#.*)?$|^[a-z][a-z0-9_]*[ \t]*\{", re.MULTILINE)
_FLOW = re.compile(r"^[a-z][a-z0-9_]*:[ \t]*\{", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Document:
    """What a file holds.

    Args:
        path: the file.
        value: JSON data.
        lines: path of keys and indices → line; empty where the form has none.
    """

    path: Path
    value: Any
    form: Form
    lines: dict[tuple[Key, ...], int] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """As messages call it."""
        return display_path(self.path)

    def line(self, path: tuple[Key, ...]) -> int | None:
        """The line of what is there, its fields called by either of their names; of what is around it, if of none."""
        if not self.lines:
            return None
        written: list[Key] = []
        value = self.value
        for key in path:
            if isinstance(value, dict) and key not in value and isinstance(key, str):
                key = camel_case(key)  # noqa: PLW2901
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                break
            written.append(key)
        while tuple(written) not in self.lines:
            written.pop()
        return self.lines[tuple(written)]

    def where(self, path: tuple[Key, ...] = ()) -> str:
        """FILE:LINE of what is there."""
        line = self.line(path)
        return self.file if line is None else f"{self.file}:{line}"


def read_documents(path: Path) -> tuple[Document, ...]:
    """What the file holds: of YAML each document.

    Raises: BadInputError for a file that cannot be read, is empty, too long, no text, or of none of the forms.
    """
    text = _text(path)
    first = text.lstrip()[:1]
    if not first:
        raise BadInputError(f"{display_path(path)}: is empty: give a bootstrap, or what /config_dump answers")
    if first in "{[":
        return (_json(text, path),)
    if _TEXT_PROTO.search(text) and not _FLOW.search(text):
        return (Document(path, text_proto.bootstrap(text, display_path(path)), "text proto"),)
    found = tuple(_of_yaml(each) for each in parse_yaml(text, path, _YAML))
    if not found:
        raise BadInputError(f"{display_path(path)}: holds nothing: give a bootstrap, or what /config_dump answers")
    return found


def _text(path: Path) -> str:
    data = bounded_bytes(path, MAX_BYTES, "give a dump of one Envoy")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInputError(f"{display_path(path)}: is UTF-16: save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        give = "give a bootstrap as YAML, JSON or text proto, or what /config_dump answers"
        raise BadInputError(f"{display_path(path)}: is no text: {give}")
    return text


def _json(text: str, path: Path) -> Document:
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        return _flow_yaml(text, path, str(error))
    except RecursionError:
        raise _too_deep(path) from None
    if _is_deep(value):
        raise _too_deep(path)
    if len(text) > _LONGEST_WITH_LINES:
        return Document(path, value, "JSON")
    lines, twice = lines_of(text)
    document = Document(path, value, "JSON", lines)
    if twice is not None:
        raise BadInputError(f"{document.where(twice)}: key {twice[-1]!r} is there twice: leave one out")
    return document


def _is_deep(value: Any) -> bool:
    """Whether it has more levels than Protobuf reads: whoever walks through it may recurse."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _too_deep(path: Path) -> BadInputError:
    return BadInputError(f"{display_path(path)}: nested more than {_DEEPEST} levels deep")


def _flow_yaml(text: str, path: Path, why: str) -> Document:
    """YAML may begin as JSON does; what is neither is told of as JSON."""
    if text.lstrip().startswith(("{%", "{{", "{#")):
        raise BadInputError(f"{display_path(path)}: a template: give what it becomes")
    try:
        [found] = parse_yaml(text, path, _YAML)
    except (BadInputError, ValueError):
        found = None
    if found is None:
        where = re.search(r"\(byte (\d+)\)", why)
        line = text.encode().count(b"\n", 0, int(where[1])) + 1 if where else text.count("\n") + 1
        raise BadInputError(f"{display_path(path)}:{line}: not JSON: {why}")
    return _of_yaml(found)


def _of_yaml(found: YamlDocument) -> Document:
    return Document(found.path, found.value, "YAML", found.lines)
