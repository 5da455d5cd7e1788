"""What a test's mark says, read strictly: what is misspelt or stands elsewhere would change nothing, without a word.

`@pytest.mark.scenario(NAME, *EDITS)`: the tests around it with the same scenario and edits share one deployment.
`@pytest.mark.scenario(NAME, *EDITS, fresh=True)`: this test gets a deployment of its own.
`@pytest.mark.scenario(NAME, *EDITS, apart=WORD)`: it shares one with those alone that say the same word.
`begin=FUNCTION` besides: FUNCTION is called with the scene as soon as that is deployed, which may be while others are
tested: what takes seconds has then begun when the test asks for `scene.begun(FUNCTION)`.
`many=True` besides: the test sends thousands of requests; with --sabotage, others are asked first.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from takeover.base.visible import visible_line
from takeover.scenario.edits import Edit

if TYPE_CHECKING:  # a controller needs no scenes, and their imports take their time
    from takeover.scene import Scene

Begin: TypeAlias = Callable[["Scene"], Any]

NAME = "scenario"
"""The mark's."""
SIGNATURE = "scenario(name, *edits, fresh=, apart=, begin=, many=)"
"""As `pytest --markers` shows it."""

_KEYWORDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "fresh": (lambda value: isinstance(value, bool), "True or False"),
    "apart": (lambda value: isinstance(value, str), "a word, as a string"),
    "begin": (lambda value: value is None or callable(value), "a function that takes the scene"),
    "many": (lambda value: isinstance(value, bool), "True or False"),
}
"""What each takes, and how that is called."""


@dataclass(frozen=True)
class ScenarioMark:
    """A mark that is as it should be.

    Args:
        name: the scenario's.
        edits: made on it, in order.
        fresh: whether the test gets a deployment of its own.
        apart: the word of those that share one; empty for what all share.
        begin: what is begun as soon as it is deployed.
        many: whether the test sends thousands of requests.
    """

    name: str
    edits: tuple[Edit, ...] = ()
    fresh: bool = False
    apart: str = ""
    begin: Begin | None = None
    many: bool = False


def is_there(item: pytest.Item) -> bool:
    """Whether the item's marks name a scenario."""
    return item.get_closest_marker(NAME) is not None


def read(item: pytest.Item) -> ScenarioMark:
    """What the mark says that is closest to the test. Raises: pytest.UsageError, with the test's place."""
    mark = item.get_closest_marker(NAME)
    why = _wrong(mark)
    if mark is None or why:
        raise pytest.UsageError(f"{place_of(item)}: {why}")
    name, *edits = mark.args
    return ScenarioMark(name, tuple(edits), **mark.kwargs)


def check(items: Iterable[pytest.Item]) -> None:
    """Refuses marks that are wrong, also of tests that need no scene. Raises: pytest.UsageError, for the first one."""
    for item in items:
        if is_there(item):
            read(item)


def named(mark: pytest.Mark) -> str | None:
    """The scenario that a mark names, which may be wrong otherwise; None for one that names none.

    For while pytest still collects: what is raised there would be a test's error, and no usage error.
    """
    name = mark.args[0] if mark.args else None
    return name if isinstance(name, str) else None


def place_of(item: pytest.Item) -> str:
    """FILE:LINE of the test."""
    file, line, _ = item.location
    return file if line is None else f"{file}:{line + 1}"


def _wrong(mark: pytest.Mark | None) -> str:
    """What is wrong with a mark, and how it is written; empty if nothing is."""
    if mark is None or not mark.args:
        return f"say which scenario it is for: @pytest.mark.{NAME}(NAME)"
    name, *edits = mark.args
    if not isinstance(name, str) or not name:
        return f"@pytest.mark.{NAME}: {_told(name)} is no scenario's name: give one as a string"
    for number, edit in enumerate(edits, 1):
        if not isinstance(edit, Edit):
            how = "write a * before it" if isinstance(edit, list | tuple) else "see takeover.scenario.edits"
            return f"@pytest.mark.{NAME}({name!r}, …): argument {number + 1}, {_told(edit)}, is no edit: {how}"
    for keyword, value in mark.kwargs.items():
        if keyword not in _KEYWORDS:
            return f"@pytest.mark.{NAME}({name!r}, …): there is no {keyword}=: it is {SIGNATURE}"
        fits, what = _KEYWORDS[keyword]
        if not fits(value):
            return f"@pytest.mark.{NAME}({name!r}, …): {keyword}={_told(value)}: give {what}"
    if mark.kwargs.get("fresh") and mark.kwargs.get("apart"):
        return f"@pytest.mark.{NAME}({name!r}, …): fresh=True is a deployment for this test alone: leave out apart="
    return ""


def _told(value: object) -> str:
    """A value of anybody, as Python writes it, in short."""
    text = visible_line(repr(value))
    return text if len(text) <= 80 else f"{text[:79]}…"
