"""The run in Markdown, as the summary of a CI job shows it."""

from collections.abc import Sequence

from takeover.compare.listing import listing
from takeover.model.document import Document
from takeover.report.compared import Compared
from takeover.report.failure import Failure, broken_trace, expected, likely_cause
from takeover.report.page import Section, answer, sections
from takeover.report.templates import render
from takeover.report.without_envoy import WithoutEnvoy, with_failed
from takeover.report.words import spoken
from takeover.scenario.library import Library


def summary(
    library: Library,
    documents: Sequence[Document],
    failures: Sequence[Failure],
    compared: Compared | None = None,
    without_envoy: Sequence[WithoutEnvoy] = (),
) -> str:
    """The answer, the matrix, a paragraph for each failure, and what differs."""
    found = sections(library, documents, failures)
    return render(
        "summary.md.j2",
        answer=with_failed(answer(documents, compared.failing if compared else []), without_envoy),
        documents=documents,
        sections=found,
        differences=list(listing(compared.comparison, compared.kinds)) if compared else [],
        failures=[_told(each, section) for section in found for each in section.failures],
    )


def _told(failure: Failure, section: Section) -> tuple[Failure, str, str, str]:
    broken = broken_trace(failure, section.passed(failure.name))
    return failure, spoken(failure.name), expected(failure, broken), likely_cause(broken)
