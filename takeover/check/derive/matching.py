"""Our own reading of which route takes a request: virtual hosts by their domains, then the first route that fits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import (
    Certificate,
    Chance,
    Condition,
    Connect,
    Cookie,
    Elsewhere,
    Grpc,
    Query,
    UnsureError,
)
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.paths import Path, template_expression
from takeover.model.json import JsonObject

NO_HOST = "no virtual host"
NO_ROUTE = "no route"

_PER = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
_URI_TEMPLATE = "envoy.extensions.path.match.uri_template"
_LITERALS = {"prefix": "prefix", "path": "path", "path_separated_prefix": "path_separated_prefix"}


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


class RouteReading:
    """A route, and what it asks for.

    Args:
        data: `envoy.config.route.v3.Route`.
        runtime: values of runtime keys that are certain.
    """

    def __init__(self, data: JsonObject, runtime: Mapping[str, object]) -> None:
        self.data = data
        self.unread: str = ""
        try:
            self.conditions: tuple[Condition, ...] = tuple(_conditions(data.get("match", {}), runtime))
        except (CannotMakeError, UnsureError) as error:
            self.conditions, self.unread = (Elsewhere(str(error)),), str(error)
        self._chance = _chance(data, runtime)

    def destination(self, ask: Ask) -> str:
        """The cluster to which the request goes, or the kind of its answer; empty where it cannot be told.

        Raises: UnsureError, of chance.
        """
        action = self.data.get("route", {})
        if self._chance:
            raise UnsureError(self._chance, chance=True)
        if "direct_response" in self.data:
            return f"direct response {self.data['direct_response'].get('status', 200)}"
        if "redirect" in self.data:
            return f"redirect {_REDIRECTS.get(self.data['redirect'].get('response_code', 'MOVED_PERMANENTLY'), 301)}"
        if "cluster" in action:
            return str(action["cluster"])
        if "cluster_header" in action:
            return ask.header(str(action["cluster_header"])) or ""
        if "weighted_clusters" in action:
            return _weighted(action["weighted_clusters"], ask)
        return ""

    def fits(self, ask: Ask) -> bool:
        """Whether it takes the request, if none before does. Raises: UnsureError."""
        unsure: UnsureError | None = None
        for each in self.conditions:
            try:
                if not each.fits(ask):
                    return False
            except UnsureError as error:
                unsure = error
            except CannotMakeError as error:
                unsure = UnsureError(str(error))
        if unsure is not None:
            raise unsure
        return True


class HostReading:
    """A virtual host, and its routes."""

    def __init__(self, data: JsonObject, runtime: Mapping[str, object]) -> None:
        self.data = data
        self.name = str(data.get("name", ""))
        self.domains = [str(each) for each in data.get("domains", ())]
        self.routes = [RouteReading(each, runtime) for each in data.get("routes", ())]
        self._by_start: dict[str, list[int]] = {}
        self._others: list[int] = []
        for number, route in enumerate(self.routes):
            path = route.conditions[0]
            if isinstance(path, Path) and path.kind in _LITERALS and not path.any_case:
                self._by_start.setdefault(path.value, []).append(number)
            else:
                self._others.append(number)
        self._lengths = sorted({len(each) for each in self._by_start})

    def candidates(self, path: str) -> list[int]:
        """The numbers of the routes that may take the path, in order: of thousands, those with another one are not."""
        found = list(self._others)
        for length in self._lengths:
            if length > len(path):
                break
            found += self._by_start.get(path[:length], ())
        return sorted(found)


class Table:
    """A RouteConfiguration: who takes which request.

    Args:
        data: `envoy.config.route.v3.RouteConfiguration`.
        runtime: values of runtime keys that are certain.
        strips_port: whether the connection manager takes the port from the host first.
    """

    def __init__(self, data: JsonObject, runtime: Mapping[str, object], *, strips_port: bool = False) -> None:
        self.data = data
        self.hosts = [HostReading(each, runtime) for each in data.get("virtual_hosts", ())]
        self._strips_port = strips_port or bool(data.get("ignore_port_in_host_matching"))
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
        name = authority.lower()
        if self._strips_port:
            name = re.sub(r":\d+$", "", name)
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
        host, is_sure = self.hosts[number], True
        demand = host.data.get("require_tls", "NONE")
        if demand != "NONE" and not ask.secure:
            return Taken(number, None, "redirect to https" if demand == "ALL" else "")
        if self._ignores_parameters:
            ask = ask.with_bare_path(re.sub(r";[^/]*", "", ask.bare_path))
        for place in host.candidates(ask.bare_path):
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


_REDIRECTS = {
    "MOVED_PERMANENTLY": 301, "FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308,
}  # fmt: skip


def weights(clusters: JsonObject) -> list[tuple[str, int]]:
    """The clusters of `envoy.config.route.v3.WeightedCluster` that have a weight, with it, in order."""
    named = [(str(each.get("name", "")), int(each.get("weight", 0) or 0)) for each in clusters.get("clusters", ())]
    return [each for each in named if each[1] > 0]


def _weighted(clusters: JsonObject, ask: Ask) -> str:
    choice = weights(clusters)
    if len(choice) == 1:
        return choice[0][0]
    if clusters.get("use_hash_policy"):
        return ""  # the same every time, but which one only Envoy's own hash says
    number = ask.header(str(clusters.get("header_name", "")))
    if number is None or not number.isdecimal():
        raise UnsureError("chooses between weighted clusters by chance", chance=True)
    rest = int(number) % sum(weight for _, weight in choice)
    for name, weight in choice:
        if rest < weight:
            return name
        rest -= weight
    return ""


def _chance(route: JsonObject, runtime: Mapping[str, object]) -> str:
    """Why one and the same request has now one, now another effect there; empty if it has not."""
    for each in route.get("route", {}).get("request_mirror_policies", ()):
        if 0 < share_at_run_time(each.get("runtime_fraction", {"default_value": {"numerator": 100}}), runtime) < 1:
            return "mirrors some of the requests by chance"
    return ""


def share_of(percent: JsonObject) -> float:
    """A `FractionalPercent` as a number from 0 to 1."""
    return float(percent.get("numerator", 0)) / _PER.get(percent.get("denominator", "HUNDRED"), 100)


def share_at_run_time(percent: JsonObject, runtime: Mapping[str, object]) -> float:
    """A `RuntimeFractionalPercent`, with what is known of runtime."""
    set_to = runtime.get(str(percent.get("runtime_key", "")))
    if isinstance(set_to, int | float) and not isinstance(set_to, bool):
        return float(set_to) / 100
    if isinstance(set_to, dict):
        return share_of(set_to)
    return share_of(percent.get("default_value", {}))


def _conditions(match: JsonObject, runtime: Mapping[str, object]) -> Sequence[Condition]:
    found: list[Condition] = [_path(match)]
    for key, value in match.items():
        if key == "headers":
            found += [Header(each) for each in value]
        elif key == "query_parameters":
            found += [Query(each) for each in value]
        elif key == "cookies":
            found += [Cookie(each) for each in value]
        elif key == "grpc":
            found.append(Grpc())
        elif key == "tls_context":
            found.append(Certificate(value))
        elif key == "runtime_fraction":
            found.append(Chance(share_at_run_time(value, runtime)))
        elif key in {"dynamic_metadata", "filter_state"}:
            found.append(Elsewhere(key.replace("_", " ")))
        elif key not in _PATHS:
            raise CannotMakeError(f"a match by {key}")
    return found


_PATHS = {*_LITERALS, "safe_regex", "connect_matcher", "path_match_policy", "case_sensitive"}


def _path(match: JsonObject) -> Condition:
    any_case = match.get("case_sensitive") is False
    for key, kind in _LITERALS.items():
        if key in match:
            return Path(kind, str(match[key]), any_case)
    if "connect_matcher" in match:
        return Connect()
    if "safe_regex" in match:
        return Path("safe_regex", str(match["safe_regex"].get("regex", "")))
    policy = match.get("path_match_policy")
    if policy is None:
        return Path("prefix", "")
    config = policy.get("typed_config", {})
    if not str(config.get("@type", "")).rpartition("/")[2].startswith(_URI_TEMPLATE):
        raise CannotMakeError(f"a match of paths by {policy.get('name')}")
    return Path("path_template", template_expression(str(config.get("path_template", ""))))


_IN_SEGMENTS = r"a-zA-Z0-9-._~%!$&'()+,;:@="
