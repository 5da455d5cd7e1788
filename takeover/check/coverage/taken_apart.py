"""Takes a configuration apart into what probes can reach: listeners, filter chains, virtual hosts, routes, clusters."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from takeover.check import made_names
from takeover.check.chain_names import chain_names
from takeover.check.coverage.parts import Cluster, FilterChain, Listener, Parts, PathRule, Route, VirtualHost
from takeover.check.messages import inner, is_of_udp, objects
from takeover.check.records import Given, Place, Resource
from takeover.check.scopes import Scope, Scoped, scoped
from takeover.check.trees import RouteAt, routes_of

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

_Object = Mapping[str, Any]


@dataclass(frozen=True)
class _Tables:
    """Where tables of routes come from that do not stand in their listener. Args: named: those that are served."""

    given: Given
    named: Mapping[str, Resource]


def parts_of(given: Given) -> Parts:
    """The parts of what was given."""
    tables = _Tables(given, {each.name: each for each in given.resources if each.type_url == ROUTES})
    listeners = [_listener(each, tables) for each in given.resources if each.type_url == LISTENER]
    named = {text for each in given.resources if each.type_url in (LISTENER, ROUTES) for text in texts(each.data)}
    clusters = [_cluster(each, named) for each in given.resources if each.type_url == CLUSTER]
    return Parts(tuple(listeners), tuple(clusters))


def texts(data: Any) -> Iterator[str]:
    """Every text in JSON but names of fields."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from texts(each)


def _cluster(resource: Resource, named: Container[str]) -> Cluster:
    name, where = resource.name, resource.place
    statistics = f"cluster.{_in_statistics(str(resource.data.get('alt_stat_name') or name))}"
    return Cluster(f"cluster {name}", name, "", where, (where.path,), statistics, name in named)


def _listener(resource: Resource, tables: _Tables) -> Listener:
    data, where = resource.data, resource.place
    address = _address(data.get("address"))
    name = str(data.get("name") or address or resource.name)
    part = f"listener {name}"
    labels = chain_names(data)
    is_named = made_names.has_chains_to_name(data)
    chains = []
    for number, (each, label) in enumerate(zip(objects(data.get("filter_chains")), labels, strict=False)):
        called = str(each.get("name") or (made_names.chain_name(number) if is_named else ""))
        at = f"filter_chains[{number}]"
        chains.append(_chain(label, called, f"filter chain {label}", at, each, part, where, tables))
    if isinstance(default := data.get("default_filter_chain"), dict):
        called = str(default.get("name") or (made_names.DEFAULT if is_named else ""))
        at = "default_filter_chain"
        chains.append(_chain(labels[-1], called, "default filter chain", at, default, part, where, tables))
    counted_as = _in_statistics(str(data.get("stat_prefix") or address))
    statistics = "" if is_of_udp(inner(data, "address", "socket_address")) else f"listener.{counted_as}"
    return Listener(part, name, "", where, (where.path, resource.name), name, statistics, tuple(chains))


def _chain(
    label: str, called: str, name: str, at: str, data: _Object, within: str, where: Place, tables: _Tables
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
            hosts = tuple(host for scope in scopes.scopes for host in _hosts_of(scope, part))
            unknown = next((f"scope {scope.name}: {scope.unknown}" for scope in scopes.scopes if scope.unknown), "")
            unknown = unknown or ("" if scopes.scopes else "none of its scopes was given")
        else:
            table, place, paths, unknown = _table(each, path, f"{at_manager}.route_config", where, tables.named)
            hosts = tuple(_hosts(table, part, place, paths))
    return FilterChain(part, name, within, where, (path,), label, called, prefixes, hosts, unknown, scopes)


def _hosts_of(scope: Scope, within: str) -> Iterator[VirtualHost]:
    return _hosts(scope.table or {}, within, scope.place, scope.paths, scope.name)


def _is_manager(config: _Object) -> bool:
    return str(config.get("@type")).endswith(_MANAGER)


def _table(
    manager: _Object, chain: str, inline: str, where: Place, tables: Mapping[str, Resource]
) -> tuple[_Object, Place, tuple[str, ...], str]:
    """A connection manager's table of routes, its resource's place, its paths, and why it is not known."""
    if isinstance(table := manager.get("route_config"), dict):
        return table, where, (inline, f"{chain}: route_config {table.get('name', '')}".rstrip()), ""
    rds = manager.get("rds")
    if isinstance(rds, dict):
        name = str(rds.get("route_config_name") or "")
        if (found := tables.get(name)) is not None:
            return found.data, found.place, (found.place.path, f"route_config {name}"), ""
        return {}, where, (), f"its table of routes {name} was not given"
    return {}, where, (), "it has no table of routes"


def _hosts(table: _Object, within: str, where: Place, at: tuple[str, ...], scope: str = "") -> Iterator[VirtualHost]:
    is_named = made_names.has_routes_to_name(dict(table))
    for number, data in enumerate(objects(table.get("virtual_hosts"))):
        name = made_names.host_name(data, number)
        part = f"{within} / scope {scope} / virtual host {name}" if scope else f"{within} / virtual host {name}"
        paths = tuple(f"{each}.virtual_hosts[{number}]" for each in at)
        routes = []
        for place, each in enumerate(routes_of(data)):
            made = made_names.route_name(name, place) if is_named and each.end is None else ""
            routes.append(_route(each, place, made, part, where, paths))
        domains = tuple(str(each).lower() for each in data.get("domains") or ())
        called = f"{scope}: {name}" if scope else name
        yield VirtualHost(part, called, within, where, paths, domains, tuple(routes), scope)


def _route(at: RouteAt, number: int, made_name: str, within: str, where: Place, host: tuple[str, ...]) -> Route:
    data = at.data
    rule = data.get("match")
    answers = "direct_response" in data or "redirect" in data
    name = str(data.get("name") or "")
    return Route(
        f"{within} / route {number}",
        name,
        within,
        where,
        tuple(f"{each}.{at.path}" for each in host),
        name or made_name,
        frozenset() if answers else _clusters(data.get("route")),
        answers,
        _status(data),
        _path_rule(rule if isinstance(rule, dict) else {}),
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
    return (f"[{host}]:{port}" if ":" in host and "[" not in host else name).replace(":", "_")
