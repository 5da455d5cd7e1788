"""A check of somebody's own configuration as the page shows it: its parts, each with coverage and differences."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from takeover.model.checked import Checked, ConfigPart
from takeover.model.document import Document
from takeover.report.compared import DifferenceView


@dataclass(frozen=True)
class PartView:
    """A part of the configuration.

    Args:
        probes: how many reached it, for each Envoy.
        why: on which Envoys none did, and why.
        differences: those that were seen by probes that reached it.
        parts: those that stand in it.
        is_whole: whether probes reached it, and all that stands in it, on every Envoy.
    """

    part: ConfigPart
    probes: Sequence[tuple[str, int]]
    why: Sequence[tuple[str, str]]
    differences: Sequence[DifferenceView]
    parts: Sequence["PartView"]
    is_whole: bool
    is_different: bool


@dataclass(frozen=True)
class CheckView:
    """A check.

    Args:
        reached: how many parts of each kind were reached of how many, for each Envoy.
        envoys: their names.
    """

    checked: Checked
    envoys: Sequence[str]
    reached: Sequence[tuple[str, Sequence[str]]]
    parts: Sequence[PartView]


def check_view(documents: Sequence[Document], differences: Sequence[DifferenceView]) -> CheckView | None:
    """The check that the documents are of; None for results of any other run."""
    found = {each.envoy.name: each.checked for each in documents if each.checked is not UNSET}
    if not found:
        return None
    first = next(iter(found.values()))
    by_envoy = {name: {each.id: each for each in checked.parts} for name, checked in found.items()}
    return CheckView(
        first, list(found), list(_reached(first, by_envoy)), _Tree(first, by_envoy, differences).within("")
    )


def _reached(first: Checked, by_envoy: Mapping[str, Mapping[str, ConfigPart]]) -> list[tuple[str, list[str]]]:
    return [
        (
            kind,
            [
                f"{sum(each.probes > 0 for each in parts.values() if each.kind == kind)} of "
                f"{sum(each.kind == kind for each in parts.values())}"
                for parts in by_envoy.values()
            ],
        )
        for kind in dict.fromkeys(each.kind for each in first.parts)
    ]


class _Tree:
    """Args: by_envoy: each Envoy's parts by their ids."""

    def __init__(
        self, first: Checked, by_envoy: Mapping[str, Mapping[str, ConfigPart]], differences: Sequence[DifferenceView]
    ) -> None:
        self._by_envoy = by_envoy
        self._within: dict[str, list[ConfigPart]] = defaultdict(list)
        for part in first.parts:
            self._within[part.within].append(part)
        self._of_probe: dict[tuple[str, str], list[DifferenceView]] = defaultdict(list)
        for each in differences:
            for place in each.difference.places:
                self._of_probe[place.scenario, place.probe].append(each)
        self._scenario = first.scenario

    def within(self, name: str) -> list[PartView]:
        """Those that stand in the part of that id."""
        return [self._view(each) for each in self._within.get(name, ())]

    def _view(self, part: ConfigPart) -> PartView:
        same = {name: parts[part.id] for name, parts in self._by_envoy.items() if part.id in parts}
        found = {
            view.difference.id: view
            for each in same.values()
            for probe in each.by
            for view in self._of_probe.get((self._scenario, probe), ())
        }
        parts = self.within(part.id)
        whys: dict[str, list[str]] = {}
        for name, each in same.items():
            if not each.probes:
                whys.setdefault(each.why, []).append(name)
        return PartView(
            part,
            [(name, each.probes) for name, each in same.items()],
            [(", ".join(names), why) for why, names in whys.items()],
            list(found.values()),
            parts,
            all(each.probes for each in same.values()) and all(each.is_whole for each in parts),
            bool(found) or any(each.is_different for each in parts),
        )
