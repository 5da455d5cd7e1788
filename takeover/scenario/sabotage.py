"""Reads sabotage.yaml: changes of a scenario that make its takeover wrong, for the suites to catch."""

import re
from dataclasses import dataclass

from takeover.base.errors import BadInputError
from takeover.scenario.edits import Edit
from takeover.scenario.files import own_file
from takeover.scenario.loader import Scenario
from takeover.scenario.typed_yaml import Entry, Text, read_entries
from takeover.scenario.written_edits import EditEntry, edit_of

FILE = "sabotage.yaml"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class SabotageEntry(Entry):
    """An entry of `sabotage.yaml`: a mistake that could really happen, for the suites to catch.

    Args:
        name: tells it from the scenario's others.
        why: what goes wrong, for the traffic.
        edits: the change.
    """

    name: Text
    why: Text
    edits: tuple[EditEntry, ...] = ()


@dataclass(frozen=True, eq=False)
class Sabotage:
    """A mistake that could really happen, made in a scenario on purpose.

    Args:
        scenario: the scenario's name.
        name: tells it from the scenario's others.
        why: what goes wrong, for the traffic.
        edits: the change.
        where: the "FILE:LINE" where it is written.
    """

    scenario: str
    name: str
    why: str
    edits: tuple[Edit, ...]
    where: str

    @property
    def label(self) -> str:
        """Names it among all scenarios' sabotages."""
        return f"{self.scenario}/{self.name}"


def read_sabotages(scenario: Scenario, *, is_tried: bool = False) -> tuple[Sabotage, ...]:
    """The sabotages in the scenario's folder, none if it has no such file. Every one fits the scenario and changes it.

    Args:
        scenario: where they are made.
        is_tried: whether another process of the run has seen already that they do: to see it takes its time.

    Raises: BadInputError "FILE:LINE: …".
    """
    path = own_file(scenario.folder, FILE, scenario.library.roots)
    if not path.exists():
        return ()
    found: dict[str, Sabotage] = {}
    for entry in read_entries(path, SabotageEntry, "list of sabotages"):
        sabotage = _sabotage(scenario, entry)
        if not is_tried:
            _try(scenario, sabotage, entry)
        if sabotage.name in found:
            raise entry.error(f"a second sabotage {sabotage.name}; the first is at {found[sabotage.name].where}")
        found[sabotage.name] = sabotage
    return tuple(found.values())


def _sabotage(scenario: Scenario, entry: SabotageEntry) -> Sabotage:
    name = entry.name
    if not _NAME.fullmatch(name):
        raise entry.error(f"a sabotage's name is of small letters, digits and -, not {name!r}", "name")
    edits = tuple(edit_of(each).edit for each in entry.edits)
    if not edits:
        raise entry.error(f"sabotage {name} edits nothing")
    return Sabotage(scenario.name, name, entry.why, edits, entry.where())


def _try(scenario: Scenario, sabotage: Sabotage, entry: SabotageEntry) -> None:
    """Refuses one that does not fit the scenario, or changes nothing."""
    try:
        changed = scenario.edited(sabotage.edits)
    except BadInputError as error:
        raise entry.error(f"sabotage {sabotage.name}: {error}") from error
    if all(_is_same(edit.document, scenario, changed) for edit in sabotage.edits):
        raise entry.error(f"sabotage {sabotage.name} changes nothing")


def _is_same(document: str, before: Scenario, after: Scenario) -> bool:
    if document in before.config_files():
        return bool(before.config(document) == after.config(document))
    return (before.objects(), before.config_maps()) == (after.objects(), after.config_maps())
