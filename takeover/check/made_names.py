"""Names for filter chains and routes that have none: by names alone Envoy's log tells which of several took a request.

None are made for routes at the ends of trees of matchers, nor for chains that such a tree chooses between: there a
chain without a name is one that Envoy does not take.
"""

from collections.abc import Iterator
from typing import Any

from takeover.check.messages import objects
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

DEFAULT = "default filter chain"


def chain_name(number: int) -> str:
    """Of the chain at that place of the listener's list, as the coverage calls it."""
    return f"filter chain {number}"


def route_name(host: str, number: int) -> str:
    """Of the route at that place of its virtual host's list, as the coverage calls it. Args: host: its name."""
    return f"virtual host {host} / route {number}"


def has_chains_to_name(listener: JsonObject) -> bool:
    """Whether chains without a name get one there. Args: listener: `envoy.config.listener.v3.Listener`."""
    chains = [*objects(either(listener, "filter_chains"))]
    return len(chains) + isinstance(either(listener, "default_filter_chain"), dict) > 1 and not isinstance(
        either(listener, "filter_chain_matcher"), dict
    )


def has_routes_to_name(table: JsonObject) -> bool:
    """Whether routes without a name get one there. Args: table: `envoy.config.route.v3.RouteConfiguration`."""
    return sum(len(routes) for _, routes in hosts_with_routes(table)) > 1


def hosts_with_routes(table: JsonObject) -> Iterator[tuple[str, list[JsonObject]]]:
    """Each virtual host's name, and the routes of its list."""
    for number, host in enumerate(objects(either(table, "virtual_hosts"))):
        yield host_name(host, number), [] if either(host, "matcher") else [*objects(either(host, "routes"))]


def host_name(host: JsonObject, number: int) -> str:
    """A virtual host's name, or its place in the table."""
    name: Any = host.get("name")
    return str(name or number)
