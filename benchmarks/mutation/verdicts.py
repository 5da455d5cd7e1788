"""What became of mutants: kept beside the records, so that a long run can go on later; and what is told of them."""

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.mutation.mutations import SUBJECTS, Mutant

Outcome = Literal["killed by tests", "killed by suites", "too slow", "survived"]
_EQUIVALENT = Path(__file__).with_name("equivalent.yaml")


class Verdict(msgspec.Struct, frozen=True):
    """Of one mutant.

    Args:
        mutant: its text.
        by: the test that failed, or whose time was over.
    """

    mutant: str
    subject: str
    outcome: Outcome
    by: str
    seconds: float


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mutant that no test can tell from the library, or that none needs to, and why."""

    file: str
    old: str
    new: str
    why: str
    within: str = ""
    number: int = 0

    @property
    def text(self) -> str:
        """As `Mutant.text`."""
        return Mutant(self.file, self.within, self.old, self.new, self.number, 0, "").text


class Ledger:
    """The verdicts of all runs so far, in a file: a line each, of which the last one of a mutant counts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.verdicts: dict[str, Verdict] = {}
        if file.exists():
            for line in file.read_bytes().splitlines():
                verdict = msgspec.json.decode(line, type=Verdict)
                self.verdicts[verdict.mutant] = verdict

    def add(self, verdict: Verdict) -> None:
        """Keeps one more."""
        self.verdicts[verdict.mutant] = verdict
        with self._file.open("ab") as file:
            file.write(msgspec.json.encode(verdict) + b"\n")


def equivalents(root: Path) -> set[str]:
    """The texts of the mutants that `equivalent.yaml` lists.

    Raises: ValueError for one whose line is not in the project any more.
    """
    listed = msgspec.yaml.decode(_EQUIVALENT.read_bytes(), type=list[Equivalent])
    for each in listed:
        lines = map(str.strip, (root / each.file).read_text().splitlines())
        if each.old not in lines:
            raise ValueError(f"{_EQUIVALENT.name}: {each.file} has no line any more that says: {each.old}")
    return {each.text for each in listed}


def wilson(hits: int, number: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share, of 95 % for that `z`."""
    if not number:
        return 0.0, 1.0
    share, weight = hits / number, z * z / number
    centre = share + weight / 2
    half = z * math.sqrt(share * (1 - share) / number + weight / (4 * number))
    return max(0.0, (centre - half) / (1 + weight)), min(1.0, (centre + half) / (1 + weight))


def summary(verdicts: Iterable[Verdict], equivalent: set[str]) -> list[str]:
    """A line for each subject, one for all of them, and one for each mutant that survived and is not listed."""
    found = list(verdicts)
    lines = [_line(name, [each for each in found if each.subject == name], equivalent) for name in SUBJECTS]
    lines.append(_line("all", found, equivalent))
    return lines + [f"survived: {each.mutant}" for each in unexplained(found, equivalent)]


def unexplained(verdicts: Iterable[Verdict], equivalent: set[str]) -> list[Verdict]:
    """Those that survived and are not listed as equivalent."""
    return [each for each in verdicts if each.outcome == "survived" and each.mutant not in equivalent]


def _line(name: str, verdicts: list[Verdict], equivalent: set[str]) -> str:
    outcomes = Counter(each.outcome for each in verdicts)
    survived = outcomes["survived"]
    same = survived - len(unexplained(verdicts, equivalent))
    number, killed = len(verdicts) - same, len(verdicts) - survived
    low, high = wilson(killed, number)
    share = f"{100 * killed / number:.1f} %" if number else "-"
    return (
        f"{name:<14} {len(verdicts):>4} mutants, {same:>3} equivalent; killed {killed} of {number}: {share} "
        f"({100 * low:.1f} to {100 * high:.1f} %): by tests {outcomes['killed by tests']}, by suites "
        f"{outcomes['killed by suites']}, by their time {outcomes['too slow']}"
    )
