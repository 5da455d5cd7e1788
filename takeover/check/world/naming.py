"""Filter chains, routes and clusters in a world get names by which Envoy's log tells them apart, where it does not."""

from collections.abc import Iterator

from takeover.check.made_names import (
    has_routes_to_name,
    hosts_with_routes,
    logged_chains,
    logged_clusters,
    route_name,
)
from takeover.check.world.configuration import CLUSTER, LISTENER, Configuration, listed, objects, set_field
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

_WHY = "by names alone Envoy's log tells which of several took a request"


def tell_apart(configuration: Configuration) -> None:
    """Gives a name to each that has none and is not the only one, and to chains of one name several; says so."""
    chains = [each for listener, _ in configuration.of_type(LISTENER) for each in logged_chains(listener)]
    alike = [(chain, name) for chain, name in chains if chain.get("name") not in (None, "", name)]
    objects_there = [found for _, document in configuration.documents() for _, found in objects(document)]
    routes = sum(map(_named, (each for found in objects_there for each in _routes(found))))
    counts = {"filter chain": sum(map(_named, chains)), "route": routes}
    if told := " and ".join(_counted(number, what) for what, number in counts.items() if number):
        one = sum(counts.values()) == 1
        after = "gets a name after its place" if one else "get names after their places"
        configuration.differs(f"{told} without a name {after}", _WHY)
    for chain, name in alike:
        chain["name"] = name
    if alike:
        configuration.differs(f"{len(alike)} filter chains of one name get their numbers behind it", _WHY)
    _clusters(configuration)


def _clusters(configuration: Configuration) -> None:
    alike = [
        (each, made)
        for each, made in logged_clusters(each for each, _ in configuration.of_type(CLUSTER))
        if made not in (either(each, "alt_stat_name"), each.get("name"), "")
    ]
    for each, made in alike:
        set_field(each, "alt_stat_name", made)
    if alike:
        what = f"{len(alike)} clusters of one name in statistics (`alt_stat_name`) get their own behind it"
        configuration.differs(what, "by it alone neither Envoy's log nor its counters tell which of several it was")


def _routes(table: JsonObject) -> Iterator[tuple[JsonObject, str]]:
    if listed(table, "virtual_hosts") and has_routes_to_name(table):
        for host, routes in hosts_with_routes(table):
            yield from ((each, route_name(host, number)) for number, each in enumerate(routes))


def _named(each: tuple[JsonObject, str]) -> bool:
    """Names it, if it has no name. Returns whether it got one."""
    data, name = each
    if data.get("name") or not name:
        return False
    data["name"] = name
    return True


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number > 1)}"
