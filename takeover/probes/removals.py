"""Counts what the rules of normalisation take out of observations, so that what they hide can be told."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import UNSET

from takeover.model.removed import Removed

_MOST_CHARACTERS = 160
"""Of a text; the rest of it is told by its hash."""


class Step(NamedTuple):
    """A rule, as what it makes of a text."""

    rule: str
    apply: Callable[[str], str]
    loses: bool = True
    """Whether what it leaves no longer says all that was there."""
    is_time: bool = False
    """Whether what it takes out is nothing but a time: it may be the same by chance, and says nothing of Envoy."""


def applied(steps: Iterable[Step], text: str) -> str:
    """What all of them make of a text, one after the other."""
    for each in steps:
        text = each.apply(text)
    return text


class Change(NamedTuple):
    """What a rule did to a text: what became of it, and what it would be if that rule alone were not there (or None).

    None: nothing but a time.
    """

    rule: str
    text: str
    was: str | None


def changes(steps: Sequence[Step], text: str) -> tuple[str, list[Change]]:
    """What all of them make of a text; and what each of the rules did to it, by line where the lines stayed as many.

    Where it changed their order alone, no line has become another: it is the whole text that was otherwise.
    """
    changed: list[tuple[int, str]] = []
    for place, step in enumerate(steps):
        before, text = text, step.apply(text)
        if text != before and step.loses:  # else what comes after it would find the same without it
            changed.append((place, before))
    return text, [each for place, before in changed for each in _of_one(steps, place, before, text)]


def _of_one(steps: Sequence[Step], place: int, before: str, normal: str) -> Iterator[Change]:
    """What that one of them did to what it found."""
    without = applied(steps[place + 1 :], before)
    if without == normal:
        return
    lines, others = normal.split("\n"), without.split("\n")
    by_line = len(lines) == len(others) and sorted(lines) != sorted(others)
    pairs = zip(lines, others, strict=True) if by_line else [(normal, without)]
    rule, is_time = steps[place].rule, steps[place].is_time
    yield from (Change(rule, line, None if is_time else other) for line, other in pairs if line != other)


class Removals:
    """What was taken out of the observations of a group's probes, on one deployment.

    A text in two probes of one Envoy that is not the same before a rule is of chance: so much can be told from one run.
    """

    def __init__(self) -> None:
        self._now: dict[tuple[str, str], set[str | None]] = {}
        self._of_probe: list[Change] = []
        self._found: dict[tuple[str, str], Removed] = {}

    def note(self, change: Change) -> None:
        """Takes what a rule did to a text of the probe that is observed."""
        self._now.setdefault((change.rule, change.text), set()).add(change.was)

    def note_of_probe(self, change: Change) -> None:
        """Likewise, of what can be compared with the same probe's alone."""
        self._of_probe.append(change)

    def end(self, scenario: str, probe: str) -> None:
        """The probe's observation is complete."""
        for each in self._of_probe:
            self.note(each._replace(text=f"{scenario} {probe}: {each.text}"))
        for (rule, text), values in self._now.items():
            was = [each for each in values if each is not None]
            told = _short("\n".join(sorted(was))) if len(was) == len(values) else UNSET
            one = Removed(rule, _short(text), 1, told, scenario, probe)
            known = self._found.setdefault((rule, one.text), one)
            if known.was != one.was:
                known.was = UNSET
        self._now, self._of_probe = {}, []

    @property
    def found(self) -> list[Removed]:
        """All of it."""
        return list(self._found.values())


def _short(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_MOST_CHARACTERS]}… ({hashlib.sha256(text.encode()).hexdigest()[:8]})"
