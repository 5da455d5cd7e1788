"""Where the table of routes (`RouteConfiguration`) of a connection manager or a scope stands, and what is in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from takeover.check.messages import inner
from takeover.check.records import Given, Place, Resource
from takeover.model.json import JsonObject


@dataclass(frozen=True)
class RouteTable:
    """A table of routes.

    Args:
        place: where the resource stands in which it is.
        path: where it stands itself, as what is not asked says it.
        data: `envoy.config.route.v3.RouteConfiguration`; None where it is not known, `unknown` says why.
        paths: where it stands, by each way in which that is said.
    """

    place: Place
    path: str
    data: JsonObject | None = None
    paths: tuple[str, ...] = ()
    unknown: str = ""


def served_tables(given: Given) -> dict[str, Resource]:
    """Those that are served, by their names."""
    return {
        each.name: each
        for each in given.resources
        if each.type_url.endswith(".RouteConfiguration") and not each.is_inline
    }


def inline_table(data: JsonObject, at: str, place: Place) -> RouteTable:
    """One that stands in what it is for. Args: at: where it stands, `place` in which file."""
    return RouteTable(place, at, data, (at,))


def named_table(name: str, at: str, place: Place, served: Mapping[str, Resource]) -> RouteTable:
    """One that is asked for by its name. Args: at: where that stands, `place` in which file."""
    if (found := served.get(name)) is None:
        return RouteTable(place, at, unknown=f"its table of routes {name} was not given")
    called = f"route_config {name}"
    path = found.place.path or called
    return RouteTable(found.place, path, found.data, (path, called))


def table_of(manager: JsonObject, at: str, place: Place, served: Mapping[str, Resource]) -> RouteTable:
    """That of a connection manager whose routes are not scoped. Args: at: where it stands, `place` in which file."""
    if isinstance(table := manager.get("route_config"), dict):
        return inline_table(table, f"{at}.route_config", place)
    if name := str(inner(manager, "rds").get("route_config_name") or ""):
        return named_table(name, at, place, served)
    return RouteTable(place, at, unknown="it has no table of routes")
