"""Which documented changes are found: by version, area and kind of observation, and by the technical terms of both.

A difference shows a change if it first shows between the versions between which the change came; in its area; by a kind
of observation that the list's words allow; and if the terms that stand in both weigh enough, and not much less than
those of a difference between other versions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.recall.areas import STATISTICS, Area, Areas, Asked, Place, is_named, shows
from benchmarks.recall.evidence import Evidence, Met, Score, Shown, wanted
from benchmarks.recall.findings import Finding, Pair, Probe
from benchmarks.recall.rows import Row

ENOUGH: Final = 1.4
"""From which score on a difference shows a change: set once, by four versions, so that fewer than a tenth of rows are
found with the versions of their neighbours."""
ELSEWHERE: Final = 0.8
"""Which part of the best score between other versions it must have besides: what fits much better there came there."""

# What one cause mostly changes together at a probe is one thing.
_ALIKE = {
    "header": ("security-header", "header", "body", "status", "route", "verdict", "verdict-better"),
    "connection": ("connection", "frame", "tls", "upstream", "crash"),
    "statistic": ("statistic", "statistic-added", "statistic-gone", "gauge"),
}
_THING = {kind: thing for thing, kinds in _ALIKE.items() for kind in kinds}

Thing = tuple[Pair, Probe, str]
"""A pair of versions, a probe, and what kind of thing changed there."""


@dataclass(frozen=True)
class Best:
    """The difference that speaks most for a row."""

    score: Score
    shown: Shown

    @property
    def finding(self) -> Finding:
        """The difference."""
        return self.shown.finding


class Matching:
    """Matches rows with differences.

    Args:
        enough: the least score.
    """

    def __init__(self, areas: Areas, evidence: Evidence, met: Met, enough: float = ENOUGH) -> None:
        self._areas = areas
        self._evidence = evidence
        self._met = met
        self._enough = enough
        self._there: dict[tuple[str, Probe], bool] = {}
        self._of: dict[tuple[int, str, str], bool] = {}
        self._ranked: dict[tuple[str, str, str, Pair], list[Best]] = {}

    @property
    def pairs(self) -> list[Pair]:
        """The neighbours whose differences are known, the oldest first."""
        return list(self._evidence.shown)

    def own(self, row: Row) -> list[Pair]:
        """The neighbours between which the row's change came."""
        return [pair for pair in self.pairs if any(map(pair.holds, row.versions))]

    def best(self, row: Row) -> Best | None:
        """What speaks most for the row, whether or not that is enough."""
        return max(self._candidates(row), key=lambda each: (each.score.value, each.score.own), default=None)

    def found(self, rows: Sequence[Row]) -> dict[int, Best]:
        """A row's place in the list → what shows it. What speaks most is given first, and each to one row only.

        What else the same probe shows of that kind of thing may be the same change, and is given to no other row.
        """
        wishes = [(each, number) for number, row in enumerate(rows) for each in self._showing(row)]
        wishes.sort(key=lambda pair: (-pair[0].score.value, -pair[0].score.own, pair[1]))
        found: dict[int, Best] = {}
        taken: set[Thing] = set()
        for best, number in wishes:
            things = _things(best.finding)
            if number not in found and not things <= taken:
                found[number] = best
                taken |= things
        return dict(sorted(found.items()))

    def _showing(self, row: Row) -> list[Best]:
        own = self.own(row)
        others = [each for pair in self.pairs if pair not in own for each in self._between(row, pair)[:1]]
        least = max([self._enough, *(ELSEWHERE * each.score.value for each in others)])
        return [each for each in self._candidates(row) if each.score.value >= least]

    def _candidates(self, row: Row) -> list[Best]:
        return [each for pair in self.own(row) for each in self._between(row, pair)]

    def _between(self, row: Row, pair: Pair) -> list[Best]:
        """The differences between two versions that could show the row's change, those that say most first."""
        key = row.area, row.words, row.needs, pair
        if key not in self._ranked:
            area = self._areas.called(row.area)
            self._ranked[key] = self._rank(row, area, self._evidence.shown[pair]) if area else []
        return self._ranked[key]

    def _rank(self, row: Row, area: Area, shown: Sequence[Shown]) -> list[Best]:
        kinds = self._areas.kinds_of(area, row.how)
        terms = wanted(row.area, row.words)
        found = [
            Best(self._evidence.score(terms, each), each)
            for each in shown
            if each.finding.kind in kinds and self._is_of(each.finding, area, row.needs)
        ]
        return sorted(found, key=lambda each: (-each.score.value, -each.score.own))

    def _is_of(self, finding: Finding, area: Area, needs: str) -> bool:
        key = (id(finding), area.area, needs)
        if key not in self._of:
            self._of[key] = self._shows(finding, area, self._areas.needs.get(needs, []))
        return self._of[key]

    def _shows(self, finding: Finding, area: Area, needed: Sequence[Place]) -> bool:
        """Whether it is of that area: more than half of its places are there, or it is a statistic of its own.

        What no probe saw, but the list of a binary's statistics has, is nothing that was seen to change.
        """
        if not any(scenario for scenario, _ in finding.places):
            return False
        own = finding.kind in STATISTICS and is_named(area, finding.what)
        there = sum(
            (own or self._is_there(area.area, area.places, probe, asked))
            and (not needed or self._is_there("", needed, probe, asked))
            for probe, asked in finding.places.items()
        )
        return 2 * there > len(finding.places)

    def _is_there(self, name: str, places: Sequence[Place], probe: Probe, asked: Asked) -> bool:
        """Whether the probe is sent to one of the places; a list of them has a name of its own, or is one object."""
        key = (name or str(id(places)), probe)
        if key not in self._there:
            met = self._met(*probe)
            self._there[key] = any(shows(place, probe[0], met, asked) for place in places)
        return self._there[key]

    def beyond(self, row: Row) -> str:
        """Why the goal leaves the row out; empty if it does not."""
        area = self._areas.called(row.area)
        return self._areas.beyond.get(row.needs, "") or (area.beyond if area else "")

    def why_not(self, row: Row) -> str:
        """Why nothing can be found for the row, whatever differs; empty if something could."""
        if beyond := self.beyond(row):
            return beyond
        if self._areas.called(row.area) is None:
            return "no such area here"
        return "" if self.own(row) else "no results of the versions around it"

    def is_same_area(self, row: Row, other: Row) -> bool:
        """Whether both are looked for in the same places."""
        return self._areas.called(row.area) is self._areas.called(other.area)


def _things(finding: Finding) -> set[Thing]:
    """Of an access log each field is a thing by itself, for each tells of another operator."""
    thing = f"log-field {finding.what}" if finding.kind == "log-field" else _THING.get(finding.kind, finding.kind)
    return {(finding.pair, probe, thing) for probe in finding.places}
