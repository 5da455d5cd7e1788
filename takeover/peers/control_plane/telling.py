"""What was said on the streams, in a form that is the same every time: without nonces, times and numbers of streams."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from takeover.peers.control_plane.discovery import short_name

_MOST_ALIKE = 8
"""So often a line is told; more than that is a loop, which goes on for as long as it is let."""
_ORDER = {"response": 1, "told": 1, "ack": 2, "nack": 2}
_OF_STREAMS = frozenset({"opened", "closed"})
_MESSAGES = frozenset({"request", "ack", "nack", "response", "told", *_OF_STREAMS})

_MARK = re.compile(r"goo\.gle/debug(?:only|str|proto)\s+")
_BLANKS = re.compile(r"(?<=\S)  +(?=\S)")


def exchanged(entries: Iterable[bytes]) -> list[str]:
    """A line for each message, and for each stream that began or ended.

    Of a stream and a type there are first the requests, then the responses, then what was said of them, each in the
    order in which they came: how far one side is ahead of the other is a race, and so is which of several types, or
    streams, comes first. What is said again and again is told a few times, and that it goes on.

    Args:
        entries: of the record.
    """
    found: dict[tuple[str, int], dict[tuple[str, int], list[str]]] = {}
    count: Counter[tuple[int, str]] = Counter()
    for each in map(json.loads, entries):
        if each["event"] in _MESSAGES and "stream" in each:
            method, number, kind = each["method"], each["stream"], short_name(each.get("type", ""))
            line = " ".join([method, *filter(None, [kind]), *_said(each)])
            count[number, line] += 1
            place = kind, _ORDER.get(each["event"], 0)
            lines = found.setdefault((method, number), {}).setdefault(place, [])
            if count[number, line] <= _MOST_ALIKE:
                lines.append(line)
            elif count[number, line] == _MOST_ALIKE + 1:
                lines.append(f"{line} (again and again)")
    streams = sorted(
        (method, [line for place in sorted(of) for line in of[place]]) for (method, _), of in found.items()
    )
    return [line for _, lines in streams for line in lines]


def without_chance(error: str) -> str:
    """What Envoy says of a refusal, without the words and blanks of chance that protobuf puts into what it prints."""
    return _BLANKS.sub(" ", _MARK.sub("goo.gle/debug ", error))


def _said(entry: dict[str, Any]) -> list[str]:
    event = entry["event"]
    said = [event, *_given(entry, "version")]
    if event == "closed":
        return [*said, *_given(entry, "error")]
    if event in _OF_STREAMS:
        return said
    named = (name for name in ("names", "removed", "unsubscribed") if entry.get(name))
    said += [f"{name}={','.join(sorted(entry[name]))}" for name in named]
    if known := entry.get("initial_versions"):
        said.append(f"has={','.join(f'{name}:{known[name]}' for name in sorted(known))}")
    said += ["with-node"] * bool(entry.get("has_node")) + ["stale"] * bool(entry.get("is_stale"))
    return [*said, *_given(entry, "does"), *map(without_chance, _given(entry, "error"))]


def _given(entry: dict[str, Any], name: str) -> list[str]:
    return [str(entry[name])] if entry.get(name) else []
