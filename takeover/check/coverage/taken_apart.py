"""Takes a configuration apart into what probes can reach: listeners, filter chains, virtual hosts, routes, clusters.

What Envoy's log and counters call them is in its normal form, as observations are: a name may have what looks like
chance, a UUID or a high port.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from takeover.check.chain_names import chain_names
from takeover.check.coverage.parts import Cluster, FilterChain, Listener, Parts, PathRule, Route, VirtualHost
from takeover.check.derive.paths import template_expression
from takeover.check.made_names import has_routes_to_name, host_name, logged_chains, logged_clusters, route_name
from takeover.check.messages import apart_of_udp, inner, is_of_udp, objects
from takeover.check.records import Given, Place, Resource
from takeover.check.route_tables import RouteTable, served_tables, table_of
from takeover.check.scopes import Scoped, scoped
from takeover.check.trees import RouteAt, routes_of
from takeover.probes.normal_rules import without_chance

_API = "type.googleapis.com/envoy.config."
LISTENER = f"{_API}listener.v3.Listener"
CLUSTER = f"{_API}cluster.v3.Cluster"
ROUTES = f"{_API}route.v3.RouteConfiguration"
_MANAGER = ".HttpConnectionManager"
_REDIRECTS = {
    "MOVED_PERMANENTLY": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}

_PATHS = frozenset(("path", "prefix", "path_separated_prefix", "safe_regex", "case_sensitive"))
"""Of a match: what is asked of the path alone."""
_Object = Mapping[str, Any]


@dataclass(frozen=True)
class _Tables:
    """Where tables of routes come from that do not stand in their listener.

    Args:
        served: by their names.
        logged: what stands in a log in the place of a text.
    """

    given: Given
    served: Mapping[str, Resource]
    logged: Callable[[str], str]


def parts_of(given: Given, logged: Callable[[str], str] = str) -> Parts:
    """The parts of what was given. Args: logged: what stands in a log in the place of a text."""
    tables = _Tables(given, served_tables(given), logged)
    listeners = [_listener(each, tables) for each in given.resources if each.type_url == LISTENER]
    named = {text for each in given.resources if each.type_url in (LISTENER, ROUTES) for text in texts(each.data)}
    clusters = [each for each in given.resources if each.type_url == CLUSTER]
    logged_as = (told for _, told in logged_clusters(each.data for each in clusters))
    parts = (_cluster(each, told or each.name, named) for each, told in zip(clusters, logged_as, strict=True))
    return Parts(tuple(listeners), tuple(parts))


def texts(data: Any) -> Iterator[str]:
    """Every text in JSON but names of fields."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from texts(each)


def _cluster(resource: Resource, told: str, named: Container[str]) -> Cluster:
    name, where = resource.name, resource.place
    statistics = f"cluster.{_in_statistics(told)}"
    return Cluster(f"cluster {name}", name, "", where, (where.path,), without_chance(told), statistics, name in named)


def _listener(resource: Resource, tables: _Tables) -> Listener:
    data, where = resource.data, resource.place
    address = _address(data.get("address"))
    bound = inner(data, "address", "socket_address")
    name = str(data.get("name") or (address and address + apart_of_udp(bound)) or resource.name)
    part = f"listener {name}"
    chains, listed = [], len([*objects(data.get("filter_chains"))])
    for number, ((each, logged_as), label) in enumerate(zip(logged_chains(data), chain_names(data), strict=True)):
        is_default = number == listed
        called = "default filter chain" if is_default else f"filter chain {label}"
        at = "default_filter_chain" if is_default else f"filter_chains[{number}]"
        chains.append(_chain(label, logged_as, called, at, each, part, where, tables))
    counted_as = _in_statistics(str(data.get("stat_prefix") or address))
    statistics = "" if is_of_udp(bound) else f"listener.{counted_as}"
    paths = (where.path, resource.name)
    return Listener(part, name, "", where, paths, without_chance(name), statistics, tuple(chains))


