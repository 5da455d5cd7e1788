"""Names of filter chains, routes and clusters that Envoy's log tells apart, made where they have none of their own.

None are made for routes at the ends of trees of matchers, nor for chains that such a tree chooses between: there Envoy
takes none without a name, and no two of one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from takeover.check.chain_names import chain_names
from takeover.check.messages import objects
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either


def route_name(host: str, number: int) -> str:
    """Of the route at that place of its virtual host's list, as the coverage calls it. Args: host: its name."""
    return f"virtual host {host} / route {number}"


def logged_clusters(clusters: Iterable[JsonObject]) -> list[tuple[JsonObject, str]]:
    """Each cluster, and how the log and the statistics call it: by its `alt_stat_name`, if it has one.

    One that others have, too, gets the cluster's name behind it.

    Args:
        clusters: `envoy.config.cluster.v3.Cluster`.
    """
    listed = [*clusters]
    names = [str(each.get("name") or "") for each in listed]
    told = [str(either(each, "alt_stat_name") or name) for each, name in zip(listed, names, strict=True)]
    counted = Counter(called for called, _ in {*zip(told, names, strict=True)})
    made = [each if counted[each] == 1 else f"{each}-{name}" for each, name in zip(told, names, strict=True)]
    return [*zip(listed, made, strict=True)]


def logged_chains(listener: JsonObject) -> list[tuple[JsonObject, str]]:
    """Each filter chain, the default one last, and the name by which the log tells it; empty where it needs none.

    It is its own; one that others have, too, gets the chain's number behind it.

    Args:
        listener: `envoy.config.listener.v3.Listener`.
    """
    chains = [*objects(either(listener, "filter_chains"))]
    places = [f"filter chain {number}" for number in range(len(chains))]
    if isinstance(default := either(listener, "default_filter_chain"), dict):
        chains.append(default)
        places.append("default filter chain")
    own = [str(each.get("name") or "") for each in chains]
    if len(chains) == 1 or isinstance(either(listener, "filter_chain_matcher"), dict):
        return [*zip(chains, own, strict=True)]
    counted = Counter(own)
    names = [name if counted[name] == 1 else label for name, label in zip(own, chain_names(listener), strict=True)]
    made = [name if has else place for name, has, place in zip(names, own, places, strict=True)]
    return [*zip(chains, made, strict=True)]


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
