from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from takeover.check.derive import Bounds, probes
from takeover.check.derive.chain_match import Client, chains_of, taken_by
from takeover.check.records import Derived, Resource, Way, World
from takeover.peers.hostile.answers import ANSWERS as HTTP1_ANSWERS
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, manager, world_of
from tests.check.derive.scopes import scoped_manager, whole
from tests.check.derive.trees import of_connection
from tests.check.derive.twenty import doors

MATCHES: dict[str, dict[str, Any]] = {
    "port": {"destination_port": 8443},
    "network": {"prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]},
    "narrower": {"prefix_ranges": [{"address_prefix": "10.1.0.0", "prefix_len": 16}]},
    "exact": {"server_names": ["a.example"]},
    "below": {"server_names": ["*.example"]},
    "further-below": {"server_names": ["*.b.example"]},
    "h2": {"server_names": ["a.example"], "application_protocols": ["h2"]},
    "plain": {"transport_protocol": "raw_buffer"},
    "any": {},
}


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (Client("192.0.2.1", 8443, "a.example", is_tls=True), "port"),
        (Client("10.2.0.1", 80, "a.example", is_tls=True), "network"),
        (Client("10.1.0.1", 80, "a.example", is_tls=True), "narrower"),
        (Client("192.0.2.1", 80, "A.example", is_tls=True), "exact"),
        (Client("192.0.2.1", 80, "a.example", is_tls=True, alpn=("http/1.1", "h2")), "h2"),
        (Client("192.0.2.1", 80, "b.example", is_tls=True), "below"),
        (Client("192.0.2.1", 80, "a.b.example", is_tls=True), "further-below"),
        (Client("192.0.2.1", 80, "example", is_tls=True), "any"),
        (Client("192.0.2.1", 80), "plain"),
    ],
)
def test_the_most_specific_chain_takes_a_connection(client: Client, name: str) -> None:
    chains = chains_of({"filter_chains": [{"name": each, "filter_chain_match": MATCHES[each]} for each in MATCHES]})

    taker = taken_by(chains, client)

    assert taker is not None
    assert taker.name == name


def test_where_none_does_the_default_one_takes_it() -> None:
    chain = {"name": "one", "filter_chain_match": {"server_names": ["a.example"]}}
    chains = chains_of({"filter_chains": [chain], "default_filter_chain": {}})

    assert [each.name for each in chains] == ["one", "default"]
    assert taken_by(chains, Client("192.0.2.1", 80)) is chains[1]
    assert taken_by(chains[:1], Client("192.0.2.1", 80)) is None


def derived_of(*chains: dict[str, Any], **more: Any) -> Derived:
    given = given_of(bootstrap([listener("front", 10001, *chains, **more)], [cluster("one")]))
    return probes(given, world_of(given), Bounds())


ALL = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "one"}}]}


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        ({"destination_port": 81}, "which nothing intercepts"),
        ({"source_prefix_ranges": [{"address_prefix": "2001:db8::", "prefix_len": 32}]}, "no client of ours comes"),
        ({"source_prefix_ranges": [{"address_prefix": "224.0.0.0", "prefix_len": 4}]}, "no client of ours comes"),
        ({"source_ports": [81]}, "ports that no client of ours chooses"),
    ],
)
def test_a_chain_that_no_client_can_come_to_is_said(match: dict[str, Any], reason: str) -> None:
    derived = derived_of({"name": "one", "filters": [manager(ALL)], "filter_chain_match": match})

    assert reason in derived.unasked["static_resources.listeners[0].filter_chains[0]"]
    assert not derived.targets


NEAR, FAR = {"address_prefix": "10.0.0.0", "prefix_len": 8}, {"address_prefix": "192.168.0.0", "prefix_len": 16}
SIX = {"address_prefix": "2001:db8::", "prefix_len": 32}


