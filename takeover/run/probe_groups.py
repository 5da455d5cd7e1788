"""The groups of probes of a run, each scenario's read when it is asked for: what -m or -k leave out is not read."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from takeover.probes.probe import Group
from takeover.probes.probe_file import FILE, read_probes
from takeover.scenario.library import Library

MARK = "probes"
"""Marks the items of probes: -m probes runs them alone."""
ATLAS = "atlas"
"""Marks those of the atlas, besides: it is the chapter of its scenarios."""


_GROUP = re.compile(r"- group: ([a-z0-9.-]+)\s*(?:#.*)?")
"""How a group's entry begins in a file where each does; any other way to write it is YAML's to read."""


class ProbeGroups(Mapping[str, tuple[Group, ...]]):
    """Scenario → its groups, of those scenarios whose probes -m may choose.

    A process of a run that asks for none reads none: to read all of the atlas takes seconds.

    Args:
        chosen: what -m says; empty where it is not given.
    """

    def __init__(self, library: Library, chosen: str) -> None:
        self._library = library
        self._chosen = chosen
        self._names: list[str] | None = None
        self._read: dict[str, tuple[Group, ...]] = {}

    def __getitem__(self, name: str) -> tuple[Group, ...]:
        """None of a scenario whose probes -m leaves out. Raises: BadInputError "FILE:LINE: …"."""
        if name not in self._read:
            self._read[name] = read_probes(self._library.scenario(name)) if self.is_chosen(name) else ()
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        """Those that have a file of probes. Raises: BadInputError."""
        if self._names is None:
            there = self._library.names_with(FILE)
            self._names = [each for each in there if self.is_chosen(each)]
        return iter(self._names)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def chapters(self) -> set[str]:
        """Of all scenarios with probes, also of those that -m leaves out: it may name them. Raises: BadInputError."""
        return {chapter for each in self._library.names_with(FILE) if (chapter := self._library.chapter(each))}

    def is_chosen(self, name: str) -> bool:
        """Whether -m chooses what is of that scenario: an item that has no marks but these. Raises: BadInputError."""
        return chooses(self._chosen, {self._library.chapter(name), MARK})

    def may_be_chosen(self, name: str, keyword: str, releases: Iterable[str]) -> bool:
        """Whether -k may choose a group of that scenario: told from the text of its file, where each entry begins so.

        Args:
            name: the scenario.
            keyword: what -k says; empty where it is not given.
            releases: the Envoys' names, which are in those of the items.

        Raises: BadInputError.
        """
        if not keyword.strip() or not self.is_chosen(name):
            return True
        groups = _named(self._library.file(name, FILE))
        known = {name, self._library.chapter(name), MARK}
        items = [{item_name(group, release), *known} for group in groups or () for release in releases]
        return groups is None or any(_evaluates(keyword.lstrip(), _part_of(each)) for each in items)


def _named(file: Path) -> list[str] | None:
    """The groups of a file, told from the lines that nothing indents; None where that does not tell all of them."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [_GROUP.fullmatch(each) for each in lines if each and each[0] not in " #"]
    return [each[1] for each in found if each] if found and all(found) else None


def item_name(of: str, release: str) -> str:
    """What the item of a group is called, or of something else that each Envoy has."""
    return f"{of}[envoy-{release}]"


def is_of_everything(config: pytest.Config) -> bool:
    """Whether no part of the suites was named."""
    named = {Path(config.invocation_params.dir, each).resolve() for each in config.args}
    suites = [Path(config.rootpath, each) for each in config.getini("testpaths")] or [config.invocation_params.dir]
    return all(named & {each.resolve(), *each.resolve().parents} for each in suites)


def chooses(chosen: str, marks: Collection[str]) -> bool:
    """Whether what -m says chooses an item that has these marks and no others; so does an expression that is wrong."""
    return not chosen or _evaluates(chosen, lambda mark, /, **arguments: mark in marks and not arguments)


def _part_of(names: Collection[str]) -> Callable[..., bool]:
    """What -k finds: a part of some name, in whatever case."""
    return lambda part, /, **arguments: not arguments and any(part.lower() in each.lower() for each in names)


def _evaluates(chosen: str, matches: Callable[..., bool]) -> bool:
    """Whether the expression is true; one that is wrong is, as pytest says so when it has collected."""
    try:
        expression = Expression.compile(chosen)
    except SyntaxError:
        return True
    return expression.evaluate(matches)
