"""Texts that a regular expression of RE2 matches as a whole, and ones that it just does not."""

import functools
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from re import _constants as kinds  # type: ignore[attr-defined]  # typeshed knows the parser only by its old name
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from takeover.check.derive import linear

_LONGEST = 2_000
_POSIX = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "ascii": r"\x00-\x7f", "blank": r" \t", "digit": "0-9", "lower": "a-z",
    "upper": "A-Z", "word": r"\w", "xdigit": "0-9a-fA-F", "space": r"\s", "punct": r"!-/:-@\[-`{-~",
    "^digit": r"\D", "^word": r"\W", "^space": r"\S",
}  # fmt: skip
# What stands first is taken where a class leaves the choice: what is itself in a path, a header's value, a name.
_PREFERRED = "a1bcdefghijklmnopqrstuvwxyz023456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~/=:,;@+*!$&'()% "
_DIGITS, _SPACE = frozenset("0123456789"), frozenset(" \t\n\r\f\v")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_CATEGORIES = {
    kinds.CATEGORY_DIGIT: (_DIGITS, True), kinds.CATEGORY_NOT_DIGIT: (_DIGITS, False),
    kinds.CATEGORY_SPACE: (_SPACE, True), kinds.CATEGORY_NOT_SPACE: (_SPACE, False),
    kinds.CATEGORY_WORD: (_WORD, True), kinds.CATEGORY_NOT_WORD: (_WORD, False),
}  # fmt: skip


class CannotMakeError(ValueError):
    """There is no text for it that we know how to make."""


def matches(expression: str, text: str) -> bool:
    """Whether the expression matches all of the text. Raises: CannotMakeError."""
    return _matcher(expression)(text)


def matching(expression: str, begins: str = "", allowed: str = _PREFERRED) -> str:
    """A text that the expression matches as a whole.

    Args:
        expression: of RE2.
        begins: with what it begins, if it can: a path with a slash.
        allowed: the characters that may be chosen where it leaves the choice, the best ones first.

    Raises: CannotMakeError.
    """
    fits = _matcher(expression)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of a bracket in a class, which RE2 takes as it is
        tree = parser.parse(_translated(expression))
    for number, text in enumerate(_texts(tree, allowed)):
        if text.startswith(begins) and fits(text):
            return text
        if number == 50:
            break
    raise CannotMakeError(f"no text that {expression} matches could be made")


def not_matching(expression: str, text: str) -> str:
    """The text, changed as little as we can, so that the expression does not match it. Raises: CannotMakeError."""
    for near in _near(text):
        if near != text and not matches(expression, near):
            return near
    raise CannotMakeError(f"{expression} matches all that is near {text}")


def _near(text: str) -> Iterator[str]:
    yield text + "x"
    yield text + "-"
    yield text[:-1]
    for place in range(len(text) - 1, -1, -1):
        if text[place] != "/":
            yield text[:place] + ("0" if text[place] != "0" else "z") + text[place + 1 :]
            yield text[:place] + "~" + text[place + 1 :]
    yield "~~"