def _chain(
    label: str, logged_as: str, name: str, at: str, data: _Object, within: str, where: Place, tables: _Tables
) -> FilterChain:
    part, path = f"{within} / {name}", f"{where.path}.{at}"
    configs = [config for each in objects(data.get("filters")) if isinstance(config := each.get("typed_config"), dict)]
    prefixes = tuple(
        f"{'http' if _is_manager(each) else 'tcp'}.{_in_statistics(each['stat_prefix'])}"
        for each in configs
        if isinstance(each.get("stat_prefix"), str)
    )
    hosts: tuple[VirtualHost, ...] = ()
    unknown = ""
    scopes: Scoped | None = None
    for number, each in enumerate(configs):
        if not _is_manager(each):
            continue
        at_manager = f"{path}.filters[{number}].typed_config"
        scopes = scoped(each, at_manager, where, tables.given)
        if scopes is not None:
            scopes = scopes.with_keys(tables.logged)
            hosts = tuple(host for scope in scopes.scopes for host in _hosts(scope.table, part, scope.name))
            unknown = next((f"scope {of.name}: {of.table.unknown}" for of in scopes.scopes if of.table.unknown), "")
            unknown = unknown or ("" if scopes.scopes else "none of its scopes was given")
        else:
            table = table_of(each, at_manager, where, tables.served)
            hosts, unknown = tuple(_hosts(table, part)), table.unknown
    logged_as = without_chance(logged_as)
    return FilterChain(part, name, within, where, (path,), label, logged_as, prefixes, hosts, unknown, scopes)


def _is_manager(config: _Object) -> bool:
    return str(config.get("@type")).endswith(_MANAGER)


def _hosts(table: RouteTable, within: str, scope: str = "") -> Iterator[VirtualHost]:
    found = table.data or {}
    is_named = has_routes_to_name(found)
    for number, data in enumerate(objects(found.get("virtual_hosts"))):
        name = host_name(data, number)
        part = f"{within} / scope {scope} / virtual host {name}" if scope else f"{within} / virtual host {name}"
        paths = tuple(f"{each}.virtual_hosts[{number}]" for each in table.paths)
        routes = []
        for place, each in enumerate(routes_of(data)):
            made = route_name(name, place) if is_named and each.end is None else ""
            routes.append(_route(each, place, made, part, table.place, paths))
        domains = tuple(str(each).lower() for each in data.get("domains") or ())
        called = f"{scope}: {name}" if scope else name
        yield VirtualHost(part, called, within, table.place, paths, domains, tuple(routes), scope)


def _route(at: RouteAt, number: int, made_name: str, within: str, where: Place, host: tuple[str, ...]) -> Route:
    data = at.data
    rule = data.get("match")
    rule = rule if isinstance(rule, dict) else {}
    answers = "direct_response" in data or "redirect" in data
    name = str(data.get("name") or "")
    return Route(
        f"{within} / route {number}",
        name,
        within,
        where,
        tuple(f"{each}.{at.path}" for each in host),
        without_chance(name or made_name),
        frozenset() if answers or "non_forwarding_action" in data else _clusters(data.get("route")),
        answers,
        _status(data),
        _path_rule(rule),
        has_more=at.end is not None or not rule.keys() <= _PATHS,
    )


def _clusters(action: Any) -> frozenset[str] | None:
    match action:
        case {"cluster": str(name)}:
            return frozenset((name,))
        case {"weighted_clusters": {"clusters": listed}}:
            names = [each.get("name") for each in objects(listed)]
            return frozenset(map(str, names)) if all(names) else None
    return None


def _status(data: _Object) -> int | None:
    match data:
        case {"direct_response": {"status": int(status)}}:
            return status
        case {"redirect": dict(redirect)}:
            return _REDIRECTS.get(str(redirect.get("response_code") or "MOVED_PERMANENTLY"))
    return None


def _path_rule(rule: _Object) -> PathRule:
    counts = rule.get("case_sensitive") is not False
    match rule:
        case {"path": str(value)}:
            return "exact", value, counts
        case {"prefix": str(value)}:
            return "prefix", value, counts
        case {"path_separated_prefix": str(value)}:
            return "separated", value, counts
        case {"safe_regex": {"regex": str(value)}}:
            return "expression", value, True
        case {"path_match_policy": {"typed_config": {"path_template": str(value)}}}:
            return "expression", template_expression(value), True
        case {"connect_matcher": _}:
            return "connect", "", True
    return "other", "", True


def _address(data: Any) -> str:
    """As access logs that are added call a listener without a name."""
    match data:
        case {"socket_address": {"address": str(host), "port_value": port}}:
            return f"{host}:{port}"
        case {"pipe": {"path": str(path)}}:
            return path
        case {"envoy_internal_address": {"server_listener_name": str(name)}}:
            return name
    return ""


def _in_statistics(name: str) -> str:
    """What Envoy makes of a name or an address in those of statistics."""
    host, _, port = name.rpartition(":")
    told = f"[{host}]:{port}" if ":" in host and "[" not in host else name
    return without_chance(told.replace(":", "_"))
