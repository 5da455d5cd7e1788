"""The edges of what a configuration uses: of a connection manager once, of hosts and routes at each that has them."""

import itertools
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from typing import TypeAlias

from takeover.check.derive import jwt_edges, valued
from takeover.check.derive.adapting import Edge, Feature, Room, adapted, of_set, table
from takeover.check.derive.as_it_goes import config_for
from takeover.check.derive.ask import Ask, asks_of
from takeover.check.derive.chain_match import CONNECTION_MANAGER
from takeover.check.derive.conditions import Grpc, UnsureError
from takeover.check.derive.credentials import JWT
from takeover.check.derive.draft import Draft, Later, Unasked, slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.rate_limits import GLOBAL
from takeover.check.derive.routes import Reached, Routes
from takeover.model.json import JsonObject, encode
from takeover.reach.walking import Met, walk

Found: TypeAlias = Set[tuple[str, str]]
"""Messages with their fields that are set, and with none."""

_HOST, _ROUTE = "envoy.config.route.v3.VirtualHost", "envoy.config.route.v3.Route"
_TABLE = "envoy.config.route.v3.RouteConfiguration"
_HOSTS = frozenset({"virtual_hosts", "vhds"})
# What other parts make probes for, or no request tells of.
_ROUTES = frozenset({"routes", "matcher"})
_APART = frozenset({"route_config", "rds", "scoped_routes", "access_log"})
_COMPRESSOR = "envoy.extensions.filters.http.compressor.v3.Compressor"
_BUFFER, _ONE_ENDLESS = "envoy.extensions.filters.http.buffer.v3.Buffer", "websocket"
_GRPC = Grpc()
_METHODS, _TAILS = "/probe.Service/", ("probe", "reset-in-body")
# By these the upstream may get a path of which nothing is left.
_REWRITES = frozenset({"regex_rewrite", "path_rewrite_policy", "path_rewrite"})
_FILLING = ("edges", "basics")
_ONE_PATH = "it takes one path alone, or not all that are below it"
_CALLED = {"http1": "HTTP/1", "http2": "HTTP/2"}
_AT_ONCE = 10  # so many of one listener come before those of the next one
_FILLINGS = 30  # of a route
_FEATURE, _MANAGER, _FILLER, _AGAIN = 5, 20, 60, 75


