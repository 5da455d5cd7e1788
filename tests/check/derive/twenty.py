"""A gateway with routes of every kind of match, each with a cluster or an answer of its own."""

from typing import Any

from tests.check.derive.by_hand import bootstrap, cluster, listener, manager

_TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"

MATCHES: dict[str, dict[str, Any]] = {
    "exact": {"path": "/exact"},
    "exact-any-case": {"path": "/Loose", "case_sensitive": False},
    "separated": {"path_separated_prefix": "/separated"},
    "expression": {"safe_regex": {"regex": "/v[12]/(users|items)/[0-9]+(/.*)?"}},
    "template": {
        "path_match_policy": {
            "name": "envoy.path.match.uri_template.uri_template_matcher",
            "typed_config": {"@type": _TEMPLATE, "path_template": "/shop/{shop}/*/**"},
        }
    },
    "tunnel": {"connect_matcher": {}},
    "header-exact": {"prefix": "/h", "headers": [{"name": "X-Tenant", "string_match": {"exact": "blue"}}]},
    "header-present": {"prefix": "/h", "headers": [{"name": "x-there", "present_match": True}]},
    "header-absent": {"prefix": "/absent", "headers": [{"name": "x-there", "present_match": False}]},
    "header-range": {"prefix": "/h", "headers": [{"name": "x-number", "range_match": {"start": 5, "end": 9}}]},
    "header-inverted": {
        "prefix": "/i", "headers": [{"name": "x-a", "string_match": {"prefix": "no"}, "invert_match": True}]
    },
    "header-missing-is-empty": {
        "prefix": "/m",
        "headers": [{
            "name": "x-a", "string_match": {"exact": "a"}, "invert_match": True, "treat_missing_header_as_empty": True
        }],
    },
    "header-expression": {
        "prefix": "/h", "headers": [{"name": "x-b", "string_match": {"safe_regex": {"regex": "(a|b)+c{2}"}}}]
    },
    "header-contains-and-suffix": {
        "prefix": "/h",
        "headers": [
            {"name": "x-c", "string_match": {"contains": "middle", "ignore_case": True}},
            {"name": "x-d", "string_match": {"suffix": ".end"}},
        ],
    },
    "method": {"prefix": "/h", "headers": [{"name": ":method", "string_match": {"exact": "DELETE"}}]},
    "query": {"prefix": "/q", "query_parameters": [{"name": "a", "string_match": {"exact": "1"}}, {"name": "b"}]},
    "grpc": {"prefix": "/package.Service/", "grpc": {}},
    "all-of-it": {"prefix": "/all", "runtime_fraction": {"default_value": {"numerator": 100}}},
    "most-of-it": {
        "prefix": "/most", "runtime_fraction": {"runtime_key": "most.of.it", "default_value": {"numerator": 60}}
    },
    "none-of-it": {"prefix": "/none", "runtime_fraction": {"default_value": {"numerator": 0}}},
    "some-of-it": {
        "prefix": "/some", "runtime_fraction": {"runtime_key": "some.of.it", "default_value": {"numerator": 40}}
    },
    "shadowed": {"prefix": "/separated/below"},
    "prefix": {"prefix": "/api"},
}  # fmt: skip


def gateway() -> dict[str, Any]:
    """It, with a virtual host for each kind of domain besides."""
    routes, clusters = [], []
    for name, match in MATCHES.items():
        action: dict[str, Any] = {"cluster": name}
        if name == "tunnel":
            action["upgrade_configs"] = [{"upgrade_type": "CONNECT", "connect_config": {}}]
        routes.append({"name": name, "match": match, "route": action})
        clusters.append(cluster(name, 7 if name == "tunnel" else 80))
    routes += [
        {"name": "answer", "match": {"prefix": "/answer"}, "direct_response": {"status": 418}},
        {"name": "moved", "match": {"prefix": "/moved"}, "redirect": {"host_redirect": "b", "response_code": "FOUND"}},
        {"name": "weighted", "match": {"prefix": "/weighted"}, "route": {"weighted_clusters": {
            "header_name": "x-pick", "clusters": [{"name": "prefix", "weight": 1}, {"name": "exact", "weight": 9}]}}},
        {"name": "by-chance", "match": {"prefix": "/chance"}, "route": {"weighted_clusters": {
            "clusters": [{"name": "prefix", "weight": 1}, {"name": "exact", "weight": 9}]}}},
        {"name": "by-header", "match": {"prefix": "/pick"}, "route": {"cluster_header": "x-cluster"}},
    ]  # fmt: skip
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    hosts = [
        {"name": "all", "domains": ["app.example", "second.example:8000"], "routes": routes},
        {"name": "below", "domains": ["*.app.example"], "routes": [{"name": "below", **answer}]},
        {"name": "begins", "domains": ["app.*"], "routes": [{"name": "begins", **answer}]},
        {"name": "secure", "domains": ["secure.example"], "require_tls": "ALL", "routes": [answer]},
    ]  # fmt: skip
    options: dict[str, Any] = {
        "http2_protocol_options": {"allow_connect": True},
        "upgrade_configs": [{"upgrade_type": "CONNECT"}],
    }
    return bootstrap([listener("front", 10001, {"name": "http", "filters": [manager(*hosts, **options)]})], clusters)


