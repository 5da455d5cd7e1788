"""Requests to look at one after the other, the nearest first, until one is what is looked for."""

from collections import deque
from collections.abc import Iterable, Iterator

from takeover.check.derive.ask import Ask


class Nearby:
    """Begins with one request; whoever looks at them adds those that are near it. None comes twice.

    Args:
        most: so many are looked at.
    """

    def __init__(self, first: Ask, most: int) -> None:
        self._waiting, self._seen, self._most = deque([first]), {_told_apart(first)}, most

    def __iter__(self) -> Iterator[Ask]:
        for _ in range(self._most):
            if not self._waiting:
                return
            yield self._waiting.popleft()

    def add(self, asks: Iterable[Ask]) -> None:
        """Those that were not there yet are looked at later."""
        for each in asks:
            if _told_apart(each) not in self._seen:
                self._seen.add(_told_apart(each))
                self._waiting.append(each)


def _told_apart(ask: Ask) -> object:
    """What one is known by: all that anybody looks at of it."""
    return ask.key, ask.origin, ask.answered
