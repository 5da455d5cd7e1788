"""The page: one file that needs nothing else, and says nothing that a document does not."""

from collections.abc import Sequence
from dataclasses import dataclass

from takeover.compare.listing import extent, nothing_compared
from takeover.model.document import Document
from takeover.report import pictures
from takeover.report.checked import check_view
from takeover.report.compared import Compared, DifferenceView, by_kind, counts, unstable_views, views
from takeover.report.failure import Failure, broken_trace, expected, likely_cause, witnesses
from takeover.report.outcomes import Outcome, outcomes
from takeover.report.page import SYMBOLS, WORDS, Section, answer, is_good, sections
from takeover.report.pictures import Pair, Picture
from takeover.report.templates import render
from takeover.report.without_envoy import WithoutEnvoy, has_failed, with_failed
from takeover.report.words import counted, listed, spoken
from takeover.scenario.library import Library


@dataclass(frozen=True)
class _FailureView:
    """A failure, ready to be shown."""

    failure: Failure
    title: str
    expected: str
    cause: str
    witnesses: Sequence[tuple[str, str]]
    passes_on: Sequence[str]
    picture: Picture | None


@dataclass(frozen=True)
class _SectionView:
    """A section, ready to be shown."""

    section: Section
    failures: Sequence[_FailureView]
    differing: Sequence[Pair]
    plots: Sequence[Picture]
    outcomes: Sequence[Outcome]
    traces: Sequence[Picture]
    differences: Sequence[DifferenceView]


def index(
    library: Library,
    documents: Sequence[Document],
    failures: Sequence[Failure],
    compared: Compared | None = None,
    without_envoy: Sequence[WithoutEnvoy] = (),
) -> str:
    """The HTML of the page."""
    found = sections(library, documents, failures)
    failing = compared.failing if compared else []
    differences = views(compared, documents) if compared else []
    return render(
        "index.html.j2",
        answer=with_failed(answer(documents, failing), without_envoy),
        compared=compared,
        differences=by_kind(differences),
        only_counted=counts(compared) if compared else {},
        extent=extent(compared.comparison) if compared else "",
        nothing_compared=nothing_compared(compared.comparison) if compared else "",
        unstable=unstable_views(compared, documents) if compared else [],
        documents=documents,
        check=check_view(documents, differences),
        sections=[_section(each, differences, [document.envoy.name for document in documents]) for each in found],
        symbols=SYMBOLS,
        words=WORDS,
        is_good=is_good(documents, failing) and not has_failed(without_envoy),
        spoken=spoken,
        counted=counted,
        listed=listed,
    )


def _section(section: Section, differences: Sequence[DifferenceView], releases: Sequence[str]) -> _SectionView:
    return _SectionView(
        section,
        [_failure(each, section, releases) for each in section.failures],
        pictures.differing(section),
        pictures.plots(section),
        outcomes(section.blocks),
        pictures.traces(section),
        [each for each in differences if section.about.name and section.about.name in each.difference.scenarios],
    )


def _failure(failure: Failure, section: Section, releases: Sequence[str]) -> _FailureView:
    title = spoken(failure.name)
    broken = broken_trace(failure, section.passed(failure.name))
    cause = likely_cause(broken)
    drawn = pictures.picture(broken.view, f"The trace: {title}", cause) if broken is not None else None
    said = witnesses(broken.block) if broken is not None else []
    (row,) = [each for each in section.tests if each.name == failure.name]
    passes = [name for name, each in zip(releases, row.outcomes, strict=True) if each and each.state == "pass"]
    return _FailureView(failure, title, expected(failure, broken), cause, said, passes, drawn)
