"""What differs between Envoys, ready to be shown: each difference with both observations next to each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from takeover.compare.comparison import Comparison, Difference
from takeover.compare.detail import Beside, beside, example
from takeover.compare.gathering import as_one, gathered, too_many
from takeover.compare.kinds import BY_NAME
from takeover.compare.listing import values
from takeover.compare.since import since
from takeover.model.document import Document
from takeover.report.words import listed, spoken
from takeover.store.bounds import cut

# What one probe may add to the page, however much differs in it.
_MOST_TABLES = 10
_MOST_ROWS = 80
_MOST_OF_A_CELL = 2_000
_MOST_OF_A_COMMAND = 8_000


@dataclass(frozen=True)
class Compared:
    """A comparison, and the kinds of differences that fail the run."""

    comparison: Comparison
    kinds: Iterable[str]

    @property
    def failing(self) -> list[Difference]:
        """The differences that fail it."""
        return self.comparison.failing(self.kinds)

    def without_what_is_not_shown(self, document: Document) -> Document:
        """The document with the observations of those probes alone that `views` shows of it; changes it."""
        shown = {
            (place.scenario, place.probe)
            for each in [*self.comparison.differences, *(each.difference for each in self.comparison.unstable)]
            if document.envoy.name in (self.comparison.baseline, each.envoys[0])
            for place in [example(each)]
        }
        document.probes = [each for each in document.probes if (each.scenario, each.probe) in shown]
        return document


@dataclass(frozen=True)
class DifferenceView:
    """A difference, and what its kind means; `was` and `now` are short.

    Args:
        example: both observations, as far as there is room; None for one of the binary.
        see: another difference's id, where that one shows the same observations.
    """

    difference: Difference
    about: str
    where: str
    was: str
    now: str
    since: str
    fails: bool
    example: Beside | None
    see: str


def views(compared: Compared, documents: Sequence[Document]) -> list[DifferenceView]:
    """Those that are not only counted, worst first.

    Args:
        documents: those that were compared, among them the baseline's.
    """
    told, _ = compared.comparison.told_and_counted(compared.kinds)
    return _views(compared, told, documents)


@dataclass(frozen=True)
class RowView:
    """Differences that are read as one, since they changed alike: those of several probes, or one alone."""

    where: str
    alike: Sequence[DifferenceView]


@dataclass(frozen=True)
class KindView:
    """All differences of one kind.

    Args:
        number: how many there are.
        is_folded: whether they are too many to be seen at once, and none of them fails the run.
    """

    kind: str
    about: str
    number: int
    is_folded: bool
    rows: Sequence[RowView]


def by_kind(found: Sequence[DifferenceView]) -> list[KindView]:
    """What `views` returned, as it is laid out."""
    by_id = {each.difference.id: each for each in found}
    failing = {each.difference.id for each in found if each.fails}
    rows: dict[str, list[RowView]] = {}
    lines = gathered((each.difference for each in found), failing)
    for alike in lines:
        row = RowView(_where(as_one(alike)), [by_id[each.id] for each in alike])
        rows.setdefault(alike[0].kind, []).append(row)
    fail = {name for name, each in rows.items() if any(row.alike[0].fails for row in each)}
    folded = too_many(lines, fail)
    return [
        KindView(name, BY_NAME[name].about, sum(len(row.alike) for row in each), name in folded, each)
        for name, each in rows.items()
    ]


def unstable_views(compared: Compared, documents: Sequence[Document]) -> list[tuple[str, DifferenceView]]:
    """What is unstable: its share in words, and how it looked."""
    unstable = compared.comparison.unstable
    shown = _views(compared, [each.difference for each in unstable], documents)
    return list(zip([each.share for each in unstable], shown, strict=True))


def _views(
    compared: Compared, differences: Sequence[Difference], documents: Sequence[Document]
) -> list[DifferenceView]:
    by_name = {each.envoy.name: each for each in documents}
    baseline = by_name[compared.comparison.baseline]
    failing = {each.id for each in compared.failing}
    program = compared.comparison.program
    shown: dict[tuple[str, str, str], list[str]] = {}
    found = []
    for each in differences:
        place = example(each)
        same = shown.setdefault((place.scenario, place.probe, each.envoys[0]), [])
        both = beside(each, baseline, by_name[each.envoys[0]], program) if len(same) < _MOST_TABLES else None
        if both is not None:
            same.append(each.id)
        found.append(
            DifferenceView(
                each,
                BY_NAME[each.kind].about,
                _where(each),
                *values(each.was, each.now),
                since(compared.comparison, each),
                each.id in failing and compared.comparison.unstable_of(each) is None,
                both and _with_room(both),
                same[0] if both is None and same else "",
            )
        )
    return found


def _with_room(both: Beside) -> Beside:
    """So much of it as the page has room for: what differs rather than what does not."""
    first = sorted(range(len(both.facts)), key=lambda number: both.facts[number][1] == both.facts[number][2])
    kept = sorted(first[:_MOST_ROWS])
    facts = [
        (cut(name, _MOST_OF_A_CELL), cut(was, _MOST_OF_A_CELL), cut(now, _MOST_OF_A_CELL))
        for name, was, now in (both.facts[number] for number in kept)
    ]
    if len(both.facts) > _MOST_ROWS:
        facts.append((f"and {len(both.facts) - _MOST_ROWS} more", "takeover compare --show has them", ""))
    return replace(both, facts=facts, commands=[cut(each, _MOST_OF_A_COMMAND) for each in both.commands])


def counts(compared: Compared) -> dict[str, list[str]]:
    """Kind → names of what is merely new or gone in the binary, and fails nothing."""
    found: dict[str, list[str]] = {}
    _, only_counted = compared.comparison.told_and_counted(compared.kinds)
    for each in only_counted:
        found.setdefault(each.kind, []).append(f"{each.what} ({each.envoys[0]})")
    return found


def _where(difference: Difference) -> str:
    """One place by its name, several by their number."""
    scenarios = [each for each in difference.scenarios if each]
    probes = {(each.scenario, each.probe) for each in difference.places}
    if len(probes) == 1:
        scenario, probe = probes.pop()
        return " ".join(filter(None, (scenario, spoken(probe) if "::" in probe else probe)))
    return f"{listed(scenarios)}, {len(probes)} places"
