"""Each way in which a predicate can be so, by itself, and what is so in that way."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TypeVar

from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.predicates import All, Any, Not, Predicate, Single

S = TypeVar("S")
_TRIES = 200


def alternatives(predicate: Predicate[S]) -> Iterator[All[S]]:
    """Each way in which it can be so, with nothing in it of which some is enough: its disjunctive normal form.

    They may be as many as the product of what each `Any` has: take as many as are of use.
    """
    if isinstance(predicate, Any):
        for each in predicate.parts:
            yield from alternatives(each)
    elif isinstance(predicate, All):
        yield from _products(predicate.parts)
    else:
        yield All((predicate,))


def _products(parts: Sequence[Predicate[S]]) -> Iterator[All[S]]:
    if not parts:
        yield All(())
        return
    for first in alternatives(parts[0]):
        yield from (All((*first.parts, *rest.parts)) for rest in _products(parts[1:]))


def met(way: All[S], of: S) -> S:
    """The same, changed so that all of it is so. Raises: CannotMakeError, UnsureError."""
    if (made := next(all_met(way, of), None)) is not None:
        return made
    raise CannotMakeError(f"{way.words}: not all at once")


def all_met(way: All[S], of: S) -> Iterator[S]:
    """Each change of it that is known by which all of it is so. Raises: CannotMakeError, UnsureError."""
    yield from (made for made in itertools.islice(_tried(way.parts, of), _TRIES) if way.fits(made))


def _tried(parts: Sequence[Predicate[S]], of: S) -> Iterator[S]:
    """With one part after the other, by each value that is known for it: one may leave room for what follows."""
    if not parts:
        yield of
        return
    for made in _candidates(parts[0], of):
        yield from _tried(parts[1:], made)


def _candidates(part: Predicate[S], of: S) -> Iterator[S]:
    try:
        first = part.made(of)
    except (CannotMakeError, UnsureError):
        return
    yield first
    if isinstance(part, Single):
        yield from (made for made in part.every(of) if made != first)
    if isinstance(part, Not) and not part.fits(of):
        yield from (near for _, near in part.part.missed(of))
