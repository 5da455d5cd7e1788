"""A condition of requests, or of connections, as a predicate."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from takeover.check.derive.predicates import Condition

S = TypeVar("S")


@dataclass(frozen=True)
class Plain(Generic[S]):
    """A condition for which there is one reason alone."""

    condition: Condition[S]

    @property
    def words(self) -> str:
        """What it is."""
        return self.condition.words

    def fits(self, of: S) -> bool:
        """Whether it is so."""
        return self.condition.fits(of)

    def made(self, of: S) -> S:
        """The same, changed so that it is."""
        return self.condition.made(of)

    def missed(self, of: S) -> Iterator[tuple[str, S]]:
        """Those of which it just is not so."""
        yield from self.condition.missed(of)

    def others(self, of: S) -> Iterator[tuple[str, S]]:
        """None."""
        del of
        yield from ()
