"""The run in Markdown, as the summary of a CI job shows it."""

from collections.abc import Sequence

from takeover.report.failure import Failure, broken_way, expected, likely_cause
from takeover.report.page import answer, sections
from takeover.report.templates import render
from takeover.report.words import spoken
from takeover.results.document import Document


def summary(documents: Sequence[Document], failures: Sequence[Failure]) -> str:
    """The answer, the matrix, and a paragraph for each failure."""
    return render(
        "summary.md.j2",
        answer=answer(documents),
        documents=documents,
        sections=sections(documents, failures),
        failures=[_told(each) for each in failures],
    )


def _told(failure: Failure) -> tuple[Failure, str, str, str]:
    broken = broken_way(failure)
    return failure, spoken(failure.name), expected(failure, broken), likely_cause(broken)
