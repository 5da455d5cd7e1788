"""Matches in linear time, as RE2 does, what Python's own matcher would try in every way: of anybody's expressions."""

import re
from collections.abc import Callable, Iterable
from re import _constants as kinds  # type: ignore[attr-defined]  # typeshed knows the parser only by its old name
from typing import Any

_MOST_STATES = 20_000
_FEW = 2


class TooLargeError(ValueError):
    """It has too many states, or something that RE2 has not."""


def is_needed(tree: Iterable[Any], *, of_bounded: bool = True) -> bool:
    """Whether repeats of no fixed number are in each other, or more than two have no end: time may grow much.

    Args:
        of_bounded: whether those count that have an end: time grows as much as their bounds allow.
    """
    number, is_nested = _repeats(tree, inside=False, of_bounded=of_bounded)
    return is_nested or number > _FEW


def _repeats(tree: Iterable[Any], *, inside: bool, of_bounded: bool) -> tuple[int, bool]:
    number, is_nested = 0, False
    for kind, value in tree:
        parts: list[tuple[Any, bool]] = []
        if kind is kinds.BRANCH:
            parts = [(each, inside) for each in value[1]]
        elif kind is kinds.SUBPATTERN:
            parts = [(value[-1], inside)]
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
            least, most, part = value
            is_endless = most is kinds.MAXREPEAT
            is_several = is_endless or most > 1
            counts = is_endless or (of_bounded and is_several and least != most)
            number, is_nested = number + is_endless, is_nested or (inside and counts)
            parts = [(part, inside or is_several)]
        for part, is_inside in parts:
            more, nested = _repeats(part, inside=is_inside, of_bounded=of_bounded)
            number, is_nested = number + more, is_nested or nested
    return number, is_nested


class Automaton:
    """A parsed expression as states that are all followed at once.

    Args:
        tree: as Python's parser gives it.
        one: matches a single character with an item of it.
    """

    def __init__(self, tree: Any, one: Callable[[Any, Any, str], bool]) -> None:
        self._one, self._ignores_case = one, bool(tree.state.flags & re.IGNORECASE)
        self._states: list[tuple[Any, Any, tuple[int, ...]]] = [(None, None, ())]
        self._begin = self._sequence(list(tree), 0)

    def matches(self, text: str) -> bool:
        """Whether all of the text is matched."""
        now = self._closed({self._begin}, 0, len(text))
        for place, character in enumerate(text):
            met = {each for each in now if self._takes(each, character)}
            now = self._closed({self._states[each][2][0] for each in met}, place + 1, len(text))
            if not now:
                return False
        return 0 in now

    def _takes(self, state: int, character: str) -> bool:
        kind, value, _ = self._states[state]
        if kind is None or kind is kinds.AT:
            return False
        if self._ignores_case:
            return any(self._one(kind, value, each) for each in {character.lower(), character.upper()})
        return self._one(kind, value, character)

    def _closed(self, states: set[int], place: int, length: int) -> set[int]:
        """With all that is reached without a character."""
        waiting, seen = list(states), set(states)
        while waiting:
            kind, value, following = self._states[waiting.pop()]
            if kind is kinds.AT:
                is_begin = value in (kinds.AT_BEGINNING, kinds.AT_BEGINNING_STRING)
                following = following if place == (0 if is_begin else length) else ()
            elif kind is not None:
                continue
            for each in following:
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return seen

    def _state(self, kind: Any, value: Any, *following: int) -> int:
        if len(self._states) >= _MOST_STATES:
            raise TooLargeError(f"an expression of more than {_MOST_STATES} states")
        self._states.append((kind, value, following))
        return len(self._states) - 1

    def _sequence(self, items: list[Any], following: int) -> int:
        for kind, value in reversed(items):
            following = self._item(kind, value, following)
        return following

    def _item(self, kind: Any, value: Any, following: int) -> int:
        if kind is kinds.BRANCH:
            return self._state(None, None, *(self._sequence(list(each), following) for each in value[1]))
        if kind is kinds.SUBPATTERN:
            if value[1] or value[2]:
                raise TooLargeError("flags of a group")
            return self._sequence(list(value[-1]), following)
        if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
            return self._repeat(value[0], value[1], list(value[2]), following)
        if kind is kinds.AT and value not in _ENDS:
            raise TooLargeError("bounds of words")
        if kind not in _SINGLE and kind is not kinds.AT:
            raise TooLargeError(f"RE2 has no {str(kind).lower()}")
        return self._state(kind, value, following)

    def _repeat(self, least: int, most: Any, items: list[Any], following: int) -> int:
        if most is kinds.MAXREPEAT:
            loop = self._state(None, None)
            self._states[loop] = (None, None, (self._sequence(items, loop), following))
            following = loop
        else:
            end = following
            for _ in range(int(most) - least):
                following = self._state(None, None, self._sequence(items, following), end)
        for _ in range(least):
            following = self._sequence(items, following)
        return following


_SINGLE = (kinds.LITERAL, kinds.NOT_LITERAL, kinds.ANY, kinds.IN)
_ENDS = (kinds.AT_BEGINNING, kinds.AT_BEGINNING_STRING, kinds.AT_END, kinds.AT_END_STRING)