class Features:
    """The edges of a connection manager and its routes.

    Args:
        routes: its routes, `reached` already.
        manager: its config.
        shaky: clusters that remember what went wrong: no upstream does wrong there.
    """

    def __init__(self, routes: Routes, manager: JsonObject, shaky: Set[str], unasked: Unasked) -> None:
        self._routes, self._manager, self._shaky, self._unasked = routes, manager, shaky, unasked
        self._compresses = self._buffers = False
        self._stages = frozenset[int]()
        self._settings = set[tuple[str, tuple[str, ...], bytes]]()
        self._of_grpc: Reached | None = None
        self._belows: dict[tuple[int, int], str | None] = {}
        self._rooms: dict[tuple[int, int], Room] = {}

    def drafts(self, *, of_manager: bool = True) -> Iterator[Later]:
        """The probes, those of one feature after the other.

        Args:
            of_manager: whether the manager's own are among them.
        """
        if (best := self._best(self._routes.reached)) is None:
            self._unasked.say(self._routes.place, "no request reaches a route: the edges of its listener are not asked")
            return
        met = list(walk(CONNECTION_MANAGER, {key: self._manager[key] for key in self._manager if key not in _APART}))
        found = _known(met)
        self._of_grpc = self._best(each for each in self._routes.reached if _GRPC.fits(each.ask)) or best
        self._compresses, self._buffers = (_COMPRESSOR, "") in found, (_BUFFER, "") in found
        self._stages = frozenset(int(each.data.get("stage") or 0) for each in met if each.message == GLOBAL)
        if of_manager:
            yield from self._of(best, found, met, "", _MANAGER)
            yield from self._of_tokens(best)
        table_of = self._routes.table.data
        met = list(walk(_TABLE, {key: value for key, value in table_of.items() if key not in _HOSTS}))
        yield from self._of(best, _known(met), met, "table" if self._routes.scope else "", _FEATURE)
        for number, host in enumerate(self._routes.table.hosts):
            inside = [each for each in self._routes.reached if each.host == number]
            if (first := self._best(inside)) is None:
                continue
            met = list(walk(_HOST, {key: value for key, value in host.data.items() if key not in _ROUTES}))
            yield from self._of(first, _known(met), met, host.name, _FEATURE)
            for each in inside:
                met = list(walk(_ROUTE, host.routes[each.route].data))
                label = host.routes[each.route].data.get("name") or f"route-{each.route}"
                yield from self._of(each, _known(met), met, slug(host.name, label), _FEATURE)
        for each in self._routes.reached:
            if each is not best:
                yield from self._filling(each)

    def _of(self, reached: Reached, found: Found, met: Sequence[Met], label: str, rank: int) -> Iterator[Later]:
        order = 0
        for feature in table():
            if not any((feature.feature, field) in found for field in (feature.fields or ("",))):
                continue
            # The same setting at the next route shows little more.
            later = _AGAIN if label and self._is_known(feature, met) else 0
            is_wide = bool(feature.sets)
            for edge in feature.all:
                order += 1
                at = rank + order // _AT_ONCE if is_wide else _FEATURE + order // _AT_ONCE
                is_anywhere = not label and edge.entry.get("protocol") == "grpc"
                to = self._of_grpc if is_anywhere and self._of_grpc is not None else reached
                yield from self._later(to, edge, label, feature.feature, at + later)

        def say(place: str, why: str) -> None:
            self._unasked.say(f"{label or self._routes.door.listener}: {place}", why)

        for place, why in valued.unasked(met, reached.ask):
            say(place, why)
        for message, edge in valued.edges(met, reached.ask, say, self._stages):
            yield from self._later(reached, edge, label, message, _FEATURE)

    def _of_tokens(self, best: Reached) -> Iterator[Later]:
        """What filters of JWT take, where they ask for it: each route may have a rule of its own."""
        routes = self._routes
        asks = [best.ask, *(each.ask for each in routes.reached if each is not best and not each.ask.extra)]
        for http_filter, rules in routes.credentials.jwt():

            def own(ask: Ask, http_filter: JsonObject = http_filter) -> JsonObject | None:
                try:
                    found = config_for(http_filter, routes.settings(routes.table.taken(ask)))
                except UnsureError:
                    return None
                return None if found is None else found[1]

            def say(place: str, why: str, name: object = http_filter.get("name")) -> None:
                self._unasked.say(f"{routes.door.listener}: {name}: {place}", why)

            for edge in jwt_edges.edges(rules, asks, own, say):
                yield from self._later(best, edge, "", JWT, _FEATURE)

    def _is_known(self, feature: Feature, met: Sequence[Met]) -> bool:
        """Whether the feature was set so before; from now on it was."""
        values = [_set(each, feature.fields) for each in met if each.message == feature.feature]
        setting = (feature.feature, feature.fields, encode(values, "sorted"))
        is_known = setting in self._settings
        self._settings.add(setting)
        return is_known

    def _filling(self, reached: Reached) -> Iterator[Later]:
        """What every route may be asked, where the bounds leave room."""
        host = self._routes.table.hosts[reached.host]
        label = slug(host.name, host.routes[reached.route].data.get("name") or f"route-{reached.route}")
        edges = (edge for name in _FILLING for edge in of_set(name) if not (edge.is_of_upstream or edge.is_endless))
        for order, edge in enumerate(itertools.islice(edges, _FILLINGS)):
            yield from self._later(reached, edge, label, CONNECTION_MANAGER, _FILLER + order)

    def _later(self, reached: Reached, edge: Edge, label: str, message: str, rank: int) -> Iterator[Later]:
        if edge.is_of_upstream and not reached.to_cluster:
            return
        if self._buffers and edge.is_endless and edge.name != _ONE_ENDLESS:
            return  # the filter waits for an end, and the probe for an answer: one shows as much as all
        if self._below(reached) is None and edge.needs_below:
            if rank < _FILLER:
                self._unasked.say(f"{label or self._routes.door.listener}: paths below it", _ONE_PATH)
            return
        if self._compresses and edge.is_of_set and "accept-encoding" in str(edge.entry).lower():
            return  # an echo that is compressed is not the same every time: there are ids in it
        if edge.is_of_upstream and reached.expects in self._shaky:
            reason = "it ejects endpoints that answer wrongly, by its own clock: none does so there"
            self._unasked.say(f"cluster {reached.expects}", reason)
            return
        host, door = self._routes.table.hosts[reached.host], self._routes.door
        if edge.of_http and door.only and edge.of_http != door.only:
            one, other = _CALLED[edge.of_http], _CALLED[door.only]
            place = f"{door.listener}: edges that {one} alone has"  # a listener may have dozens of such chains
            self._unasked.say(place, f"filter chain {door.chain} takes {other} alone")
            return
        scope = self._routes.scope
        of = (door.listener, door.chain, scope, host.name, str(reached.route)) if label else (door.listener, door.chain)
        draft = Draft(
            subject="upstream" if edge.is_of_upstream else edge.subject,
            name=slug(scope if label else "", label or door.listener, edge.name),
            entry={},
            rank=rank,
            of=of,
            listener=door.listener,
            chain=door.chain,
            host=host.name,
            scope=scope,
            route=reached.route,
            condition=f"{message.rpartition('.')[2]}: {edge.name}",
        )
        yield Later(draft.subject, rank, of, lambda: self._made(draft, reached, edge))

    def _made(self, draft: Draft, reached: Reached, edge: Edge) -> Draft | None:
        routes = self._routes
        try:
            entry = self._entry(edge, reached)
            if entry is None or not (routes.door.takes(entry) and routes.door.is_certain(entry)):
                return None
            taken = [reached.taken, *map(routes.table.taken, asks_of(entry, reached.ask))]
        except UnsureError:
            return None  # what would take it is of chance, which is said of that route
        is_limited = any(map(routes.limited.may_ask, taken))
        return replace(draft, entry=routes.door.entry(entry), is_limited=is_limited)

    def _entry(self, edge: Edge, reached: Reached) -> JsonObject | None:
        """The edge's entry, let in by the filters, unless that is what it tries. Raises: UnsureError, of chance."""
        room, ask = self._room(reached), edge.ask or reached.ask
        if not edge.is_let_in:
            return adapted(edge, ask, room)
        entry = adapted(edge, ask if edge.ask is None else self._routes.let_in(ask), room)
        path = None if entry is None or "steps" in entry else entry.get("path")
        if entry is None or "path" not in edge.entry or not isinstance(path, str) or not path.startswith("/"):
            return entry
        # Filters may ask for something else at another path.
        there = self._routes.let_in(ask.but(path=path, method=str(entry.get("method", "GET"))))
        if (there.headers, there.path) == (ask.headers, path):
            return entry
        let_in = adapted(edge, ask.but(headers=there.headers), room)
        return None if let_in is None else {**let_in, "path": there.path}

    def _best(self, reached: Iterable[Reached]) -> Reached | None:
        """Of those the one at which edges tell the most: that leads to a cluster, below which all is taken."""
        return max(reached, key=self._worth, default=None)

    def _worth(self, reached: Reached) -> tuple[bool, bool, bool, bool, int, int]:
        ask = reached.ask
        is_simple = ask.method == "GET" and ask.protocol in {"http1", "http2"} and not ask.extra
        is_calm = reached.to_cluster and reached.expects not in self._shaky
        has_room = self._below(reached) is not None
        return not reached.is_refused, is_calm, is_simple, has_room, -len(ask.headers), -reached.route - reached.host

    def _below(self, reached: Reached) -> str | None:
        """A path below which the route takes all; None: there is none."""
        key = (reached.host, reached.route)
        if key not in self._belows:
            self._belows[key] = self._taking_below(reached, [reached.ask.bare_path.rstrip("/") + "/"])
        return self._belows[key]

    def _room(self, reached: Reached) -> Room:
        """The paths that the route leaves to its edges."""
        key = (reached.host, reached.route)
        if key not in self._rooms:
            path = reached.ask.bare_path
            below = self._below(reached)
            methods = self._taking_below(
                reached, [_METHODS, path.rpartition("/")[0] + "/", *([below] if below else [])]
            )
            action = self._routes.table.hosts[reached.host].routes[reached.route].data.get("route", {})
            self._rooms[key] = Room(below=below, methods=methods, keeps_path=not _REWRITES & set(action))
        return self._rooms[key]

    def _taking_below(self, reached: Reached, paths: Iterable[str]) -> str | None:
        """The first of the paths, with a slash at its end, below which the route takes all; None: there is none."""
        for path in paths:
            try:
                taken = [self._routes.table.taken(reached.ask.with_bare_path(path + tail)) for tail in _TAILS]
            except (UnsureError, CannotMakeError):
                continue
            if all((each.host, each.route) == (reached.host, reached.route) for each in taken):
                return path
        return None


def _set(met: Met, fields: Sequence[str]) -> JsonObject:
    return {field: met.value(field) for field in fields} if fields else dict(met.data)


def _known(met: Iterable[Met]) -> set[tuple[str, str]]:
    found = set[tuple[str, str]]()
    for each in met:
        found.add((each.message, ""))
        found |= {(each.message, field) for field in each.fields}
    return found
