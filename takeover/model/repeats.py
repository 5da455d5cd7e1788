"""Long runs of one character in a probe's request: as data they are told, not written out, as in probes.yaml."""

import re
from typing import Any

RUN = re.compile(r"(.)\1{199,}", re.DOTALL)
"""Only how many there are tells anything."""


def told(value: Any) -> Any:
    """The data, of JSON's types, in which a text with such runs is a list of strings and {repeat: TEXT, times: N}."""
    match value:
        case str():
            return _told(value)
        case list():
            return [told(each) for each in value]
        case dict():
            return {name: told(each) for name, each in value.items()}
        case _:
            return value


def whole(value: Any) -> Any:
    """The data with such texts written out again."""
    match value:
        case list() if any(_is_run(each) for each in value):
            return "".join(each["repeat"] * each["times"] if _is_run(each) else each for each in value)
        case list():
            return [whole(each) for each in value]
        case dict():
            return {name: whole(each) for name, each in value.items()}
        case _:
            return value


def _told(text: str) -> str | list[str | dict[str, Any]]:
    parts: list[str | dict[str, Any]] = []
    end = 0
    for run in RUN.finditer(text):
        parts += [text[end : run.start()]] if end < run.start() else []
        parts.append({"repeat": run[1], "times": len(run[0])})
        end = run.end()
    if not parts:
        return text
    return [*parts, text[end:]] if end < len(text) else parts


def _is_run(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"repeat", "times"}
