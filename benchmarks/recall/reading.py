"""What a reader says shows a documented change, held against what runs showed.

Words are not all: a reader knows that `b3` in what the upstream echoes is a header, and that a shadow's host is told by
its answer. So read.yaml says for a row where and as what its change shows, and that counts where the results say so.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.recall.areas import NAMELESS
from benchmarks.recall.findings import Finding, Pair, Probe
from benchmarks.recall.rows import Row
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.compare.kinds import BY_NAME

FILE = Path(__file__).with_name("read.yaml")


class Reading(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where and as what a row's change shows.

    Args:
        version: the row's.
        area: the row's.
        change: words that stand in what the row says of the change.
        scenario: where it shows.
        probe: pattern of the names of probes there, as a whole.
        kind: of the difference.
        shows: pattern of `WHAT: WAS → NOW`, where what is absent is `nothing`; of statistics, whose names help nothing,
            of `WAS → NOW`.
    """

    version: str
    area: str
    change: str
    scenario: str
    probe: str
    kind: str
    shows: str

    def is_of(self, row: Row) -> bool:
        """Whether it says what shows that row."""
        return str(row.versions[0]) == self.version and row.area == self.area and self.change in row.change

    def places(self, finding: Finding) -> list[Probe]:
        """Where that difference is the one that is meant."""
        if finding.kind != self.kind or not re.search(self.shows, _told(finding), re.DOTALL):
            return []
        return [each for each in finding.places if each[0] == self.scenario and re.fullmatch(self.probe, each[1])]


Shown = tuple[Finding, Probe]
"""A difference, and one probe at which it shows."""


class Readings:
    """What a reader says of a list's rows.

    Args:
        findings: what differs between neighbours, each where it first shows.
    """

    def __init__(self, readings: Sequence[Reading], findings: Mapping[Pair, Sequence[Finding]]) -> None:
        self._readings = readings
        self._findings = findings

    def found(self, rows: Sequence[Row]) -> dict[int, Shown]:
        """A row's place in the list → what shows it, between the versions between which it came, and no others.

        No two rows are shown by one difference at one probe. Raises: BadInputError for words that are of two rows, and
        for two that are of one.
        """
        found: dict[int, Shown] = {}
        taken: set[tuple[int, Probe]] = set()
        said: set[int] = set()
        for reading in self._readings:
            numbers = [number for number, row in enumerate(rows) if reading.is_of(row)]
            if len(numbers) > 1 or said & {*numbers}:
                raise BadInputError(
                    f"{reading.version} {reading.area}: {reading.change!r}: a row has one reading, and a reading one"
                    " row: name words that are of that row alone"
                )
            said |= {*numbers}
            for number in numbers:
                free = (each for each in self._shown(reading, rows[number]) if _key(each) not in taken)
                if one := next(free, None):
                    found[number] = one
                    taken.add(_key(one))
        return dict(sorted(found.items()))

    def _shown(self, reading: Reading, row: Row) -> list[Shown]:
        own: list[Shown] = []
        for pair, findings in self._findings.items():
            shown = [(each, place) for each in findings for place in reading.places(each)]
            if any(map(pair.holds, row.versions)):
                own += shown
            elif shown:
                return []  # it is not what came then
        return own


def read(file: Path = FILE) -> list[Reading]:
    """The readings. Raises: BadInputError."""
    try:
        found = msgspec.yaml.decode(file.read_bytes(), type=list[Reading])
        for pattern in (pattern for each in found for pattern in (each.probe, each.shows)):
            re.compile(pattern)
    except (OSError, msgspec.MsgspecError, re.error) as error:
        raise BadInputError(f"{display_path(file)}: cannot be read: {error}: give a list of readings") from error
    if unknown := {each.kind for each in found} - BY_NAME.keys():
        raise BadInputError(f"{display_path(file)}: no kind {', '.join(sorted(unknown))}: see docs/upgrade.md")
    return found


def _told(finding: Finding) -> str:
    was, now = ("nothing" if each is None else each for each in (finding.was, finding.now))
    change = f"{was} → {now}"
    return change if finding.kind in NAMELESS else f"{finding.what}: {change}"


def _key(shown: Shown) -> tuple[int, Probe]:
    finding, place = shown
    return id(finding), place
