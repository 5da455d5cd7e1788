"""The groups of probes of a run, each scenario's read when it is asked for: what -m leaves out is not read at all."""

from collections.abc import Collection, Iterator, Mapping
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


def is_of_everything(config: pytest.Config) -> bool:
    """Whether no part of the suites was named."""
    named = {Path(config.invocation_params.dir, each).resolve() for each in config.args}
    suites = [Path(config.rootpath, each) for each in config.getini("testpaths")] or [config.invocation_params.dir]
    return all(named & {each.resolve(), *each.resolve().parents} for each in suites)


def chooses(chosen: str, marks: Collection[str]) -> bool:
    """Whether what -m says chooses an item that has these marks and no others; so does an expression that is wrong."""
    if not chosen:
        return True
    try:
        expression = Expression.compile(chosen)
    except SyntaxError:  # pytest says so, when it has collected
        return True
    return expression.evaluate(lambda mark, /, **arguments: mark in marks and not arguments)
