"""Requests with no password and no key, and with a wrong key wherever one is looked for."""

from collections.abc import Iterator, Mapping
from typing import Any

from takeover.check.derive import tokens
from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.draft import slug

_WRONG = "nobody"


def of_password(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Of `BasicAuth`."""
    del data
    yield Edge(name="basic-none", entry={}, ask=ask.without_header("authorization"), is_let_in=False)


def of_keys(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Of `ApiKeyAuth`."""
    places = list(tokens.places_of_keys(data))
    for each in places:
        ask = each.emptied(ask)
    yield Edge(name="key-none", entry={}, ask=ask, is_let_in=False)
    for each in places:
        name = slug("key-wrong", each.kind, each.name)
        yield Edge(name=name, entry={}, ask=each.put(ask, _WRONG), is_let_in=False)
