"""What goes through a tunnel that a CONNECT opens: all ways in which either side says and ends."""

from collections.abc import Iterator

from takeover.check.derive.ask import Ask
from takeover.model.json import JsonObject


def _request(path: str, *headers: str) -> JsonObject:
    return {"send": "\r\n".join([f"GET {path} HTTP/1.1", "Host: probe.example", *headers, "", ""])}


# A tunnel over HTTP/1 has no half of it that could end: our end waits until what it would cut off has come, or for
# nothing where nothing can come.
EXCHANGES: tuple[tuple[str, list[JsonObject]], ...] = (
    ("HTTP/1", [_request("/probe", "Connection: close")]),
    ("bytes", [{"send": "hello\n"}]),
    ("our end in the answer", [_request("/probe"), {"await": True}, {"end": True}]),
    ("half a request, then our end", [{"send": "GET / HT"}, {"end": True}]),
    ("their reset", [_request("/reset-at-once")]),
    ("their reset in the answer", [_request("/reset-in-body")]),
    ("their end at once", [_request("/close-at-once")]),
    ("their end in the answer", [_request("/short-body")]),
)
"""What is said, and the steps once the tunnel is there. What the upstream does is HTTP's: it says by the path what."""


def through(ask: Ask) -> Iterator[tuple[str, Ask]]:
    """Each exchange through the tunnel that the request opens, with the words for it; none for another request."""
    if ask.protocol != "connect":
        return
    for words, steps in EXCHANGES:
        yield words, ask.but(extra=tuple((name, steps if name == "steps" else value) for name, value in ask.extra))
