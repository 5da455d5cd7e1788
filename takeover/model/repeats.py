"""Long runs of one character in a probe's request: in a record they are told, not written out, as in probes.yaml."""

import re

import msgspec

RUN = re.compile(r"(.)\1{199,}", re.DOTALL)
"""Only how many there are tells anything."""


class Repeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`repeat`, so many times."""

    repeat: str
    times: int


Text = str | list[str | Repeat]
"""A text: as it is, or in parts."""


def parts(text: str) -> Text:
    """The text; one with such runs in parts."""
    found: list[str | Repeat] = []
    end = 0
    for run in RUN.finditer(text):
        found += [text[end : run.start()]] if end < run.start() else []
        found.append(Repeat(run[1], len(run[0])))
        end = run.end()
    if not found:
        return text
    return [*found, text[end:]] if end < len(text) else found


def whole(text: Text) -> str:
    """The text written out."""
    if isinstance(text, str):
        return text
    return "".join(each if isinstance(each, str) else each.repeat * each.times for each in text)
