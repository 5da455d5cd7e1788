import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.check.derive import Bounds, probes
from takeover.check.derive.adapting import table
from takeover.check.derive.chain_match import CONNECTION_MANAGER
from takeover.check.records import Derived
from takeover.probes.probe_file import read_probes
from takeover.reach.walking import descriptor_of
from takeover.scenario import bundled
from takeover.scenario.library import Library
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, manager, world_of, write_scenario

HTTP = "type.googleapis.com/envoy.extensions.filters.http"
ROUTE = {"match": {"prefix": "/"}, "route": {"cluster": "one"}}


def filter_of(name: str, message: str, **config: Any) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": f"{HTTP}.{message}", **config}}


def configured(
    *filters: dict[str, Any], route: dict[str, Any] | None = None, clusters: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    host = {"name": "all", "domains": ["a.example"], "routes": [route or ROUTE]}
    chain = {"name": "http", "filters": [manager(host, filters=filters, **more)]}
    return bootstrap([listener("front", 10001, chain)], clusters or [cluster("one")])


def derived_of(config: dict[str, Any], bounds: Bounds | None = None) -> Derived:
    given = given_of(config)
    return probes(given, world_of(given), bounds or Bounds())


def names_of(derived: Derived, beginning: str = "front-") -> set[str]:
    return {name.removeprefix(beginning) for each in derived.targets if (name := each.probe.partition("/")[2])}


def test_every_feature_of_the_table_is_one_that_envoy_has() -> None:
    for feature in table():
        descriptor = descriptor_of(feature.feature)
        assert descriptor is not None, feature.feature
        assert {*feature.fields} <= {each.name for each in descriptor.fields}, feature.feature
        assert feature.all


EVERYTHING = configured(
    filter_of("cors", "cors.v3.Cors"),
    filter_of("csrf", "csrf.v3.CsrfPolicy", filter_enabled={"default_value": {"numerator": 100}}),
    filter_of("fault", "fault.v3.HTTPFault"),
    filter_of("compressor", "compressor.v3.Compressor"),
    filter_of("ext_authz", "ext_authz.v3.ExtAuthz"),
    filter_of("ext_proc", "ext_proc.v3.ExternalProcessor"),
    filter_of("grpc_web", "grpc_web.v3.GrpcWeb"),
    filter_of("grpc_stats", "grpc_stats.v3.FilterConfig"),
    filter_of("buffer", "buffer.v3.Buffer", max_request_bytes=100),
    filter_of("lua", "lua.v3.Lua", default_source_code={"inline_string": 'handle:headers():get("x-read")'}),
    filter_of("health", "health_check.v3.HealthCheck",
              headers=[{"name": ":path", "string_match": {"exact": "/healthz"}}]),
    filter_of("limit", "local_ratelimit.v3.LocalRateLimit", stat_prefix="a",
              token_bucket={"max_tokens": 4, "tokens_per_fill": 4, "fill_interval": "600s"}),
    filter_of("rbac", "rbac.v3.RBAC", rules={"policies": {"a": {
        "permissions": [{"header": {"name": "x-role", "string_match": {"exact": "admin"}}}],
        "principals": [{"any": True}]}}}),
    filter_of("jwt", "jwt_authn.v3.JwtAuthentication", providers={"a": {"issuer": "https://a", "audiences": ["b"]}}),
    route={
        "match": {"prefix": "/api"},
        "route": {
            "cluster": "one", "prefix_rewrite": "/", "timeout": "2s", "retry_policy": {"retry_on": "5xx"},
            "hash_policy": [
                {"header": {"header_name": "x-user"}}, {"cookie": {"name": "stays", "ttl": "0s"}},
                {"query_parameter": {"name": "who"}},
            ],
            "upgrade_configs": [{"upgrade_type": "websocket"}],
        },
        "request_headers_to_add": [{"header": {"key": "x-added", "value": "1"}}],
        "request_headers_to_remove": ["x-gone"],
        "typed_per_filter_config": {"cors": {"@type": f"{HTTP}.cors.v3.CorsPolicy",
                                             "allow_origin_string_match": [{"exact": "https://good.example"}]}},
    },
    normalize_path=True, use_remote_address=True, tracing={}, strip_any_host_port=True,
    local_reply_config={}, preserve_external_request_id=True,
)  # fmt: skip


def speaking(config: dict[str, Any], codec: str = "", alpn: tuple[str, ...] = ()) -> dict[str, Any]:
    """The same, its only chain for that HTTP alone."""
    config = copy.deepcopy(config)
    [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
    if codec:
        chain["filters"][0]["typed_config"]["codec_type"] = codec
    if alpn:
        context = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"}
        chain |= {"transport_socket": {"name": "tls", "typed_config": context}}
        chain["filter_chain_match"] = {"application_protocols": list(alpn)}
    return config


@pytest.mark.parametrize(("codec", "alpn"), [("", ()), ("HTTP2", ()), ("", ("h2",)), ("", ("http/1.1",))])
def test_the_edges_of_all_features_are_probes_that_can_be_read(
    codec: str, alpn: tuple[str, ...], tmp_path: Path
) -> None:
    config = speaking(EVERYTHING, codec, alpn)
    derived = derived_of(config, Bounds(probes_per_route=1000))
    folder = write_scenario(tmp_path, config, derived.text, bundled.manifests() / "bases")

    groups = read_probes(Library(folder.parent).scenario("mine"))

    assert [f"{group.name}/{each.name}" for group in groups for each in group.probes] == [
        each.probe for each in derived.targets
    ]


@pytest.mark.parametrize(
    "edge",
    [
        "path-of-encoded-dots", "forwarded-for-three", "trace-of-b3", "host-and-dot", "own-answer-as-json",
        "request-id-odd", "all-route-0-websocket", "all-route-0-retry-of-503", "all-route-0-rewritten-below",
        "all-route-0-timeout-asked-for", "all-route-0-hashed-by-x-user-twice", "all-route-0-own-x-added-twice",
        "all-route-0-hashed-by-cookie-stays-twice", "all-route-0-hashed-by-query-who",
        "all-route-0-removed-x-gone", "all-route-0-cors-preflight", "all-route-0-cors-preflight-other", "csrf-other",
        "fault-asked-for", "compressed-gzip", "authz-refused", "processing-answers", "grpc-web", "grpc-message",
        "buffer-one-more", "read-x-read", "health", "limit-and-one-more", "rule-a", "rule-a-no-header-x-role-another",
        "jwt-a-good", "jwt-a-expired", "get", "frames-unknown-type", "answer-reset-at-once",
    ],
)  # fmt: skip
def test_what_is_configured_is_asked_at_its_edges(edge: str) -> None:
    assert edge in names_of(derived_of(EVERYTHING, Bounds(probes_per_route=1000)))


def protocols_of(derived: Derived) -> set[str]:
    """Which HTTP is spoken by what is asked of routes and features, whole or raw."""
    entries = [each for group in yaml.safe_load(derived.text) for each in group["probes"] if group["group"] != "chains"]
    return {
        "http2" if each.get("over") == "http2" or each.get("protocol") in {"http2", "grpc"} else "http1"
        for each in entries
    }


@pytest.mark.parametrize(
    ("codec", "alpn", "spoken", "said"),
    [
        ("", (), {"http1", "http2"}, ""),
        ("", ("h2", "http/1.1"), {"http1", "http2"}, ""),
        ("HTTP2", (), {"http2"}, "edges that HTTP/1 alone has"),
        ("", ("h2",), {"http2"}, "edges that HTTP/1 alone has"),
        ("HTTP2", ("h2", "http/1.1"), {"http2"}, "edges that HTTP/1 alone has"),
        ("", ("http/1.1",), {"http1"}, "edges that HTTP/2 alone has"),
    ],
)
def test_a_chain_of_one_http_is_asked_over_that_one_and_what_only_the_other_has_is_said(
    codec: str, alpn: tuple[str, ...], spoken: set[str], said: str
) -> None:
    config = configured(upgrade_configs=[{"upgrade_type": "websocket"}])
    derived = derived_of(speaking(config, codec, alpn), Bounds(probes_per_route=1000))
    assert protocols_of(derived) == spoken
    assert [each for each in derived.unasked if "alone has" in each] == [f"front: {each}" for each in (said,) if each]
    assert {"websocket", "websocket-refused"} <= names_of(derived)


@pytest.mark.parametrize("codec", ["AUTO", "HTTP2"])
def test_a_tunnel_is_opened_over_the_http_that_its_chain_takes(codec: str, tmp_path: Path) -> None:
    tunnel = {"match": {"connect_matcher": {}}, "route": {"cluster": "one"}}
    config = speaking(configured(route=tunnel, upgrade_configs=[{"upgrade_type": "CONNECT"}]), codec)
    derived = derived_of(config)
    folder = write_scenario(tmp_path, config, derived.text, bundled.manifests() / "bases")
    groups = read_probes(Library(folder.parent).scenario("mine"))
    assert {each.name for group in groups for each in group.probes} >= {"all-route-0", "all-route-0-through-bytes"}
    if codec == "HTTP2":
        assert protocols_of(derived) == {"http2"}


def test_what_stands_at_a_table_of_routes_at_weighted_clusters_and_in_mutations_is_asked() -> None:
    policy = {"@type": f"{HTTP}.cors.v3.CorsPolicy", "allow_origin_string_match": [{"exact": "https://good.example"}]}
    weighted = [
        {"name": name, "weight": 10, "request_headers_to_remove": [f"x-gone-{name}"]} for name in ("one", "two")
    ]
    changes = {
        "request_mutations": [{"remove": "x-drop"}, {"remove_on_match": {"key_matcher": {"prefix": "x-all-"}}}],
        "response_mutations": [{"remove": "x-not-asked"}],
        "query_parameter_mutations": [{"remove": "debug"}, {"append": {"record": {"key": "seen", "value": "1"}}}],
    }
    config = configured(
        filter_of("cors", "cors.v3.Cors"),
        filter_of("changes", "header_mutation.v3.HeaderMutation", mutations=changes),
        route={**ROUTE, "route": {"weighted_clusters": {"clusters": weighted}}},
        clusters=[cluster("one"), cluster("two")],
    )
    table_of = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"][
        "route_config"
    ]
    table_of |= {
        "request_headers_to_remove": ["x-gone"], "request_headers_to_add": [{"header": {"key": "x-new", "value": "1"}}],
        "internal_only_headers": ["x-inside"], "typed_per_filter_config": {"cors": policy},
    }  # fmt: skip
    derived = derived_of(config, Bounds(probes_per_route=1000))

    assert names_of(derived) >= {
        "removed-x-gone", "own-x-new", "internal-only-x-inside", "internal-only-x-inside-from-outside",
        "cors-preflight", "removed-x-drop", "removed-x-all", "changed-query-debug", "changed-query-seen",
        "all-route-0-header-x-gone-one-at-one", "all-route-0-header-x-gone-two-at-two",
    }  # fmt: skip
    assert "x-not-asked" not in derived.text
    assert '["x-takeover-choice: 10","x-gone-two: of-the-client"]' in derived.text


def test_a_fault_for_some_headers_is_met_and_just_missed() -> None:
    headers = [{"name": "x-fault", "string_match": {"exact": "yes"}}, {"name": "x-also", "present_match": True}]
    fault = {"abort": {"http_status": 503, "percentage": {"numerator": 100}}, "headers": headers}
    text = derived_of(configured(filter_of("fault", "fault.v3.HTTPFault", **fault))).text
    sent = {
        name: line.strip()
        for each in text.split("- name: ")
        if "fault-" in (name := each.partition("\n")[0].strip('"'))
        for line in each.splitlines()
        if "x-also" in line or "x-fault: " in line
    }
    assert sent == {
        "front-fault-by-headers": 'headers: ["x-fault: yes","x-also: any"]',
        "front-no-fault-header-x-fault-another": 'headers: ["x-also: any","x-fault: ye"]',
        "front-no-fault-header-x-fault-none": 'headers: ["x-also: any"]',
        "front-no-fault-header-x-also-none": 'headers: ["x-fault: yes"]',
    }


def test_what_is_not_configured_is_not_asked() -> None:
    names = names_of(derived_of(configured(), Bounds(probes_per_route=1000)))

    assert not {each for each in names if each.startswith(("jwt", "cors", "path-of-", "all-route-0-retry", "limit"))}
    assert "get" in names


def test_an_origin_of_which_no_text_is_known_keeps_no_other_from_being_asked() -> None:
    origins = [{"safe_regex": {"regex": r"https://\pL+"}}, {"exact": "https://b.example"}]
    policy = {"@type": f"{HTTP}.cors.v3.CorsPolicy", "allow_origin_string_match": origins}
    route = {**ROUTE, "name": "app", "typed_per_filter_config": {"cors": policy}}
    derived = derived_of(configured(filter_of("cors", "cors.v3.Cors"), route=route), Bounds(probes_per_route=1000))

    asked = {each for each in names_of(derived) if each.startswith("all-app-cors")}
    assert asked == {f"all-app-cors{each}-2" for each in ("", "-other", "-preflight", "-preflight-other")}
    assert [why for why in derived.unasked.values() if "bad escape" in why]


@pytest.mark.parametrize("all_", [{"safe_regex": {"regex": ".*"}}, {"prefix": ""}, {"contains": ""}])
def test_where_all_origins_are_allowed_one_is_asked(all_: dict[str, Any]) -> None:
    policy = {"@type": f"{HTTP}.cors.v3.CorsPolicy", "allow_origin_string_match": [all_]}
    route = {**ROUTE, "name": "app", "typed_per_filter_config": {"cors": policy}}
    derived = derived_of(configured(filter_of("cors", "cors.v3.Cors"), route=route), Bounds(probes_per_route=1000))

    asked = {each for each in names_of(derived) if each.startswith("all-app-cors")}
    assert asked == {"all-app-cors", "all-app-cors-preflight"}
    assert not [why for why in derived.unasked.values() if "no text" in why]


def test_an_edge_has_the_host_the_path_and_the_headers_of_its_route() -> None:
    match = {"prefix": "/shop", "headers": [{"name": "x-a", "string_match": {"exact": "1"}}]}
    text = derived_of(configured(route={"match": match, "route": {"cluster": "one"}})).text

    assert "GET /shop/one HTTP/1.1\\r\\nHost: a.example\\r\\nx-a: 1\\r\\n" in text
    assert '":path: /shop",":authority: a.example","x-a: 1"' in text
    assert '"/shop/a/%2e%2e/b"' in text
    assert "app.shadow.com" not in text


@pytest.mark.parametrize(("timeout", "is_asked"), [("0.3s", True), ("15s", False), ("0s", False)])
def test_an_answer_that_comes_too_late_is_asked_for_where_that_is_told_soon(timeout: str, is_asked: bool) -> None:
    names = names_of(derived_of(configured(route={**ROUTE, "route": {"cluster": "one", "timeout": timeout}})))

    assert ("all-route-0-timeout-before-the-answer" in names) is is_asked


def test_nothing_is_compressed_in_which_chance_is() -> None:
    compressor = filter_of("compressor", "compressor.v3.Compressor")

    assert "accept-encoding" in names_of(derived_of(configured()))
    assert "accept-encoding" not in names_of(derived_of(configured(compressor)))


def test_a_header_that_decides_is_sent_twice() -> None:
    matched = {"prefix": "/", "headers": [{"name": "version", "string_match": {"exact": "v2"}}]}
    text = derived_of(configured(route={"name": "a", "match": matched, "route": {"cluster": "one"}})).text
    lines = text.splitlines()
    sent = {
        line.strip(): lines[number + 1].strip()
        for number, line in enumerate(lines)
        if "header-version-" in line and "no-header" not in line
    }
    assert list(sent.values()) == [
        'headers: ["version: v2","version: v"]',
        'headers: ["version: v","version: v2"]',
        'headers: ["version: v2","version: v2"]',
    ]


def test_a_header_of_which_thousands_of_rules_decide_is_sent_twice_for_the_first_ones_alone() -> None:
    """Each would be worked out before a bound leaves it out: 100 policies of 500 users took 14 s."""
    ids = [{"header": {"name": "x-user", "string_match": {"exact": f"user-{number}"}}} for number in range(3000)]
    rules = {"policies": {"all": {"permissions": [{"any": True}], "principals": ids}}}
    filters = (filter_of("rbac", "rbac.v3.RBAC", rules=rules),)
    route = {**ROUTE, "match": {"prefix": "/", "headers": [{"name": "x-user", "string_match": {"prefix": "user"}}]}}
    derived = derived_of(configured(*filters, route=route))
    assert sum(derived.left_out.values()) < 400
    assert {"header-x-user-then-another", "all-route-0-header-x-user-twice"} <= names_of(derived)


def test_no_upstream_does_wrong_where_its_endpoint_would_be_ejected() -> None:
    ejects = cluster("one") | {"outlier_detection": {}}
    derived = derived_of(configured(clusters=[ejects]))

    assert not [each for each in derived.targets if each.probe.startswith("upstream/")]
    assert "ejects" in derived.unasked["cluster one"]
    assert [each for each in derived_of(configured()).targets if each.probe.startswith("upstream/")]


def test_the_same_setting_at_the_next_route_is_asked_last() -> None:
    retried = {"cluster": "one", "retry_policy": {"retry_on": "5xx"}}
    routes = [{"match": {"prefix": f"/{number}"}, "route": retried} for number in range(3)]
    config = configured()
    manager_of = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager_of["route_config"]["virtual_hosts"][0]["routes"] = routes

    every, few = (names_of(derived_of(config, Bounds(probes_per_route=100, most=most)), "all-") for most in (5000, 250))

    retries = {f"route-{number}-retry-of-503" for number in range(3)}
    assert every & retries == retries
    assert few & retries == {"route-0-retry-of-503"}


def test_bounds_leave_the_most_telling_and_count_the_rest() -> None:
    every = derived_of(EVERYTHING, Bounds(probes_per_route=1000))
    few = derived_of(EVERYTHING, Bounds(probes_per_route=1000, most=5))

    assert few.left_out == {"most": len(every.targets) - 5}
    assert len(few.targets) == 5
    assert {each.condition for each in few.targets} >= {"matches"}
    assert derived_of(EVERYTHING, Bounds(within=0.1)).left_out["within"] > 0
    one = derived_of(EVERYTHING, Bounds(probes_per_route=1))
    assert one.left_out["probes per route"] > len(one.targets)


def test_a_manager_is_known_by_its_message() -> None:
    assert descriptor_of(CONNECTION_MANAGER) is not None
