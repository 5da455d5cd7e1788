"""The page: one file that needs nothing else, and says nothing that a document does not."""

from collections.abc import Sequence
from dataclasses import dataclass

from takeover.report import pictures
from takeover.report.differing import Compared, DifferenceView, counts, views
from takeover.report.failure import Failure, broken_way, expected, likely_cause, witnesses
from takeover.report.outcomes import Outcome, outcomes
from takeover.report.page import SYMBOLS, WORDS, Section, answer, sections
from takeover.report.pictures import Pair, Picture
from takeover.report.templates import render
from takeover.report.words import spoken
from takeover.results.document import Document


@dataclass(frozen=True)
class _FailureView:
    """A failure, ready to be shown."""

    failure: Failure
    title: str
    expected: str
    cause: str
    witnesses: Sequence[tuple[str, str]]
    picture: Picture | None


@dataclass(frozen=True)
class _SectionView:
    """A section, ready to be shown."""

    section: Section
    failures: Sequence[_FailureView]
    differing: Sequence[Pair]
    plots: Sequence[Picture]
    outcomes: Sequence[Outcome]
    ways: Sequence[Picture]
    differences: Sequence[DifferenceView]


def index(documents: Sequence[Document], failures: Sequence[Failure], compared: Compared | None = None) -> str:
    """The HTML of the page."""
    found = sections(documents, failures)
    failing = compared.failing if compared else []
    listed = views(compared, documents) if compared else []
    return render(
        "index.html.j2",
        answer=answer(documents, failing),
        compared=compared,
        differences=listed,
        only_counted=counts(compared) if compared else {},
        documents=documents,
        sections=[_section(each, listed) for each in found],
        symbols=SYMBOLS,
        words=WORDS,
        is_good=all(each.state not in ("fail", "not-run") for each in found) and bool(documents) and not failing,
        spoken=spoken,
    )


def _section(section: Section, differences: Sequence[DifferenceView]) -> _SectionView:
    asks_a_service = "auth" in section.about.name
    return _SectionView(
        section,
        [_failure(each, section) for each in section.failures],
        pictures.differing(section),
        pictures.plots(section),
        outcomes(each.hops for each in section.blocks) if asks_a_service else [],
        pictures.ways(section),
        [each for each in differences if section.about.name and section.about.name in each.difference.scenarios],
    )


def _failure(failure: Failure, section: Section) -> _FailureView:
    title = spoken(failure.name)
    elsewhere = [each for each in section.blocks if each.test == failure.name]
    passed_on = [each for each in elsewhere if each.release == elsewhere[0].release]
    broken = broken_way(failure, [each.hops for each in passed_on])
    cause = likely_cause(broken)
    drawn = pictures.picture(broken, f"The path: {title}", cause) if broken is not None else None
    block = failure.evidence[-1] if failure.evidence else []
    return _FailureView(failure, title, expected(failure, broken), cause, witnesses(block), drawn)
