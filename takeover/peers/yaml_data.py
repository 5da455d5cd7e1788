"""YAML as data, for programs in Pods: what would end its reader, or fill the memory, is told in a line.

Envoy's own forms stand in it, so it is read as PyYAML reads it: more loosely than a scenario's files.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

MOST_LEVELS = 100
MOST_OF_ALIASES = 1_000_000
"""Values for which the aliases of a text stand: whoever walks through the data meets each of them."""
_SUFFIXES = (".yaml", ".yml", ".json")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")


class YamlError(ValueError):
    """A text is no YAML that can be read, in one line."""


def is_yaml_file(name: str) -> bool:
    """Whether a file of a folder is read: JSON is YAML, too; hidden ones are those of an editor, or of a kubelet."""
    return name.endswith(_SUFFIXES) and name[0] != "."


def read_yaml(text: str) -> list[Any]:
    """The data of each document; None of one that is empty.

    Raises: YamlError.
    """
    try:
        _check(text)
        return list(yaml.load_all(text, _LOADER))
    except YamlError:
        raise
    except yaml.MarkedYAMLError as error:
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(f"{_line(error.problem_mark or error.context_mark)}: {what}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        raise YamlError(" ".join(str(error).split())) from error


def _check(text: str) -> None:
    """Looks at the events, which come one after the other: PyYAML's composer is recursive, and in C.

    Raises: YamlError for what is nested too deeply, stands within itself, has a tag, or is too much.
    """
    amount = _Amount()
    for event in yaml.parse(text, _LOADER):
        try:
            amount.take(event)
        except YamlError as error:
            raise YamlError(f"{_line(event.start_mark)}: {error}") from None


def _line(mark: Any) -> str:
    return f"line {mark.line + 1 if mark else 1}"


@dataclass
class _Amount:
    """How many values there are, aliases expanded, and for how many of them aliases stand."""

    values: int = 0
    of_aliases: int = 0
    of_anchors: dict[str | None, int] = field(default_factory=dict)
    open: list[tuple[str | None, int]] = field(default_factory=list)
    """The anchor of each mapping and list that has not ended, and how many values came before it."""

    def take(self, event: yaml.Event) -> None:
        """Raises: YamlError without its place."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.of_anchors.clear()
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.of_anchors:
                raise YamlError(f"alias *{event.anchor} stands for nothing that is complete before it")
            self.values += self.of_anchors[event.anchor]
            self.of_aliases += self.of_anchors[event.anchor]
            if self.of_aliases > MOST_OF_ALIASES:
                raise YamlError(f"aliases stand for more than {MOST_OF_ALIASES} values: leave anchors out")
        elif isinstance(event, yaml.CollectionEndEvent):
            self._remember(*self.open.pop())
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            if event.tag not in _TAGS:
                raise YamlError(f"tag {event.tag} is not supported: leave it out")
            before = self.values
            self.values += 1
            self.of_anchors.pop(event.anchor, None)  # what had the name before
            if isinstance(event, yaml.ScalarEvent):
                self._remember(event.anchor, before)
            elif len(self.open) >= MOST_LEVELS:
                raise YamlError(f"nested more than {MOST_LEVELS} levels deep: write it flatter")
            else:
                self.open.append((event.anchor, before))

    def _remember(self, anchor: str | None, before: int) -> None:
        if anchor is not None:
            self.of_anchors[anchor] = self.values - before