@pytest.mark.parametrize(
    ("match", "source", "just_not"),
    [
        ({"source_prefix_ranges": [SIX, NEAR]}, "10.0.0.1", "11.0.0.0"),
        ({"direct_source_prefix_ranges": [FAR]}, "192.168.0.1", "192.169.0.0"),
        ({"source_prefix_ranges": [FAR], "source_type": "EXTERNAL"}, "192.168.0.1", "192.169.0.0"),
        ({"source_type": "EXTERNAL"}, "192.0.2.7", None),
        ({"source_type": "SAME_IP_OR_LOOPBACK"}, None, None),
        ({"source_prefix_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}, None, "128.0.0.0"),
    ],
)
def test_a_chain_is_asked_for_from_where_it_asks_and_from_just_beside(
    match: dict[str, Any], source: str | None, just_not: str | None
) -> None:
    one = {"name": "one", "filters": [manager(ALL)], "filter_chain_match": match}
    derived = derived_of(one, {"name": "other", "filters": [manager(ALL)]})
    assert not derived.unasked
    come_from: dict[str, str | None] = {}
    for group in yaml.safe_load(derived.text):
        for each in group["probes"]:
            come_from[f"{group['group']}/{each['name']}"] = each.get("source_address")
    by_condition = {(each.chain, each.condition): each for each in derived.targets if each.route is None}
    matches = by_condition["one", "matches"]
    assert (come_from[matches.probe], matches.expects) == (source, "chain one")
    assert by_condition["other", "matches"].expects == "chain other"
    beside = [each for (name, words), each in by_condition.items() if name == "one" and "source address" in words]
    # Envoy does not go back: of chains for what comes from elsewhere none has the address.
    taker = "no filter chain" if "source_type" in match else "chain other"
    assert [(come_from[each.probe], each.expects) for each in beside] == [(just_not, taker)] * bool(just_not)
    routed = {come_from[each.probe] for each in derived.targets if each.chain == "one" and each.route is not None}
    assert routed == {source}
    assert set(derived.sources) == {each for each in come_from.values() if each is not None}


def test_what_the_rules_of_a_chain_ask_of_a_connection_and_is_not_known_is_said() -> None:
    url = "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC"
    unknown = {"policies": {"p": {"permissions": [{"any": True}], "principals": [{"filter_state": {"key": "a"}}]}}}
    rules = {"name": "rules", "typed_config": {"@type": url, "rules": unknown}}
    action = {"action": {"name": "in", "typed_config": {"@type": "type.googleapis.com/envoy.config.rbac.v3.Action"}}}
    by_port = {"single_predicate": {"input": of_connection("SourcePortInput"), "value_match": {"exact": "1"}}}
    matcher = {"matcher_list": {"matchers": [{"predicate": by_port, "on_match": action}]}}
    tree = {"name": "tree", "typed_config": {"@type": url, "matcher": matcher}}
    derived = derived_of({"name": "one", "filters": [rules, tree, manager(ALL)]})
    at = "static_resources.listeners[0].filter_chains[0].filters"
    assert "filter state" in derived.unasked[f"{at}[0].typed_config.rules.policies[p].principals[0].filter_state"]
    end = f"{at}[1].typed_config.matcher.matcher_list.matchers[0].on_match.action"
    assert derived.unasked[end] == "a match by SourcePortInput"


def test_no_connection_that_is_intercepted_goes_over_ipv6() -> None:
    chains = [
        {
            "name": name,
            "filters": [manager(ALL)],
            "filter_chain_match": {"prefix_ranges": [each], "destination_port": 81},
        }
        for name, each in (("six", SIX), ("four", NEAR))
    ]
    given = given_of(bootstrap([listener("front", 10001, *chains)], [cluster("one")]))
    way = Way(listener="front", pod="edge", container="client-1", host="192.0.2.1", port=80, original="192.0.2.1:80")
    derived = probes(given, msgspec.structs.replace(world_of(given), ways=(way,)), Bounds())
    assert "which nothing intercepts" in derived.unasked["static_resources.listeners[0].filter_chains[0]"]
    assert {each.chain for each in derived.targets} == {"four"}
    assert "2001:db8" not in derived.text


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (Client("192.0.2.1", 80, direct="10.0.0.1"), "near"),
        (Client("192.0.2.1", 80, direct="127.0.0.1"), "local"),
        (Client("192.0.2.1", 80), "local"),
        (Client("192.0.2.1", 80, direct="192.168.0.1", source="10.0.0.1"), "direct"),
        (Client("192.0.2.1", 80, direct="11.0.0.1"), "any"),
    ],
)
def test_where_a_connection_comes_from_chooses_among_what_is_left(client: Client, name: str) -> None:
    matches: dict[str, dict[str, Any]] = {
        "near": {"source_prefix_ranges": [NEAR]},
        "direct": {"direct_source_prefix_ranges": [FAR]},
        "local": {"source_type": "SAME_IP_OR_LOOPBACK"},
        "any": {},
    }
    chains = chains_of({"filter_chains": [{"name": each, "filter_chain_match": matches[each]} for each in matches]})
    taker = taken_by(chains, client)
    assert taker is not None
    assert taker.name == name


