"""Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): ddmin."""

from collections.abc import Callable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def ddmin(items: Sequence[_Item], works: Callable[[Sequence[_Item]], bool]) -> list[_Item]:
    """Those of `items` that are needed for `works`, which holds for all of them; leaving out any one, it does not.

    One among n is found by about log2(n) to 2 log2(n) questions; several that only work together cost more.
    """
    found, parts = list(items), 2
    while len(found) > 1:
        size = -(-len(found) // parts)
        pieces = [found[begin : begin + size] for begin in range(0, len(found), size)]
        rests = [[each for other in pieces if other is not piece for each in other] for piece in pieces]
        smaller = next((each for each in pieces if works(each)), None)
        if smaller is not None:
            found, parts = smaller, 2
        elif len(pieces) > 2 and (smaller := next((each for each in rests if works(each)), None)) is not None:
            found, parts = smaller, max(parts - 1, 2)
        elif len(pieces) == len(found):
            break
        else:
            parts = min(2 * parts, len(found))
    return found
