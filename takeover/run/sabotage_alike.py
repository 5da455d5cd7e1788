"""Sabotages of one scenario that the same test catches for the same reason: one of them proves as much as all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from takeover.run.added_reports import failed
from takeover.run.record import SabotageOutcome


@dataclass(frozen=True)
class CaughtAlike:
    """Some that nothing tells from each other on that Envoy.

    Args:
        labels: theirs, at least two.
    """

    labels: tuple[str, ...]
    release: str
    caught_by: str
    reason: str

    @property
    def line(self) -> str:
        """What is told of them."""
        names = [self.labels[0], *(each.partition("/")[2] for each in self.labels[1:])]
        return f"caught alike: {', '.join(names[:-1])} and {names[-1]}, by {self.caught_by}: {self.reason}"

    def report(self, where: str) -> pytest.TestReport:
        """They as a failed test.

        Args:
            where: FILE:LINE of the last one.
        """
        file, _, line = where.rpartition(":")
        name = f"alike[{'+'.join(self.labels)}-envoy-{self.release}]"
        remedy = "let a test tell them apart, or make another mistake of one"
        return failed(f"{file}::{name}", (file, int(line) - 1, name), self.line, f"{self.line}\n{remedy}")


def caught_alike(outcomes: Sequence[SabotageOutcome]) -> Iterator[CaughtAlike]:
    """The groups of those that are, in the order of their first ones."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for each in outcomes:
        if each.caught_by:
            key = each.scenario, each.release, each.caught_by, each.reason
            groups.setdefault(key, []).append(f"{each.scenario}/{each.name}")
    for (_, release, caught_by, reason), labels in groups.items():
        if len(labels) > 1:
            yield CaughtAlike(tuple(labels), release, caught_by, reason)
