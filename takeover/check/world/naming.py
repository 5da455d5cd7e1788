"""Filter chains and routes without names in a world: they get names, so that Envoy's log tells them apart."""

from collections.abc import Iterator

from takeover.check.made_names import (
    DEFAULT,
    chain_name,
    has_chains_to_name,
    has_routes_to_name,
    hosts_with_routes,
    route_name,
)
from takeover.check.world.configuration import LISTENER, Configuration, listed, objects
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either


def name_what_has_none(configuration: Configuration) -> None:
    """Gives a name to each that has none and is not the only one, and says so."""
    tables = [found for _, document in configuration.documents() for _, found in objects(document)]
    routes = sum(map(_named, (each for table in tables for each in _routes(table))))
    chains = sum(map(_named, (each for listener, _ in configuration.of_type(LISTENER) for each in _chains(listener))))
    counted = [_counted(chains, "filter chain"), _counted(routes, "route")]
    if told := " and ".join(filter(None, counted)):
        why = "by names alone Envoy's log tells which of several took a request"
        configuration.differs(f"{told} without a name get names after their places", why)


def _routes(table: JsonObject) -> Iterator[tuple[JsonObject, str]]:
    if listed(table, "virtual_hosts") and has_routes_to_name(table):
        for host, routes in hosts_with_routes(table):
            yield from ((each, route_name(host, number)) for number, each in enumerate(routes))


def _chains(listener: JsonObject) -> Iterator[tuple[JsonObject, str]]:
    if has_chains_to_name(listener):
        chains = (each for each in listed(listener, "filter_chains") if isinstance(each, dict))
        yield from ((each, chain_name(number)) for number, each in enumerate(chains))
        if isinstance(default := either(listener, "default_filter_chain"), dict):
            yield default, DEFAULT


def _named(each: tuple[JsonObject, str]) -> bool:
    """Names it, if it has no name. Returns whether it had none."""
    data, name = each
    if data.get("name"):
        return False
    data["name"] = name
    return True


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number > 1)}" if number else ""