@functools.lru_cache(maxsize=4096)
def _compiled(expression: str) -> re.Pattern[str]:
    if len(expression) > _LONGEST:
        raise CannotMakeError(f"an expression of {len(expression)} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(_translated(expression), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise CannotMakeError(f"{expression}: {error}") from None


@functools.lru_cache(maxsize=4096)
def _matcher(expression: str) -> Callable[[str], bool]:
    """What matches it, never in more than linear time."""
    compiled = _compiled(expression)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        tree = parser.parse(_translated(expression))
    if linear.is_needed(tree):
        try:
            return linear.Automaton(tree, _is_one).matches
        except linear.TooLargeError as error:
            if linear.is_needed(tree, of_bounded=False):
                raise CannotMakeError(f"{expression}: {error}") from None
    return lambda text: compiled.fullmatch(text) is not None


def _is_one(kind: Any, value: Any, character: str) -> bool:
    """Whether an item of a parsed expression matches the character."""
    if kind is kinds.LITERAL:
        return bool(ord(character) == value)
    if kind is kinds.NOT_LITERAL:
        return bool(ord(character) != value)
    if kind is kinds.ANY:
        return character != "\n"
    return _in(value, character) is not (value[0][0] is kinds.NEGATE)


def _translated(expression: str) -> str:
    """As Python writes it, what RE2 alone has."""
    text = re.sub(r"\[:(\^?\w+):\]", lambda found: _POSIX.get(found[1], found[0]), expression)
    text = re.sub(r"\\Q(.*?)(\\E|$)", lambda found: re.escape(found[1]), text, flags=re.DOTALL)
    text = re.sub(r"(?<!\\)\(\?<(?=[A-Za-z_])", "(?P<", text)
    return text.replace(r"\z", r"\Z")


def _texts(tree: Iterable[Any], allowed: str) -> Iterator[str]:
    """Texts for it, the simplest first: repeats as few as they may be, then once, then twice; each branch in turn."""
    branches = _most_branches(tree)
    for repeats in (0, 1, 2):
        for branch in range(min(branches, 16)):
            try:
                yield "".join(_made(tree, allowed, repeats, branch, {}))
            except CannotMakeError:
                if repeats == 2 and branch == branches - 1:
                    raise


def _most_branches(tree: Iterable[Any]) -> int:
    most = 1
    for kind, value in tree:
        if kind is kinds.BRANCH:
            most = max([most, len(value[1]), *map(_most_branches, value[1])])
        elif kind is kinds.SUBPATTERN:
            most = max(most, _most_branches(value[-1]))
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
            most = max(most, _most_branches(value[2]))
    return most


def _made(tree: Iterable[Any], allowed: str, repeats: int, branch: int, groups: dict[int, str]) -> Iterator[str]:
    for kind, value in tree:
        if kind is kinds.LITERAL:
            yield chr(value)
        elif kind is kinds.NOT_LITERAL:
            yield _chosen(allowed, lambda each, value=value: ord(each) != value)
        elif kind is kinds.ANY:
            yield allowed[0]
        elif kind is kinds.IN:
            yield _of_class(value, allowed)
        elif kind is kinds.BRANCH:
            yield from _made(value[1][branch % len(value[1])], allowed, repeats, branch, groups)
        elif kind is kinds.SUBPATTERN:
            text = "".join(_made(value[-1], allowed, repeats, branch, groups))
            if value[0] is not None:
                groups[value[0]] = text
            yield text
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
            least, most, inner = value
            times = max(least, min(int(most), repeats)) if most is not kinds.MAXREPEAT else max(least, repeats)
            if times > _LONGEST:
                raise CannotMakeError(f"a repeat of {times}")
            yield "".join(_made(inner, allowed, repeats, branch, groups)) * times
        elif kind is kinds.AT:
            continue
        else:
            raise CannotMakeError(f"RE2 has no {str(kind).lower()}")


def _of_class(items: list[Any], allowed: str) -> str:
    negated = bool(items) and items[0][0] is kinds.NEGATE
    for each in items:
        if not negated and each[0] is kinds.LITERAL and len(items) == 1:
            return chr(each[1])
    try:
        return _chosen(allowed, lambda each: _in(items, each) is not negated)
    except CannotMakeError:
        return _chosen(map(chr, range(33, 127)), lambda each: _in(items, each) is not negated)


def _in(items: list[Any], character: str) -> bool:
    for kind, value in items:
        if kind is kinds.LITERAL and ord(character) == value:
            return True
        if kind is kinds.RANGE and value[0] <= ord(character) <= value[1]:
            return True
        if kind is kinds.CATEGORY:
            known, inside = _CATEGORIES[value]
            if (character in known) is inside:
                return True
    return False


def _chosen(characters: Iterable[str], fits: Any) -> str:
    for each in characters:
        if fits(each):
            return each
    raise CannotMakeError("a class of no character that a client can send")