def doors() -> dict[str, Any]:
    """Listeners whose chains are told apart by SNI, TLS, ALPN, a client's certificate and a PROXY header."""
    inspector = {"name": "tls", "typed_config": {"@type": f"{_LISTENER_FILTERS}.tls_inspector.v3.TlsInspector"}}
    header = {"name": "proxy", "typed_config": {"@type": f"{_LISTENER_FILTERS}.proxy_protocol.v3.ProxyProtocol"}}
    chains = [
        chain("exact", answer("exact"), {"server_names": ["a.example", "b.example"]}, tls()),
        chain("below", answer("below"), {"server_names": ["*.c.example"]}, tls()),
        chain("over-2", answer("over-2"), {"server_names": ["d.example"], "application_protocols": ["h2"]}, tls()),
        chain("demands", answer("demands", SHOWN), {"server_names": ["e.example"]}, tls(demands=True)),
        chain("either", answer("either", CALLED), {**EITHER, "server_names": ["f.example"]}, tls()),
        chain("plain", tcp(), {"transport_protocol": "raw_buffer"}),
    ]
    first = listener("secure", 10002, *chains, listener_filters=[inspector])
    second = listener("other", 10003, chain("any", answer("any"), {"transport_protocol": "tls"}, tls()))
    second |= {"default_filter_chain": chain("rest", tcp(), {}), "listener_filters": [inspector]}
    by_source = {"source_prefix_ranges": [{"address_prefix": "10.1.0.0", "prefix_len": 16}]}
    sources = [chain("from-10-1", answer("from-10-1"), by_source), chain("from-others", answer("from-others"), {})]
    third = listener("headed", 10004, *sources, listener_filters=[header])
    fourth = listener("bytes", 10005, chain("bytes", tcp(), {}))
    return bootstrap([first, second, third, fourth], [cluster("one")])


_LISTENER_FILTERS = "type.googleapis.com/envoy.extensions.filters.listener"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


def chain(
    name: str, filter_: dict[str, Any], match: dict[str, Any], socket: dict[str, Any] | None = None
) -> dict[str, Any]:
    secured = {} if socket is None else {"transport_socket": socket}
    return {"name": name, "filters": [filter_], "filter_chain_match": match, **secured}


SHOWN = {
    "name": "shown",
    "match": {"prefix": "/shown", "tls_context": {"presented": True, "validated": True}},
    "direct_response": {"status": 201},
}
"""A route for who has a certificate that is good."""


CALLED = {"name": "called", "match": {"prefix": "/", "grpc": {}}, "direct_response": {"status": 203}}
EITHER = {"application_protocols": ["h2", "http/1.1"]}


def answer(name: str, *before: dict[str, Any]) -> dict[str, Any]:
    route = {"name": name, "match": {"prefix": "/"}, "route": {"cluster": "one"}}
    return manager({"name": name, "domains": ["*"], "routes": [*before, route]})


def tcp() -> dict[str, Any]:
    config = {"@type": _TCP, "stat_prefix": "bytes", "cluster": "one"}
    config["access_log"] = manager()["typed_config"]["access_log"]
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": config}


def tls(*, demands: bool = False) -> dict[str, Any]:
    file = {"filename": "/etc/hostile/right.pem"}
    common: dict[str, Any] = {"tls_certificates": [{"certificate_chain": file, "private_key": file}]}
    config: dict[str, Any] = {"@type": _TLS, "common_tls_context": common}
    if demands:
        common["validation_context"] = {"trusted_ca": {"filename": "/etc/hostile/ca.pem"}}
        config["require_client_certificate"] = True
    common["alpn_protocols"] = ["h2", "http/1.1"]
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}
