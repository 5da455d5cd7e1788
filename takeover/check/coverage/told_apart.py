"""Which part of a configuration an entry of Envoy's access log can be of: what no other part can have done."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from takeover.check.coverage.parts import FilterChain, Route, VirtualHost
from takeover.check.derive import expressions
from takeover.check.scopes import FIELD
from takeover.model.document import LogEntry

NO_ROUTE = "route_not_found"
_OWN_ANSWER = "direct_response"
_OF_UPSTREAM = "via_upstream"
_NO_CLUSTER = "cluster_not_found"
_CONNECT = "CONNECT"


def field(entry: LogEntry, name: str) -> str:
    """What the entry has there as text; empty where it has nothing."""
    value = entry.get(name)
    return "" if value is None or value == "-" else str(value)


@dataclass(frozen=True)
class Taken:
    """What an entry tells of the tables of routes.

    Args:
        routes: those of which it may be; one where it is told apart.
        host: the virtual host, where all that it may be of stands in one.
        told_by: by what it was told apart, in words.
    """

    routes: Sequence[Route] = ()
    host: VirtualHost | None = None
    told_by: str = ""


def taken(chains: Sequence[FilterChain], entry: LogEntry, clusters: Collection[str]) -> Taken:
    """The routes of these chains that can have led to what the entry says.

    Args:
        clusters: the names of those that may be meant by the one that it has; none where it has none.
    """
    hosts = [host for chain in chains for host in _in_scope(chain, entry)]
    details, name = field(entry, "details"), field(entry, "route")
    if details.startswith(NO_ROUTE):
        found = _by_authority(hosts, field(entry, "authority"))
        return Taken(host=found[0] if len(found) == 1 else None, told_by="the authority of requests without a route")
    routes = [route for chain in chains for route in chain.routes.get(name, ())]
    by = ["the route's name"] if name else []
    if any(chain.scoped is not None for chain in chains):
        ids = {each.id for each in hosts}
        routes = [each for each in routes if each.within in ids]
        by = [*by, "the key of its scope"]
    if not (name or details.startswith((_OWN_ANSWER, _OF_UPSTREAM, _NO_CLUSTER)) or clusters):
        return Taken()  # refused before a route was looked for: by a filter, by the codec
    return _narrowed(routes, hosts, entry, clusters, by)


def _in_scope(chain: FilterChain, entry: LogEntry) -> Sequence[VirtualHost]:
    """The virtual hosts in the scope whose key the request had; all, where routes are not scoped."""
    if chain.scoped is None:
        return chain.hosts
    logged = {header: entry.get(FIELD.format(number)) for number, header in enumerate(chain.scoped.headers)}
    values = {header: value for header, value in logged.items() if isinstance(value, str) and value != "-"}
    scope = chain.scoped.of(values.get)
    return [each for each in chain.hosts if scope is not None and each.scope == scope.name]


def _narrowed(
    routes: list[Route], hosts: Sequence[VirtualHost], entry: LogEntry, clusters: Collection[str], by: list[str]
) -> Taken:
    steps: list[tuple[str, Callable[[list[Route]], list[Route]]]] = [
        ("the kind of answer", lambda among: _by_answer(among, entry)),
        ("the cluster", lambda among: _by_cluster(among, clusters)),
        ("the authority", lambda among: _within(among, _by_authority(hosts, field(entry, "authority")))),
        ("the path", lambda among: _by_path(among, field(entry, "path"), field(entry, "method"))),
    ]
    for what, step in steps:
        if len(routes) <= 1:
            break
        fewer = step(routes)
        if len(fewer) < len(routes):
            by = [*by, what]
        routes = fewer
    within = {each.within for each in routes}
    host = next((each for each in hosts if each.id in within), None) if len(within) == 1 else None
    return Taken(routes, host, " and ".join(by) or "having no name")


def _by_answer(routes: list[Route], entry: LogEntry) -> list[Route]:
    details, status = field(entry, "details"), field(entry, "status")
    if details.startswith(_OWN_ANSWER):
        return [each for each in routes if each.answers and (each.status is None or str(each.status) == status)]
    if details.startswith((_OF_UPSTREAM, _NO_CLUSTER)):
        return [each for each in routes if not each.answers]
    return routes


def _by_cluster(routes: list[Route], clusters: Collection[str]) -> list[Route]:
    if not clusters:
        return routes
    return [each for each in routes if each.clusters is None or not each.clusters.isdisjoint(clusters)]


def _within(routes: list[Route], hosts: Iterable[VirtualHost]) -> list[Route]:
    ids = {each.id for each in hosts}
    return [each for each in routes if each.within in ids] if ids else routes


def _by_path(routes: list[Route], path: str, method: str) -> list[Route]:
    if method == _CONNECT and not path:
        return [each for each in routes if each.path[0] == "connect"]
    if not path:
        return routes
    found, done = list[Route](), set[str]()
    for each in routes:
        is_it = method == _CONNECT if each.path[0] == "connect" else _may_match(each, path.partition("?")[0])
        if is_it is not False and each.within not in done:
            found.append(each)
            if is_it and not each.has_more:  # nothing goes past it to those that follow in its virtual host
                done.add(each.within)
    return found


def _may_match(route: Route, path: str) -> bool | None:
    """Whether its rule takes the path; None where that is not known."""
    kind, value, case_counts = route.path
    if not case_counts:
        path, value = path.lower(), value.lower()
    match kind:
        case "exact":
            return path == value
        case "prefix":
            return path.startswith(value)
        case "separated":
            return path == value or path.startswith(f"{value}/")
        case "expression":
            with contextlib.suppress(expressions.CannotMakeError):
                return expressions.matches(value, path)
    return None


def _by_authority(hosts: Sequence[VirtualHost], authority: str) -> list[VirtualHost]:
    """The hosts of each table for that authority: exact, then the longest suffix, then prefix, then `*`, as Envoy."""
    found = []
    for table in dict.fromkeys((each.within, each.scope) for each in hosts):
        among = [(domain, host) for host in hosts if (host.within, host.scope) == table for domain in host.domains]
        ranked = [(rank, host) for domain, host in among if (rank := _rank(domain, authority.lower())) is not None]
        if ranked:
            found.append(max(ranked, key=lambda each: each[0])[1])
    return found


def _rank(domain: str, authority: str) -> tuple[int, int] | None:
    """How well a domain fits; None: not at all."""
    if domain == authority:
        return 3, len(domain)
    if domain == "*":
        return 0, 0
    if domain.startswith("*") and authority.endswith(domain[1:]) and len(authority) >= len(domain):
        return 2, len(domain)
    if domain.endswith("*") and authority.startswith(domain[:-1]) and len(authority) >= len(domain):
        return 1, len(domain)
    return None
