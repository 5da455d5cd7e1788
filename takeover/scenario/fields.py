"""Checked access to the fields of a YAML mapping."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario.files import read_yaml
from takeover.scenario.yaml_text import Key, YamlDocument, describe_type


class Fields:
    """Checked access to a YAML mapping: every error names file, line and field."""

    def __init__(self, document: YamlDocument, at: tuple[Key, ...] = ()) -> None:
        self.document = document
        self.at = at
        self.data = document.value
        for key in at:
            self.data = self.data[key]
        if not isinstance(self.data, dict):
            raise self.error(f"{self._name()} must be a mapping, not {describe_type(self.data)}")

    def _name(self, *keys: Key) -> str:
        path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in (*self.at, *keys))
        return path.removeprefix(".") or "the document"

    def error(self, what: str, *keys: Key) -> BadInputError:
        return BadInputError(f"{self.document.where(*self.at, *keys)}: {what}")

    def only(self, *fields: str) -> None:
        """Refuses every other field."""
        for key in self.data:
            if key not in fields:
                raise self.error(f"{self._name(key)} is not supported; supported: {', '.join(fields)}", key)

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        """The field's value, which must be a `kind`; without `default`, it must be there."""
        if key not in self.data:
            if default is None:
                raise self.error(f"{self._name(key)} is missing")
            return default
        value = self.data[key]
        if type(value) is not kind or value == "":
            seen = "empty" if value == "" else describe_type(value)
            raise self.error(f"{self._name(key)} must be {describe_type(kind())}, not {seen}", key)
        return value

    def children(self, key: str) -> list["Fields"]:
        """The mappings of the list at `key`; none if it is not there."""
        return [Fields(self.document, (*self.at, key, index)) for index in range(len(self.take(key, list, [])))]

    def strings(self, key: str) -> list[tuple[str, int]]:
        """The strings of the list at `key`, with their index; none if it is not there."""
        for index, value in enumerate(values := self.take(key, list, [])):
            if not isinstance(value, str) or not value:
                raise self.error(f"{self._name(key, index)} must be a string, not {describe_type(value)}", key, index)
        return [(value, index) for index, value in enumerate(values)]


def mappings(path: Path, what: str = "list") -> Iterator[Fields]:
    """Each mapping of the list that the file's only document is.

    Args:
        what: what the list is called where the document is none.

    Raises: BadInputError.
    """
    document = single(path)
    if not isinstance(document.value, list):
        raise BadInputError(f"{display_path(path)}: must be a {what}, not {describe_type(document.value)}")
    return (Fields(document, (index,)) for index in range(len(document.value)))


def single(path: Path) -> YamlDocument:
    """The only document of the file. Raises: BadInputError."""
    documents = read_yaml(path)
    if len(documents) != 1:
        raise BadInputError(f"{display_path(path)}: must hold one YAML document, not {len(documents)}")
    return documents[0]
