"""Text of anybody, made fit for a terminal and for a job's log: nothing in it moves, colours, hides or commands.

Containers, Envoy, destinations, users' files: what they write may hold escape sequences, controls, changes of
direction, and lines that GitHub takes for workflow commands (see "Workflow commands for GitHub Actions").
"""

import json
import re

_PLAIN = re.compile(r"[\n\t -~]*")
# As the runner reads them: `::name …::` at a line's beginning, `##[name]` anywhere.
_COMMAND = re.compile(r"^(\s*):(?=:[^\n]*::)|#(?=#\[)", re.MULTILINE)


def visible(text: str) -> str:
    """`text` with all written out, as Python would, that is not printable; its lines and tabs stay.

    Of a workflow command the first sign is written out. What is harmless already stays as it is.
    """
    if not _PLAIN.fullmatch(text):
        text = "".join(each if each.isprintable() or each in "\n\t" else _written_out(each) for each in text)
    if "::" in text or "##[" in text:
        text = _COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):02x}", text)
    return text


def visible_line(text: str) -> str:
    """`text` on one line, likewise: line ends and tabs are written out, too."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _written_out(each) for each in text)
    return visible(text)


def visible_json(text: str) -> str:
    """JSON, likewise, which stays JSON: what is not printable stands in its strings alone, and has an escape there."""
    if not _PLAIN.fullmatch(text):
        text = "".join(each if each.isprintable() or each in "\n\t" else json.dumps(each)[1:-1] for each in text)
    return text.replace("##[", "#\\u0023[")


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode()
