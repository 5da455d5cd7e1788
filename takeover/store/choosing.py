"""Which results a name means, where both the latest run and the published ones have some: those that tell more."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from takeover.compare.documents import Reach
from takeover.model.document import Document
from takeover.store import documents as store


@dataclass(frozen=True)
class Choice:
    """A file that was chosen.

    Args:
        instead_of: the one of the latest run, where the file is another one.
        because: what that one lacks.
    """

    path: Path
    instead_of: Path | None = None
    because: str = ""


@dataclass(frozen=True)
class _Candidate:
    path: Path
    reach: Reach
    lacks: str

    def common(self, other: "_Candidate") -> int:
        """How many tests and probes can be compared."""
        return len(self.reach.observed & other.reach.observed)


def choose(candidates: Sequence[Sequence[Path]]) -> list[Choice]:
    """A file for each name, so that as much as possible can be compared with the first one's.

    Args:
        candidates: for each name the files that it may mean, the one to be preferred first.

    Raises: BadInputError for one that cannot be read.
    """
    if all(len(each) == 1 for each in candidates):
        return [Choice(path) for (path,) in candidates]
    firsts, *others = [[_candidate(path) for path in each] for each in candidates]
    best, most = [firsts[0]], -1
    for first in firsts:
        chosen = [max(each, key=first.common) for each in others]
        if (count := sum(map(first.common, chosen))) > most:
            best, most = [first, *chosen], count
    return [
        Choice(each.path) if each.path == given[0].path else Choice(each.path, given[0].path, given[0].lacks)
        for each, given in zip(best, [firsts, *others], strict=True)
    ]


def _candidate(path: Path) -> _Candidate:
    document = store.read(path)
    return _Candidate(path, Reach.of(document), _lacks(document))


def _lacks(document: Document) -> str:
    if not document.complete:
        return "was stopped before its end"
    return "ran a part of the suites" if document.probes else "observed no probe"
