"""Trees of matchers: of routes behind a listener, and of filter chains."""

from typing import Any

from tests.check.derive.by_hand import bootstrap, cluster, listener, manager
from tests.check.derive.twenty import answer, chain, tls

API = "type.googleapis.com/envoy."
_ROUTE = f"{API}config.route.v3.Route"
_ROUTES = f"{API}config.route.v3.RouteList"
_CLUSTERS = ("one", "two", "three", "four", "lists/five", "lists/six", "seven", "eight", "nine", "ten")


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
    clusters = [cluster(name) for name in _CLUSTERS]
    return bootstrap([listener("front", 10001, {"name": "http", "filters": [manager(host)]})], clusters)


def of_connection(name: str) -> dict[str, Any]:
    """An input of that name, such as `ServerNameInput`."""
    return _input(f"extensions.matching.common_inputs.network.v3.{name}")


def to_chain(name: str) -> dict[str, Any]:
    """An action: the filter chain of that name."""
    config = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": name}
    return {"action": {"name": "chain", "typed_config": config}}


def by_nets(*nets: tuple[str, int, dict[str, Any]], otherwise: dict[str, Any]) -> dict[str, Any]:
    """A tree by the nets from which connections come."""
    listed = [
        {"ranges": [{"address_prefix": prefix, "prefix_len": length}], "on_match": match}
        for prefix, length, match in nets
    ]
    custom = {"@type": "type.googleapis.com/xds.type.matcher.v3.IPMatcher", "range_matchers": listed}
    tree = {"input": of_connection("SourceIPInput"), "custom_match": {"name": "nets", "typed_config": custom}}
    return {"matcher_tree": tree, "on_no_match": otherwise}


def by_names(*names: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A tree by server names."""
    listed = [{"domains": [name], "on_match": match} for name, match in names]
    custom = {"@type": "type.googleapis.com/xds.type.matcher.v3.ServerNameMatcher", "domain_matchers": listed}
    tree = {"input": of_connection("ServerNameInput"), "custom_match": {"name": "names", "typed_config": custom}}
    return {"matcher_tree": tree}


def doors() -> dict[str, Any]:
    """Listeners whose chains a tree chooses: by where connections come from and go to, and by their first bytes."""
    port, transport = of_connection("DestinationPortInput"), of_connection("TransportProtocolInput")
    protocol, address = of_connection("ApplicationProtocolInput"), of_connection("DestinationIPInput")
    first_bytes = mapped(
        "exact",
        transport,
        {
            "tls": nested(
                {
                    **by_names(
                        ("a.example", to_chain("name")),
                        ("*.b.example", to_chain("below")),
                        ("*", nested(mapped("exact", protocol, {"'h2'": to_chain("h2")}))),
                    ),
                    "on_no_match": to_chain("any-tls"),
                }
            ),
            "raw_buffer": nested(
                listed(
                    (single(protocol, contains="http/1.1"), to_chain("http1")),
                )
            ),
        },
    )
    ends = by_nets(
        ("10.0.0.0", 8, nested(mapped("exact", port, {"8443": to_chain("ten-secure"), "8080": to_chain("ten")}))),
        ("10.1.0.0", 16, to_chain("ten-one")),
        otherwise=nested(
            listed(
                (every(single(address, prefix="192.0.2."), no(single(port, exact="81"))), to_chain("documented")),
                (some(single(port, exact="81"), single(port, exact="82")), to_chain("eighty")),
            )
        ),
    )
    inspectors = [_inspector("tls_inspector", "TlsInspector"), _inspector("http_inspector", "HttpInspector")]
    secured = [chain(name, answer(name), {}, tls()) for name in ("name", "below", "h2", "any-tls")]
    plain = [chain(name, answer(name), {}) for name in ("http1", "unnamed")]
    first = listener(
        "inspected", 10002, *secured, *plain, listener_filters=inspectors, filter_chain_matcher=first_bytes
    )
    first["default_filter_chain"] = chain("rest", answer("rest"), {})
    headed = [chain(name, answer(name), {}) for name in ("ten-secure", "ten", "ten-one", "documented", "eighty")]
    proxy = [_inspector("proxy_protocol", "ProxyProtocol")]
    second = listener("headed", 10003, *headed, listener_filters=proxy, filter_chain_matcher=ends)
    for each in (*first["filter_chains"], *second["filter_chains"], first["default_filter_chain"]):
        del each["filter_chain_match"]
    return bootstrap([first, second], [cluster("one")])


def _inspector(package: str, name: str) -> dict[str, Any]:
    return {"name": package, "typed_config": {"@type": f"{API}extensions.filters.listener.{package}.v3.{name}"}}
