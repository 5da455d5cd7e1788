"""Which documented changes are found: by version, area and kind of observation, each difference for one change only."""

import csv
import random
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.version import InvalidVersion, Version

from benchmarks.recall.areas import STATISTICS, Area, Areas, Asked, Place, is_named, shows
from benchmarks.recall.configured import Settings
from benchmarks.recall.findings import Finding, Home, Pair
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path

_COLUMNS = ("version", "area", "change", "guard", "how a client or operator could see it", "needs")
_EARLIER = re.compile(r"(?:already in|also in|also|first PyPI binary) (\d+\.\d+\.\d+)", re.IGNORECASE)
_SHUFFLES = 200
_SEED = 1


@dataclass(frozen=True)
class Row:
    """A documented change. Its guard is not read: it may not help to find it.

    Args:
        versions: those with which it came: the one in whose notes it stands, and earlier ones that had it, too.
    """

    versions: tuple[Version, ...]
    area: str
    change: str
    how: str
    needs: str

    def __str__(self) -> str:
        return f"{self.versions[0]}  {self.area}: {self.change}"


def read_rows(file: Path) -> list[Row]:
    """The list, a TSV whose first line names its columns. Raises: BadInputError."""
    try:
        with file.open(encoding="utf-8", newline="") as text:
            lines = list(csv.reader(text, "excel-tab"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{display_path(file)}: cannot be read: {error}: give a TSV of changes") from error
    if not lines or tuple(lines[0]) != _COLUMNS:
        raise BadInputError(f"{display_path(file)}: the first line must name the columns {', '.join(_COLUMNS)}")
    return [_row(file, number, line) for number, line in enumerate(lines[1:], 2) if line]


def _row(file: Path, number: int, line: Sequence[str]) -> Row:
    if len(line) != len(_COLUMNS):
        raise BadInputError(f"{display_path(file)}:{number}: {len(line)} fields, where {len(_COLUMNS)} belong")
    version, area, change, _, how, needs = line
    try:
        return Row((Version(version), *map(Version, _EARLIER.findall(how))), area, change, how, needs)
    except InvalidVersion as error:
        raise BadInputError(f"{display_path(file)}:{number}: {version!r} is no version") from error


Met = Callable[[str, str], Settings]
"""What of Envoy's configuration the probe of a scenario meets."""


class Matching:
    """Matches rows with findings.

    Args:
        findings: of each pair of neighbouring versions.
    """

    def __init__(self, areas: Areas, findings: Mapping[Pair, Sequence[Finding]], met: Met) -> None:
        self._areas = areas
        self._findings = findings
        self._met = met
        self._known: dict[tuple[int, str, str], bool] = {}
        self._there: dict[tuple[str, tuple[str, str]], bool] = {}

    def found(self, rows: Sequence[Row]) -> dict[int, Finding]:
        """A row's place in the list → the finding that shows it; as many rows as can have one of their own."""
        wanted = [self._candidates(row) for row in rows]
        taken: dict[Home, tuple[int, Finding]] = {}
        for number in sorted(range(len(rows)), key=lambda each: self._extent(rows[each])):
            self._give(number, wanted, taken, set())
        return dict(sorted(taken.values(), key=lambda pair: pair[0]))

    def _extent(self, row: Row) -> int:
        """How many findings of all versions are where the row's would be: the rarer, the more one tells."""
        area = self._areas.called(row.area)
        return (
            sum(self._is_of(each, area, row.needs) for found in self._findings.values() for each in found)
            if area
            else 0
        )

    def _give(
        self, number: int, wanted: Sequence[list[Finding]], taken: dict[Home, tuple[int, Finding]], asked: set[Home]
    ) -> bool:
        """Gives the row a finding, where need be one of another row that can have another (Kuhn's algorithm)."""
        for finding in wanted[number]:
            home = finding.home
            if home in asked:
                continue
            asked.add(home)
            if home not in taken or self._give(taken[home][0], wanted, taken, asked):
                taken[home] = (number, finding)
                return True
        return False

    def _candidates(self, row: Row) -> list[Finding]:
        area = self._areas.called(row.area)
        if area is None:
            return []
        kinds = self._areas.kinds_of(area, row.how)
        pairs = [pair for pair in self._findings if any(map(pair.holds, row.versions))]
        return [
            each
            for pair in pairs
            for each in self._findings[pair]
            if each.kind in kinds and self._is_of(each, area, row.needs)
        ]

    def _is_of(self, finding: Finding, area: Area, needs: str) -> bool:
        key = (id(finding), area.area, needs)
        if key not in self._known:
            self._known[key] = self._shows(finding, area, self._areas.needs.get(needs, []))
        return self._known[key]

    def _shows(self, finding: Finding, area: Area, needed: Sequence[Place]) -> bool:
        """Whether it is of that area: more than half of its places are there, or it is a statistic of its own.

        What shows everywhere alike is no change of an area that some of the probes happen to meet; what no probe saw,
        but the list of a binary's statistics has, is nothing that was seen to change.
        """
        if not any(scenario for scenario, _ in finding.places):
            return False
        own = finding.kind in STATISTICS and is_named(area, finding.what)
        there = sum(
            (own or self._is_there(area.area, area.places, key, asked))
            and (not needed or self._is_there("", needed, key, asked))
            for key, asked in finding.places.items()
        )
        return 2 * there > len(finding.places)

    def _is_there(self, name: str, places: Sequence[Place], probe: tuple[str, str], asked: Asked) -> bool:
        """Whether the probe is sent to one of the places; a list of them has a name of its own, or is one object."""
        key = (name or str(id(places)), probe)
        if key not in self._there:
            met = self._met(*probe)
            self._there[key] = any(shows(place, probe[0], met, asked) for place in places)
        return self._there[key]

    def by_accident(self, rows: Sequence[Row], what: str) -> float:
        """The share that would be found with another row's versions, or area: what chance alone finds.

        Rows to which the shuffle gives what they have do not count.
        """
        chance = random.Random(_SEED)  # noqa: S311
        shares = []
        for _ in range(_SHUFFLES):
            others = chance.sample(rows, len(rows))
            moved = [_with(row, other, what) for row, other in zip(rows, others, strict=True)]
            wrong = [each for row, each in zip(rows, moved, strict=True) if self._asks_elsewhere(row, each)]
            if wrong:
                shares.append(len(self.found(wrong)) / len(wrong))
        return statistics.fmean(shares) if shares else 0.0

    def _asks_elsewhere(self, row: Row, other: Row) -> bool:
        if row.area != other.area:
            return self._areas.called(row.area) is not self._areas.called(other.area)
        return not {*self._pairs(row)} & {*self._pairs(other)}

    def _pairs(self, row: Row) -> list[Pair]:
        return [pair for pair in self._findings if any(map(pair.holds, row.versions))]


def _with(row: Row, other: Row, what: str) -> Row:
    if what == "area":
        return Row(row.versions, other.area, row.change, row.how, row.needs)
    return Row(other.versions, row.area, row.change, row.how, row.needs)


@dataclass(frozen=True)
class Share:
    """How many of some rows are found, and how many would be by accident (0 to 1)."""

    name: str
    rows: int
    found: int
    other_version: float
    other_area: float

    @property
    def line(self) -> str:
        """A row of the table."""
        share = self.found / self.rows if self.rows else 0.0
        return (
            f"{self.name:<28} {self.rows:>4} {self.found:>6} {share:>7.0%} {self.other_version:>15.0%} "
            f"{self.other_area:>12.0%}"
        )


class Recall:
    """The shares of a list."""

    HEADER = f"{'rows that need':<28} {'rows':>4} {'found':>6} {'share':>7} {'other version':>15} {'other area':>12}"

    def __init__(self, matching: Matching, areas: Areas, rows: Sequence[Row]) -> None:
        self._matching = matching
        self._areas = areas
        self.rows = rows

    @cached_property
    def found(self) -> dict[int, Finding]:
        """A row's place → what shows it."""
        return self._matching.found(self.rows)

    @cached_property
    def shares(self) -> list[Share]:
        """By what a row needs, then all, then those of the goal."""
        classes = sorted({row.needs for row in self.rows})
        shares = [self._share(each, [n for n, row in enumerate(self.rows) if row.needs == each]) for each in classes]
        shares.append(self._share("all", range(len(self.rows))))
        aims = [number for number, row in enumerate(self.rows) if not self.beyond(row)]
        reasons = sorted({why for row in self.rows if (why := self.beyond(row))})
        return [*shares, self._share(f"none of {', '.join(reasons)}" if reasons else "any of these", aims)]

    def above_chance(self) -> str:
        """How much of the last share is no accident, in one line."""
        last = self.shares[-1]
        accident = max(last.other_version, last.other_area)
        share = last.found / last.rows if last.rows else 0.0
        return f"above what chance finds: {100 * (share - accident):+.0f} points of {last.name}"

    def beyond(self, row: Row) -> str:
        """Why the goal leaves the row out; empty if it does not."""
        area = self._areas.called(row.area)
        return self._areas.beyond.get(row.needs, "") or (area.beyond if area else "")

    def is_known(self, row: Row) -> bool:
        """Whether its area is."""
        return self._areas.called(row.area) is not None

    def _share(self, name: str, numbers: Sequence[int]) -> Share:
        rows = [self.rows[each] for each in numbers]
        found = sum(each in self.found for each in numbers)
        accidents = [self._matching.by_accident(rows, what) for what in ("version", "area")]
        return Share(name, len(rows), found, *accidents)