def test_weighted_bytes_are_expected_where_most_weight_is() -> None:
    clusters = [{"name": "one", "weight": 1}, {"name": "two", "weight": 3}, {"name": "three", "weight": 3}]
    config = {"@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
              "weighted_clusters": {"clusters": clusters}}  # fmt: skip
    derived = derived_of({"filters": [{"name": "tcp", "typed_config": config}]})

    assert {each.expects for each in derived.targets if each.condition.startswith("TCP")} == {"two"}
    assert not derived.unasked


@pytest.mark.parametrize(("more", "is_asked"), [({}, True), ({"use_original_dst": True}, False)])
def test_no_client_leaves_before_the_listeners_filters_have_seen_it(more: dict[str, Any], is_asked: bool) -> None:
    config = {"@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "cluster": "one"}
    text = derived_of({"filters": [{"name": "tcp", "typed_config": config}]}, **more).text

    assert ('steps: [{"end":true}]' in text) is is_asked
    assert '{"await":true},{"reset":true}' in text
    assert '[{"reset":true}]' not in text


def test_of_several_ways_each_chain_has_its_own() -> None:
    to_network = {"prefix_ranges": [{"address_prefix": "10.9.0.0", "prefix_len": 16}]}
    matches = {"port": {"destination_port": 8080}, "rest": {}, "network": to_network}
    chains = [{"name": name, "filters": [manager(ALL)], "filter_chain_match": each} for name, each in matches.items()]
    given = given_of(bootstrap([listener("front", 15006, *chains)], [cluster("one")]))
    to = (("10.1.0.1", 8080), ("10.1.0.1", 65000), ("10.9.0.0", 65000))
    ways = tuple(Way("front", "edge", "upstream", host, port, original=f"{host}:{port}") for host, port in to)

    derived = probes(given, World(scenario=Path(), pod="", container="", ways=ways, dialled=()), Bounds(most=6))

    assert not derived.unasked
    assert {each.chain for each in derived.targets} == set(matches)
    assert all(f'"host":"{host}","port":{port}' in derived.text for host, port in to)


def test_a_certificate_is_shown_where_one_is_demanded() -> None:
    given = given_of(doors())

    with_one = probes(given, world_of(given, client_certificate="certs/client.pem"), Bounds()).text
    without = probes(given, world_of(given), Bounds()).text

    assert '"client_certificate":"certs/client.pem"' in with_one
    assert "client_certificate" not in without


def test_a_listener_that_nobody_reaches_is_said_with_the_worlds_reason() -> None:
    given = given_of(doors())
    world = world_of(given, unreached={"inside": "it is internal"})

    assert probes(given, world, Bounds()).unasked["inside"] == "it is internal"


_INSPECTORS = [
    {"name": name, "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.filters.listener.{name}"}}
    for name in ("tls_inspector.v3.TlsInspector", "http_inspector.v3.HttpInspector")
]


