"""In which line of what was given a part of the configuration stands."""

import re
from collections.abc import Callable

from takeover.check.given.documents import read_documents
from takeover.check.given.shapes import recognised
from takeover.check.records import Given

LineOf = Callable[[str], int | None]
_KEY = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def no_lines(_: str) -> int | None:
    """Of a form that has none."""
    return None


def lines_of(given: Given) -> LineOf:
    """Tells the line by a path, such as `static_resources.listeners[0]`; the file is read once more."""
    document, _ = recognised(read_documents(given.source))
    if not document.lines:
        return no_lines
    return lambda path: document.line(
        tuple(int(each[1]) if each[1] else each[2] for each in _KEY.finditer(path)),
    )
