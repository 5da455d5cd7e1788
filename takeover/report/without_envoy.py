"""Tests without an Envoy: no document has them, and one that failed has failed the run all the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from takeover.model.document import Outcome
from takeover.report.words import counted, listed

_MOST_NAMES = 3


@dataclass(frozen=True)
class WithoutEnvoy:
    """Such a test, or a file of tests that could not be collected.

    Args:
        message: what it failed with, as long as it was.
    """

    outcome: Outcome
    message: str = ""


def has_failed(tests: Sequence[WithoutEnvoy]) -> bool:
    """Whether one of them has."""
    return any(each.outcome.state == "fail" for each in tests)


def with_failed(sentence: str, tests: Sequence[WithoutEnvoy]) -> str:
    """A run's answer in one sentence, and which of these tests failed."""
    failed = [each.outcome.name for each in tests if each.outcome.state == "fail"]
    if not failed:
        return sentence
    names = listed(failed) if len(failed) <= _MOST_NAMES else f"{', '.join(failed[:_MOST_NAMES])} and others"
    return f"{sentence.removesuffix('.')}; {counted(len(failed), 'test')} without an Envoy failed: {names}."