def test_a_default_chain_beside_one_for_http_is_reached_by_what_is_none() -> None:
    config = {"@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "cluster": "one"}
    bytes_only = {"name": "rest", "filters": [{"name": "tcp", "typed_config": config}]}
    match = {"transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"]}
    http = manager({"name": "all", "domains": ["*"], "routes": []}) | {"name": "web", "filter_chain_match": match}

    derived = derived_of(http, default_filter_chain=bytes_only, listener_filters=_INSPECTORS)

    assert not any("no connection was found" in each for each in derived.unasked.values())
    [matching] = [each for each in derived.targets if (each.chain, each.condition) == ("rest", "matches")][:1]
    entry = next(each for each in entries(derived) if each["name"] == matching.probe.partition("/")[2])
    assert "tls" in entry


def entries(derived: Derived) -> list[dict[str, Any]]:
    return [each for group in yaml.safe_load(derived.text) for each in group["probes"]]


def test_no_exchange_of_bytes_waits_for_what_does_not_come() -> None:
    """What is longer than it says, is all that comes: it says itself where it ends."""
    config = {"@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "cluster": "one"}
    derived = derived_of({"filters": [{"name": "tcp", "typed_config": config}]})
    [long] = [each for each in entries(derived) if each.get("path") == "/long-body"]
    [answer] = [each for each in HTTP1_ANSWERS["long-body"] if isinstance(each, bytes)]
    assert answer.endswith(long["until"].encode())


BY_TLS = {
    "name": "tls",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"]},
    },
}
CALLS: dict[str, Any] = {"match": {"prefix": "/", "grpc": {}}, "route": {"cluster": "one"}}
BOTH = {"name": "all", "domains": ["*"], "routes": [CALLS, *ALL["routes"]]}


@pytest.mark.parametrize(
    ("protocols", "first", "offered"),
    [
        (["h2", "http/1.1"], "http1", {"http1": ["http/1.1"], "http2": ["h2"]}),
        (["http/1.1", "h2"], "http1", {"http1": ["http/1.1"], "http2": ["h2"]}),
        (["istio-http/1.1", "istio-h2"], "http1",
         {"http1": ["istio-http/1.1", "http/1.1"], "http2": ["istio-h2", "h2"]}),
        (["h2"], "http2", {"http2": ["h2"]}),
        (["http/1.1"], "http1", {"http1": ["http/1.1"]}),
        ([], "http1", {"http1": ["http/1.1"], "http2": ["h2"]}),
    ],
)  # fmt: skip
def test_what_is_offered_is_what_is_spoken_and_what_the_chain_takes(
    protocols: list[str], first: str, offered: dict[str, list[str]]
) -> None:
    http = manager(BOTH, upgrade_configs=[{"upgrade_type": "websocket"}])
    match = {"application_protocols": protocols} if protocols else {}
    chain = {"name": "one", "filters": [http], "filter_chain_match": match, "transport_socket": BY_TLS}
    derived = derived_of(chain, listener_filters=_INSPECTORS[:1])

    found: dict[str, list[str]] = {}
    for group in yaml.safe_load(derived.text):
        for each in group["probes"] if group["group"] != "chains" else ():
            protocol = each.get("protocol", "http1")
            is_2 = protocol in {"http2", "grpc"} or each.get("over") == "http2"
            tls = each.get("tls") or group["tls"]
            assert found.setdefault("http2" if is_2 else "http1", tls["alpn"]) == tls["alpn"]
    assert found == offered
    names = {each["name"] for each in entries(derived)}
    assert "front-websocket" in names  # over whichever there is
    assert ("front-websocket-http2" in names) is ("http2" in offered)
    simple = next(each for each in entries(derived) if each["name"] == "front-chain-one")
    assert simple.get("protocol", "http1") == first
    lacking = [why for place, why in derived.unasked.items() if place.endswith("routes[0]")]
    assert lacking == ([] if "http2" in offered else ["its filter chain takes no HTTP/2"])


@pytest.mark.parametrize("around", ["tcp_stats.v3.Config", "tap.v3.Tap"])
def test_what_stands_around_tls_says_nothing_on_the_wire(around: str) -> None:
    sockets = "type.googleapis.com/envoy.extensions.transport_sockets"
    socket = {"name": "around", "typed_config": {"@type": f"{sockets}.{around}", "transport_socket": BY_TLS}}
    derived = derived_of({"name": "one", "filters": [manager(ALL)], "transport_socket": socket})

    assert all("tls" in each for each in yaml.safe_load(derived.text) if each["group"] != "chains")


