"""Our own reading of which route takes a request: virtual hosts by their domains, then the first route that fits."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import Condition, UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.paths import Path
from takeover.check.derive.predicates import Predicate
from takeover.check.derive.request_inputs import Unread, asked
from takeover.check.derive.route_reading import LITERALS, RouteReading, fit
from takeover.check.derive.sanitizing import PROTO
from takeover.check.derive.stripping import Stripping
from takeover.check.trees import ROUTE, ROUTES, End, ends, routes_of
from takeover.model.json import JsonObject

_NOTHING = Stripping()
NO_HOST = "no virtual host"
NO_ROUTE = "no route"
# What `require_tls` asks, of who says that TLS ended before this Envoy, too.
_WITHOUT_TLS = Header({"name": PROTO, "string_match": {"exact": "https"}, "invert_match": True})


@dataclass(frozen=True)
class Taken:
    """Who takes a request.

    Args:
        host: the virtual host's number; None: none.
        route: the route's number in it; None: none.
        expects: the cluster or kind of answer; empty where it cannot be told.
    """

    host: int | None
    route: int | None
    expects: str


@dataclass(frozen=True)
class _Branch:
    """An end of a host's tree of matchers.

    Args:
        asked: what is asked for on the way to it.
        places: the numbers of the routes that stand at it.
    """

    asked: tuple[Predicate[Ask], ...]
    places: tuple[int, ...]

    def fits(self, ask: Ask) -> bool:
        """Whether the request comes to it, if it comes to none before. Raises: UnsureError."""
        return fit(self.asked, ask)


class HostReading:
    """A virtual host, and its routes: those of its list, or at the ends of its tree of matchers.

    Attributes:
        places: where each of the routes stands in it, such as `routes[0]`.
    """

    def __init__(self, data: JsonObject, runtime: Mapping[str, object]) -> None:
        self.data = data
        self.name = str(data.get("name", ""))
        self.domains = [str(each) for each in data.get("domains", ())]
        self.places: list[str] = []
        self.routes: list[RouteReading] = []
        self._branches: list[_Branch] = []
        self._by_start: dict[str, list[int]] = {}
        self._others: list[int] = []
        if isinstance(data.get("matcher"), dict):
            self._read_tree(runtime)
        else:
            self._read_list(runtime)
        self._lengths = sorted({len(each) for each in self._by_start})

    def _read_list(self, runtime: Mapping[str, object]) -> None:
        for number, each in enumerate(routes_of(self.data)):
            route = RouteReading(each.data, runtime)
            self.places.append(each.path)
            self.routes.append(route)
            path = route.conditions[0]
            if isinstance(path, Path) and path.kind in LITERALS and not path.any_case:
                self._by_start.setdefault(path.value, []).append(number)
            else:
                self._others.append(number)

    def _read_tree(self, runtime: Mapping[str, object]) -> None:
        at: dict[str, list[int]] = {}
        of_end = {end.path: _read(end, runtime) for end in ends(self.data["matcher"])}
        for number, each in enumerate(routes_of(self.data)):
            assert each.end is not None
            self.places.append(each.path)
            self.routes.append(RouteReading(each.data, runtime, *of_end[each.end.path]))
            at.setdefault(each.end.path, []).append(number)
        self._branches = [_Branch(conditions, tuple(at.get(path, ()))) for path, (conditions, _) in of_end.items()]

    def candidates(self, ask: Ask) -> tuple[list[int], bool]:
        """The numbers of the routes that may take the request, in order, and whether no others may.

        Of thousands, those with another path are not among them.
        """
        if self._branches:
            return self._at_branches(ask)
        found, path = list(self._others), ask.bare_path
        for length in self._lengths:
            if length > len(path):
                break
            found += self._by_start.get(path[:length], ())
        return sorted(found), True

    def _at_branches(self, ask: Ask) -> tuple[list[int], bool]:
        found, is_sure = list[int](), True
        for each in self._branches:
            try:
                if each.fits(ask):
                    return [*found, *each.places], is_sure
            except UnsureError:
                is_sure = False
                found += each.places
        return found, is_sure

    def demands_tls(self, ask: Ask) -> bool:
        """Whether it may redirect the request to one over TLS, before it looks at a route."""
        return self.data.get("require_tls", "NONE") != "NONE" and ask.header(PROTO) != "https"

    def in_the_way(self, place: int, taken: int | None, ask: Ask) -> Iterator[Condition]:
        """What is asked for by what takes the request before the route there could; `taken` by which route."""
        if taken is not None:
            yield from self.routes[taken].conditions if taken < place else ()
            return
        if self.demands_tls(ask):
            yield _WITHOUT_TLS
            return
        for each in self._branches:
            if each.fits(ask):
                yield from each.asked if place not in each.places else ()
                return


def _read(end: End, runtime: Mapping[str, object]) -> tuple[tuple[Predicate[Ask], ...], str]:
    """What is asked for on the way to an end; and why that is not known, if it is not."""
    try:
        if end.unread or end.message not in (ROUTE, ROUTES):
            raise CannotMakeError(end.unread or f"an action that is no route: {end.message}")
        return tuple(asked(each, runtime) for each in end.asked), ""
    except CannotMakeError as error:
        return (Unread(str(error)),), str(error)


class Table:
    """A RouteConfiguration: who takes which request.

    Args:
        data: `envoy.config.route.v3.RouteConfiguration`.
        runtime: values of runtime keys that are certain.
        stripping: what the connection manager takes from the host first.
    """

    def __init__(self, data: JsonObject, runtime: Mapping[str, object], *, stripping: Stripping = _NOTHING) -> None:
        self.data, self.runtime = data, runtime
        self.hosts = [HostReading(each, runtime) for each in data.get("virtual_hosts", ())]
        ignores_port = data.get("ignore_port_in_host_matching") is True
        self.stripping = replace(stripping, any_port=True) if ignores_port else stripping
        self._ignores_parameters = bool(data.get("ignore_path_parameters_in_path_matching"))
        self._exact: dict[str, int] = {}
        self._suffixes: dict[str, int] = {}
        self._prefixes: dict[str, int] = {}
        self._any: int | None = None
        for number, host in enumerate(self.hosts):
            for each in map(str.lower, host.domains):
                if each == "*":
                    self._any = number if self._any is None else self._any
                elif each.startswith("*"):
                    self._suffixes.setdefault(each[1:], number)
                elif each.endswith("*"):
                    self._prefixes.setdefault(each[:-1], number)
                else:
                    self._exact.setdefault(each, number)
        self._longest_first = (
            sorted(self._suffixes, key=len, reverse=True), sorted(self._prefixes, key=len, reverse=True),
        )  # fmt: skip

    def host_of(self, authority: str) -> int | None:
        """The number of the virtual host that takes the authority."""
        name = self.stripping.of(authority.lower())
        if (exact := self._exact.get(name)) is not None:
            return exact
        suffixes, prefixes = self._longest_first
        for each in suffixes:
            if len(name) > len(each) and name.endswith(each):
                return self._suffixes[each]
        for each in prefixes:
            if len(name) > len(each) and name.startswith(each):
                return self._prefixes[each]
        return self._any

    def taken(self, ask: Ask) -> Taken:
        """Who takes the request.

        Raises: UnsureError, of chance, if a route before takes some of such requests.
        """
        number = self.host_of(ask.host)
        if number is None:
            return Taken(None, None, NO_HOST)
        host = self.hosts[number]
        if host.demands_tls(ask):
            return Taken(number, None, "redirect to https" if host.data["require_tls"] == "ALL" else "")
        if self._ignores_parameters:
            ask = ask.with_bare_path(re.sub(r";[^/]*", "", ask.bare_path))
        places, is_sure = host.candidates(ask)
        for place in places:
            route = host.routes[place]
            try:
                if route.fits(ask):
                    expects = route.destination(ask)
                    return Taken(number, place, expects if is_sure else "")
            except UnsureError as error:
                if error.chance:
                    raise
                is_sure = False
        return Taken(number, None, NO_ROUTE if is_sure else "")
