"""What the rules of normalisation hide between two Envoys: what differs before a rule, and not after it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec import UNSET

from takeover.model.document import Document
from takeover.model.removed import Removed

_CERTAIN = 2
"""On so many deployments of each Envoy a text must be the same: what came on one alone may be of chance."""
_MOST_UNDECIDED = 3


class Hidden(msgspec.Struct, frozen=True):
    """What one rule took out of two Envoys' observations.

    Args:
        rule: its name.
        envoy: the one that was compared with the first.
        texts: how many texts it made the same on both.
        of_chance: how many of them are not always the same on one Envoy alone: what the rule is for.
        alike: how many are the same before it, too.
        differing: those that are always the same on one Envoy, and not on the other: what the rule hides.
        undecided: those that differ, and came too seldom to tell; each with a probe that tells when made again.
    """

    rule: str
    envoy: str
    texts: int
    of_chance: int
    alike: int
    differing: list[tuple[str, str, str]]
    undecided: list[tuple[str, str]]

    @property
    def wanted(self) -> list[tuple[str, str]]:
        """The probes that, made again, decide whether it hides something: a few; none if that is known already."""
        return [] if self.differing else list(dict.fromkeys(self.undecided))[:_MOST_UNDECIDED]


def hidden(envoy: str, old: Sequence[Removed], new: Sequence[Removed]) -> Iterator[Hidden]:
    """For each rule what it took out of both; of documents that do not tell of it, nothing."""
    known = {(each.rule, each.text): each for each in old}
    both = [(known[each.rule, each.text], each) for each in new if (each.rule, each.text) in known]
    for rule in dict.fromkeys(each.rule for _, each in both):
        pairs = [(was, now) for was, now in both if now.rule == rule]
        steady = [(was, now) for was, now in pairs if was.was is not UNSET and now.was is not UNSET]
        unlike = [(was, now) for was, now in steady if was.was != now.was]
        certain = [(was, now) for was, now in unlike if min(was.times, now.times) >= _CERTAIN]
        yield Hidden(
            rule,
            envoy,
            len(pairs),
            len(pairs) - len(steady),
            len(steady) - len(unlike),
            [(now.text, str(was.was), str(now.was)) for was, now in certain],
            [(now.scenario, now.probe) for was, now in unlike if (was, now) not in certain],
        )


def taken_out(documents: Mapping[str, Callable[[], Document]]) -> list[Hidden]:
    """The same for each of several documents and the first of them, read one at a time."""
    (_, read_first), *others = documents.items()
    first = read_first().removed or []
    return [each for label, read in others for each in hidden(label, first, read().removed or [])]


def by_rule(found: Sequence[Hidden]) -> str:
    """How many texts each rule made the same, with all Envoys together, on one line."""
    texts: Counter[str] = Counter()
    for each in found:
        texts[each.rule] += each.texts
    return ", ".join(f"{number} by {rule}" for rule, number in texts.items())


def remark(found: Hidden) -> str:
    """What a rule hides, in one line."""
    number = len(found.differing)
    text, was, now = found.differing[0]
    return f"{found.rule} in {found.envoy}: {number} text{'s' * (number > 1)}, such as {was!r} → {now!r} ({text!r})"
