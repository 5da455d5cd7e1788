"""Where in a JSON text each value stands: decoders tell no lines."""

import re

from takeover.scenario.yaml_text import Key

# Of a text that was decoded before: a string, the punctuation, or anything else that is no blank.
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|\n|[^\s\[\]{},:"]+', re.DOTALL)


def lines_of(text: str) -> tuple[dict[tuple[Key, ...], int], tuple[Key, ...] | None]:
    """Path of keys and indices → line, from 1; and the path of the first key that is there twice, if one is.

    Args:
        text: JSON that a decoder took.
    """
    lines: dict[tuple[Key, ...], int] = {(): 1}
    twice: tuple[Key, ...] | None = None
    line = 1
    path: list[Key] = []  # of the value that comes next
    kinds: list[str] = []  # of each object or list that is open
    wants_key = False
    for found in _SIGN.finditer(text):
        sign = found[0]
        if sign == "\n":
            line += 1
        elif sign in "{[":
            lines.setdefault(tuple(path), line)
            kinds.append(sign)
            path.append(0)
            wants_key = sign == "{"
        elif sign in "}]":
            kinds.pop()
            path.pop()
            wants_key = False
        elif sign == ",":
            if kinds[-1] == "[":
                path[-1] = int(path[-1]) + 1
            wants_key = kinds[-1] == "{"
        elif sign == ":":
            wants_key = False
        elif wants_key:
            path[-1] = _key(sign)
            here = tuple(path)
            if here in lines and twice is None:
                twice = here
            lines[here] = line
        else:
            lines.setdefault(tuple(path), line)
    return lines, twice


def _key(sign: str) -> str:
    inner = sign[1:-1]
    if "\\" not in inner:
        return inner
    import json  # of one key in a thousand

    written: str = json.loads(sign)
    return written
