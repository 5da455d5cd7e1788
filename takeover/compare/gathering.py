"""What is read as one: kinds that can hurt keep every probe apart, so that who accepts one does not accept all."""

from collections import Counter
from collections.abc import Collection, Iterable

from msgspec.structs import replace

from takeover.compare.comparison import Difference

_MOST_IN_SIGHT = 12


def gathered(differences: Iterable[Difference], failing: Collection[str]) -> list[list[Difference]]:
    """The differences, those together that are of one kind, and changed alike in one scenario on the same Envoys.

    Args:
        failing: the ids of those that fail; the others are not among them.

    Returns: in the order of what comes first in each.
    """
    found: dict[tuple[object, ...], list[Difference]] = {}
    for each in differences:
        changed = (each.kind, each.what, each.was, each.now)
        where = (tuple(each.scenarios), tuple(each.envoys), tuple(each.without))
        found.setdefault((changed, where, each.accepted, each.id in failing), []).append(each)
    return list(found.values())


def too_many(lines: Iterable[list[Difference]], failing: Collection[str]) -> set[str]:
    """The kinds of which there are more lines than a person reads, and none of which fails anything.

    Args:
        lines: each of what is read as one, as `gathered` returns it.
        failing: the kinds that fail.
    """
    number = Counter(alike[0].kind for alike in lines)
    return {kind for kind, count in number.items() if count > _MOST_IN_SIGHT and kind not in failing}


def as_one(alike: list[Difference]) -> Difference:
    """The first of them, at the places of all."""
    return replace(alike[0], places=[place for each in alike for place in each.places])
