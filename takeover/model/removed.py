"""What the rules of normalisation took out of a run's observations, as its document keeps it."""

from collections import Counter
from collections.abc import Iterable

from msgspec import UNSET, Struct, UnsetType

_MOST_TEXTS = 300
"""Of a rule; the rarer ones are left out."""


class Removed(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A text that a rule changed.

    Args:
        rule: its name.
        text: what became of it, in its normal form; its first characters. Of what is a probe's alone, after
            "SCENARIO PROBE: ".
        times: on how many deployments it came.
        was: what it would be without the rule, where that was the same in all of them; not there if it was not, so
            that it is of chance on one Envoy alone.
        scenario: that of a probe in which it came.
        probe: that probe, as GROUP/PROBE.
    """

    rule: str
    text: str
    times: int
    was: str | UnsetType = UNSET
    scenario: str = ""
    probe: str = ""


def merged(one: Removed, other: Removed) -> Removed:
    """Both, of one rule and text, as one."""
    same = one.was is not UNSET and one.was == other.was
    return Removed(
        one.rule, one.text, one.times + other.times, one.was if same else UNSET, one.scenario, one.probe
    )  # fmt: skip


def together(found: Iterable[Removed]) -> list[Removed]:
    """What several groups' are, sorted; of a rule no more texts than there is room for, the most frequent ones."""
    known: dict[tuple[str, str], Removed] = {}
    for each in found:
        key = (each.rule, each.text)
        known[key] = merged(known[key], each) if key in known else each
    number: Counter[str] = Counter()
    kept = []
    for each in sorted(known.values(), key=lambda each: (each.rule, -each.times, each.text)):
        number[each.rule] += 1
        if number[each.rule] <= _MOST_TEXTS:
            kept.append(each)
    return kept
