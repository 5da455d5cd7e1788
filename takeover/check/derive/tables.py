"""The tables of routes of a connection manager: its own, a served one, or one for each scope."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.draft import Draft, Unasked, slug
from takeover.check.derive.routes import Routes
from takeover.check.records import Given, Place, Resource
from takeover.check.route_tables import table_of
from takeover.check.scopes import Scoped, headers_for, scoped
from takeover.model.json import JsonObject

NO_SCOPE: Final = "no scope"
"""What a request meets that has the key of none."""


@dataclass(frozen=True)
class TableAt:
    """A RouteConfiguration.

    Args:
        place: where it stands.
        scope: the name of its scope; empty: requests need none.
        headers: those that bring a request into the scope.
    """

    data: JsonObject
    place: str
    scope: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Tables:
    """Those of a connection manager.

    Args:
        all: in order.
        scopes: how a request finds its own; None: there is one for all.
    """

    all: tuple[TableAt, ...]
    scopes: Scoped | None = None


def tables_of(manager: JsonObject, at: str, served: Mapping[str, Resource], given: Given, unasked: Unasked) -> Tables:
    """The manager's tables. What of them is not known is said.

    Args:
        at: where it stands.
        served: tables that are, by their names.
    """
    if (found := scoped(manager, at, Place(file=""), given)) is not None:
        if not found.scopes:
            unasked.say(at, "it takes routes by scopes, and no scope was given")
        return Tables(tuple(_in_scopes(found, unasked)), found)
    table = table_of(manager, at, Place(file=""), served)
    if table.data is None:
        unasked.say(at, table.unknown)
        return Tables(())
    return Tables((TableAt(table.data, table.path),))


def _in_scopes(found: Scoped, unasked: Unasked) -> Iterator[TableAt]:
    for each in found.scopes:
        table = each.table
        if table.data is None:
            unasked.say(table.path, table.unknown)
        elif found.fragments is None:
            unasked.say(table.path, "a part of its key comes from what is not known")
        elif pseudo := [header for header in found.headers if header.startswith(":") or header == "host"]:
            unasked.say(table.path, f"its key comes from {pseudo[0]}, by which virtual hosts are chosen, too")
        elif (headers := headers_for(found.fragments, each.key)) is None:
            unasked.say(table.path, f"no headers give the key of the scope {each.name}")
        else:
            yield TableAt(table.data, table.path, each.name, headers)


def scope_drafts(tables: Tables, routes: Sequence[Routes]) -> Iterator[Draft]:
    """For each scope a request that is just not of it. Args: routes: those of each scope, drawn up already."""
    if tables.scopes is None:
        return
    by_scope = {each.scope: each for each in routes}
    for each in routes:
        simple = next((reached for reached in each.reached if reached.ask.protocol == each.door.protocol), None)
        if simple is None:
            continue
        for order, (words, ask) in enumerate(_near(tables.scopes, simple.ask)):
            scope = tables.scopes.of(ask.header)
            try:
                expects = NO_SCOPE if scope is None else by_scope[scope.name].table.taken(ask).expects
            except (UnsureError, KeyError):
                continue
            door = each.door
            yield Draft(
                subject="routes",
                name=slug(each.scope, "no", words),
                entry=door.entry(ask.entry()),
                rank=1 if not order else 3,
                of=(door.listener, door.chain, each.scope, "scope"),
                listener=door.listener,
                chain=door.chain,
                scope=each.scope,
                condition=words,
                expects=expects,
            )


def _near(scopes: Scoped, ask: Ask) -> Iterator[tuple[str, Ask]]:
    """The request with another header in the place of each that decides, and without it."""
    for header in scopes.headers:
        value = ask.header(header) or ""
        near = (f"{value}x", value.swapcase(), None)
        for words, other in zip(("longer", "other case", "none"), near, strict=True):
            made = ask.without_header(header) if other is None else ask.with_header(header, other)
            if made.key != ask.key:
                yield f"scope by {header}: {words}", made
