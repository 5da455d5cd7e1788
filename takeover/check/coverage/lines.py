"""In which line of what was given a part of the configuration stands."""

import re
from collections.abc import Callable

from takeover.check.given.documents import read_documents
from takeover.check.given.shapes import recognised
from takeover.check.records import Given

LineOf = Callable[[str], int | None]
_KEY = re.compile(r"\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|([^.\[\]]+)")


def no_lines(_: str) -> int | None:
    """Of a form that has none."""
    return None


def lines_of(given: Given) -> LineOf:
    """Tells the line by a path, such as `static_resources.listeners[0]`; the file is read once more."""
    document, _ = recognised(read_documents(given.source))
    if not document.lines:
        return no_lines
    return lambda path: document.line(
        tuple(int(each[1]) if each[1] else _key(each) for each in _KEY.finditer(path)),
    )


def _key(found: "re.Match[str]") -> str:
    """As it stands in the file: what is quoted has what is special escaped."""
    return str(found[3]) if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
