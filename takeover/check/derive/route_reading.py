"""Our own reading of a route: what it asks of a request, and where that goes then."""

from collections.abc import Iterable, Mapping, Sequence

from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import (
    Certificate,
    Chance,
    Condition,
    Connect,
    Cookie,
    Elsewhere,
    Grpc,
    NoNumberError,
    Query,
    UnsureError,
)
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.paths import Path, template_expression
from takeover.check.derive.predicates import Predicate
from takeover.check.messages import CHOICE, message_of
from takeover.check.shares import settled, share_of
from takeover.model.json import JsonObject

URI_TEMPLATE = "envoy.extensions.path.match.uri_template"
LITERALS = {"prefix": "prefix", "path": "path", "path_separated_prefix": "path_separated_prefix"}


class RouteReading:
    """A route, and what it asks for.

    Args:
        data: `envoy.config.route.v3.Route`.
        runtime: values of runtime keys that are certain.
        asked: what a tree of matchers asks for before the route does.
    """

    def __init__(
        self, data: JsonObject, runtime: Mapping[str, object], asked: tuple[Predicate[Ask], ...] = (), unread: str = ""
    ) -> None:
        self.data, self.asked = data, asked
        self.unread: str = unread
        try:
            own = _conditions(data.get("match", {}), runtime)
            self.conditions: tuple[Condition, ...] = (*asked, *own)
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
        return fit(self.conditions, ask)


def fit(conditions: Iterable[Condition], ask: Ask) -> bool:
    """Whether a request has all that is asked for. Raises: UnsureError, if nothing is that it surely has not."""
    unsure: UnsureError | None = None
    for each in conditions:
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


_REDIRECTS = {
    "MOVED_PERMANENTLY": 301, "FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308,
}  # fmt: skip


def weights(clusters: JsonObject) -> list[tuple[str, int]]:
    """The clusters of `envoy.config.route.v3.WeightedCluster` that have a weight, with it, in order."""
    named = [(str(each.get("name", "")), int(each.get("weight", 0) or 0)) for each in clusters.get("clusters", ())]
    return [each for each in named if each[1] > 0]


def choosing_header(clusters: JsonObject) -> str:
    """The header by whose number Envoy chooses, a `WeightedCluster`'s own or that which the world names; else empty."""
    if len(weights(clusters)) < 2 or "use_hash_policy" in clusters:
        return ""
    return str(clusters.get("header_name") or CHOICE)


def _weighted(clusters: JsonObject, ask: Ask) -> str:
    choice = weights(clusters)
    if len(choice) == 1:
        return choice[0][0]
    if clusters.get("use_hash_policy"):
        return ""  # the same every time, but which one only Envoy's own hash says
    number = ask.header(header := choosing_header(clusters))
    if number is None or not number.isdecimal():
        raise NoNumberError(header)
    rest = int(number) % sum(weight for _, weight in choice)
    for name, weight in choice:
        if rest < weight:
            return name
        rest -= weight
    return ""


def _chance(route: JsonObject, runtime: Mapping[str, object]) -> str:
    """Why one and the same request has now one, now another effect there; empty if it has not."""
    for each in route.get("route", {}).get("request_mirror_policies", ()):
        share = each.get("runtime_fraction", {"default_value": {"numerator": 100}})
        if 0 < share_at_run_time(share, runtime, copies=True) < 1:
            return "mirrors some of the requests by chance"
    return ""


def share_at_run_time(percent: JsonObject, runtime: Mapping[str, object], *, copies: bool = False) -> float:
    """A `RuntimeFractionalPercent`, with what is known of runtime; one without a key as the world settles it.

    Args:
        copies: whether it is one of requests that are copied.
    """
    if not percent.get("runtime_key"):
        return settled(share_of(percent.get("default_value", {})), copies=copies)
    set_to = runtime.get(str(percent["runtime_key"]))
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


_PATHS = {*LITERALS, "safe_regex", "connect_matcher", "path_match_policy", "case_sensitive"}


def _path(match: JsonObject) -> Condition:
    any_case = match.get("case_sensitive") is False
    for key, kind in LITERALS.items():
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
    if not message_of(config).startswith(URI_TEMPLATE):
        raise CannotMakeError(f"a match of paths by {policy.get('name')}")
    return Path("path_template", template_expression(str(config.get("path_template", ""))))
