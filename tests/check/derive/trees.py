"""Trees of matchers: of routes behind a listener, and of filter chains."""

from typing import Any

from tests.check.derive.by_hand import bootstrap, cluster, listener, manager

API = "type.googleapis.com/envoy."
_ROUTE = f"{API}config.route.v3.Route"
_ROUTES = f"{API}config.route.v3.RouteList"
_CLUSTERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def header(name: str) -> dict[str, Any]:
    return _input("type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)


def _input(message: str, **fields: Any) -> dict[str, Any]:
    return {"name": "input", "typed_config": {"@type": f"{API}{message}", **fields}}


def single(of: dict[str, Any], **match: Any) -> dict[str, Any]:
    return {"single_predicate": {"input": of, "value_match": match}}


def every(*predicates: dict[str, Any]) -> dict[str, Any]:
    return {"and_matcher": {"predicate": list(predicates)}}


def some(*predicates: dict[str, Any]) -> dict[str, Any]:
    return {"or_matcher": {"predicate": list(predicates)}}


def no(predicate: dict[str, Any]) -> dict[str, Any]:
    return {"not_matcher": predicate}


def to(name: str, **match: Any) -> dict[str, Any]:
    """An action: the route of that name, to the cluster of that name."""
    route = {"@type": _ROUTE, "name": name, "match": match or {"prefix": "/"}, "route": {"cluster": name}}
    return {"action": {"name": "route", "typed_config": route}}


def to_list(*names: str) -> dict[str, Any]:
    """An action: routes by the paths `/NAME`."""
    routes = [{"name": each, "match": {"prefix": f"/{each}"}, "route": {"cluster": each}} for each in names]
    return {"action": {"name": "routes", "typed_config": {"@type": _ROUTES, "routes": routes}}}


def weighted(*names: str) -> dict[str, Any]:
    """An action: a route by chance to one of those clusters."""
    made = to(names[0])
    choice = {"clusters": [{"name": each, "weight": 1} for each in names]}
    made["action"]["typed_config"] |= {"name": "weighted", "route": {"weighted_clusters": choice}}
    return made


def listed(*pairs: tuple[dict[str, Any], dict[str, Any]], otherwise: dict[str, Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "matcher_list": {"matchers": [{"predicate": asked, "on_match": match} for asked, match in pairs]}
    }
    return made if otherwise is None else {**made, "on_no_match": otherwise}


def mapped(
    kind: str, of: dict[str, Any], values: dict[str, dict[str, Any]], otherwise: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A tree by the keys of a map; `kind`: exact, prefix."""
    made: dict[str, Any] = {"matcher_tree": {"input": of, f"{kind}_match_map": {"map": values}}}
    return made if otherwise is None else {**made, "on_no_match": otherwise}


def nested(matcher: dict[str, Any]) -> dict[str, Any]:
    return {"matcher": matcher}


def tree() -> dict[str, Any]:
    """One with all that there is: maps of whole texts and of beginnings, lists, and, or, not, nested ones."""
    by_path = mapped(
        "prefix",
        header(":path"),
        {
            "/shop": nested(
                listed(
                    (every(single(header("x-a"), exact="a"), no(single(header("x-beta"), exact="1"))), to("one")),
                    (some(single(header("x-c"), prefix="yes"), single(header("x-b"), contains="yes")), to("two")),
                    otherwise=to("three"),
                )
            ),
            "/shop/new": to("four"),
            "/lists": to_list("lists/five", "lists/six"),
            "/a.b's": weighted("one", "two"),
        },
        otherwise=nested(
            listed(
                (single(header(":method"), exact="DELETE"), to("seven")),
                (no(single(header("x-there"), safe_regex={"google_re2": {}, "regex": ".+"})), to("eight")),
                otherwise=to("nine"),
            )
        ),
    )
    return mapped("exact", header("x-env"), {"test": to("ten")}, otherwise=nested(by_path))


def gateway() -> dict[str, Any]:
    """A listener with the tree."""
    host = {"name": "tree", "domains": ["*"], "matcher": tree()}
    clusters = [cluster(name) for name in (*_CLUSTERS, "lists/five", "lists/six")]
    return bootstrap([listener("front", 10001, {"name": "http", "filters": [manager(host)]})], clusters)