def test_a_chain_is_asked_for_by_each_of_its_protocols() -> None:
    match = {"application_protocols": ["h2", "http/1.1", "acme-tls/1"]}
    chain = {"name": "one", "filters": [manager(ALL)], "filter_chain_match": match, "transport_socket": BY_TLS}

    taken = {each.condition: each.expects for each in derived_of(chain, listener_filters=_INSPECTORS[:1]).targets}
    assert taken["application protocol h2"] == taken["application protocol acme-tls/1"] == "chain one"
    assert taken["application protocol: another"] == "no filter chain"


def test_chains_of_one_name_are_asked_for_their_own_routes() -> None:
    chains: list[dict[str, Any]] = []
    for each in ("a", "b"):
        routes = [{"match": {"path": f"/{each}"}, "route": {"cluster": "one"}}]
        hosts = manager({"name": each, "domains": ["*"], "routes": routes})
        match = {"prefix_ranges": [{"address_prefix": f"127.0.0.{len(chains)}", "prefix_len": 32}]}
        chains.append({"name": "same", "filters": [hosts], "filter_chain_match": match if each == "a" else {}})
    proxy = "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"
    filters = [{"name": "proxy", "typed_config": {"@type": proxy}}]

    derived = derived_of(*chains, listener_filters=filters)

    taken = {each.probe: each.chain for each in derived.targets if each.condition == "matches"}
    assert {"chains/front-chain-same-0": "same (0)", "chains/front-chain-same-1": "same (1)"}.items() <= taken.items()
    by_name = {entry["name"]: entry for group in yaml.safe_load(derived.text) for entry in group["probes"]}
    paths = [by_name[f"front-chain-same-{number}"]["path"] for number in range(2)]
    assert paths == ["/a", "/b"]


@pytest.mark.parametrize("protocols", [["http/1.1", "h2c"], []], ids=["of an inspector", "any"])
def test_what_is_no_http_comes_to_no_chain_for_http(protocols: list[str]) -> None:
    """It went on as bytes at each listener of a sidecar, to who waited for the rest of them."""
    match = {"application_protocols": protocols} if protocols else {}
    chains = [{"filters": [manager(ALL)], "filter_chain_match": match}]
    chains += [{"filters": [manager(ALL)], "filter_chain_match": {"destination_port": 1}}]
    given = given_of(bootstrap([listener("front", 15006, *chains, listener_filters=_INSPECTORS)], [cluster("one")]))

    text = probes(given, world_of(given), Bounds()).text

    assert "second-on-the-connection" in text
    assert ('"front-garbage"' in text) is (not protocols)


def test_a_manager_whose_scopes_nobody_gave_is_said() -> None:
    scopes = scoped_manager([whole("x-a")])
    given = given_of(bootstrap([listener("front", 10001, {"name": "http", "filters": [scopes]})], [cluster("one")]))

    [told] = [why for why in probes(given, world_of(given), Bounds()).unasked.values() if "scope" in why]
    assert told == "it takes routes by scopes, and no scope was given"


@pytest.mark.parametrize("served", [False, True])
def test_listeners_that_a_control_plane_has_and_nobody_gave_are_said(served: bool) -> None:
    file = bootstrap([listener("front", 10001, manager(ALL))], [cluster("one")])
    file["dynamic_resources"] = {"lds_config": {"ads": {}}}
    given = given_of(file)
    if served:
        [front, *_] = given.resources
        given = msgspec.structs.replace(given, resources=(*given.resources, served_like(front)))

    derived = probes(given, world_of(given), Bounds())

    assert derived.targets
    told = derived.unasked.get("dynamic_resources.lds_config", "")
    assert told == "" if served else told.startswith("its listeners come by LDS: give what /config_dump?include_eds")


def served_like(resource: Resource) -> Resource:
    return msgspec.structs.replace(resource, name="served", data={**resource.data, "name": "served"}, is_static=False)
