"""How a probe reaches each listener, and why it does not reach some."""

from pathlib import Path
from typing import Any

import pytest

from takeover.check.world.addresses import has_ipv6
from tests.check.world.worlds import TYPE, Built, at, bootstrap, cluster, given, http, listener, tcp

CAPTURING: dict[str, Any] = {"use_original_dst": True, "traffic_direction": "OUTBOUND"}
INSPECTING: dict[str, Any] = {
    "listener_filters": [{"name": "envoy.filters.listener.original_dst"}],
    "traffic_direction": "INBOUND",
}


def built(tmp_path: Path, *listeners: dict[str, Any]) -> Built:
    original = {"name": "passthrough", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "1s"}
    return Built(given(bootstrap(list(listeners), [cluster("app"), original])), tmp_path / "mine")


@pytest.mark.parametrize(
    ("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::", "127.0.0.1"), ("10.5.5.5",) * 2]
)
def test_a_listener_is_dialled_at_its_address(host: str, reached: str, tmp_path: Path) -> None:
    made = built(tmp_path, listener("in", 8080, http("app"), host=host))
    [way] = made.world.ways
    assert (way.listener, way.container, way.host, way.port, way.original) == ("in", "upstream", reached, 8080, "")
    assert ("10.5.5.5" in made.table.addresses) == (host == "10.5.5.5")
    assert "initContainers" not in made.pod()
    at_all = made.config()["static_resources"]["listeners"][0]["address"]["socket_address"]
    assert at_all.get("ipv4_compat", False) == (host == "::")


def test_one_for_ipv6_beside_one_for_ipv4_at_the_same_port_is_left_to_it(tmp_path: Path) -> None:
    made = built(
        tmp_path,
        listener("four", 15001, tcp("passthrough"), **CAPTURING),
        listener("six", 15001, tcp("passthrough"), host="::", **CAPTURING),
        listener("alone", 15006, tcp("passthrough"), host="::"),
    )
    assert made.world.unreached == {"six": "it is for IPv6: what goes over IPv4 to port 15001 is another listener's"}
    assert {each.listener for each in made.world.ways} == {"four", "alone"}
    addresses = [each["address"]["socket_address"] for each in made.config()["static_resources"]["listeners"]]
    assert [each.get("ipv4_compat", False) for each in addresses] == [False, False, True]


def test_each_of_several_addresses_is_a_way(tmp_path: Path) -> None:
    more = [{"address": at("127.0.0.1", 8081)}]
    made = built(tmp_path, listener("in", 8080, http("app"), additional_addresses=more))
    assert [each.port for each in made.world.ways] == [8080, 8081]


def test_listeners_without_a_port_get_one_each(tmp_path: Path) -> None:
    unsaid = listener("unsaid", 0, http("app"))
    del unsaid["address"]["socket_address"]["port_value"]
    made = built(tmp_path, listener("any", 0, http("app")), unsaid, listener("taken", 20000, http("app")))
    assert {each.listener: each.port for each in made.world.ways} == {"any": 20001, "unsaid": 20002, "taken": 20000}
    ports = [each["address"]["socket_address"]["port_value"] for each in made.config()["static_resources"]["listeners"]]
    assert ports == [20001, 20002, 20000]
    assert "listener any is at port 20001" in made.different


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"address": {"pipe": {"path": "/run/l"}}}, "path /run/l"),
        ({"address": None, "internal_listener": {}}, "internal"),
        (
            {"address": {"socket_address": {"protocol": "UDP", "address": "0.0.0.0", "port_value": 53}}},
            "UDP (datagrams, or QUIC), which no probe speaks",
        ),
        ({"bind_to_port": False}, "hands connections on"),
        ({"address": at("fe80::1", 80)}, "one link alone"),
    ],
)
def test_what_no_probe_reaches_says_why(changed: dict[str, Any], why: str, tmp_path: Path) -> None:
    made = built(tmp_path, listener("in", 8080, http("app")) | changed)
    assert made.world.ways == ()
    assert why in made.world.unreached["in"]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "fd00::1"])
def test_a_listener_of_ipv6_is_dialled_at_its_address(host: str, tmp_path: Path) -> None:
    made = built(tmp_path, listener("in", 8080, http("app"), host=host))
    assert [(each.host, each.port) for each in made.world.ways] == [(host, 8080)]
    assert host in made.table.addresses
    assert made.container("upstream")["securityContext"] == {"privileged": True}


def test_without_ipv6_a_listener_of_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("takeover.check.world.ways.has_ipv6", lambda: False)
    made = built(tmp_path, listener("in", 8080, http("app"), host="fd00::1"))
    assert made.world.unreached == {"in": "it listens at fd00::1, and this machine has no IPv6"}
    assert "fd00::1" not in made.table.addresses


def test_what_is_intercepted_for_an_address_of_ipv6_says_why(tmp_path: Path) -> None:
    outbound = listener("virtualOutbound", 15001, tcp("passthrough"), **CAPTURING)
    made = built(tmp_path, outbound, listener("six", 80, http("app"), host="fd00::1", bind_to_port=False))
    assert made.world.unreached == {"six": "it is for fd00::1: what is intercepted goes over IPv4"}


def test_interception_leads_to_listeners_that_do_not_bind(tmp_path: Path) -> None:
    made = built(
        tmp_path,
        listener("virtualOutbound", 15001, tcp("passthrough"), **CAPTURING),
        listener("10.96.0.7_80", 80, http("app"), host="10.96.0.7", bind_to_port=False, traffic_direction="OUTBOUND"),
        listener("0.0.0.0_9090", 9090, http("app"), bind_to_port=False),
    )
    ways = {each.listener: each for each in made.world.ways}
    assert ways["10.96.0.7_80"].original == "10.96.0.7:80"
    assert ways["0.0.0.0_9090"].port == 9090
    assert {each.container for each in ways.values()} == {"client-1"}
    assert made.container("client-1")["securityContext"]["runAsUser"] == 1338
    [rules] = made.pod()["initContainers"]
    assert rules["args"] == ["iptables -t nat -A OUTPUT -m owner --uid-owner 1338 -p tcp -j REDIRECT --to-ports 15001;"]
    # Where they were for, something answers: the cluster that dials it leads there.
    assert {each.address for each in made.table.places} >= {each.host for each in ways.values()}


def test_each_port_that_chains_ask_for_is_a_way(tmp_path: Path) -> None:
    chains = [
        {"filter_chain_match": {"destination_port": 8080}, "filters": [http("app")]},
        {"filter_chain_match": {"destination_port": 9090}, "filters": [http("app")]},
        {"filters": [tcp("passthrough")]},
    ]
    inbound = listener("virtualInbound", 15006, **INSPECTING) | {"filter_chains": chains}
    outbound = listener("virtualOutbound", 15001, tcp("passthrough"), **CAPTURING)
    made = built(tmp_path, outbound, inbound)
    ports = {each.port: each.container for each in made.world.ways if each.listener == "virtualInbound"}
    assert ports == {8080: "client-2", 9090: "client-2", 65000: "client-2"}
    [rules] = made.pod()["initContainers"]
    assert "1339 -p tcp -j REDIRECT --to-ports 15006" in rules["args"][0]


def test_a_typed_filter_captures_too(tmp_path: Path) -> None:
    typed = {"@type": f"{TYPE}envoy.extensions.filters.listener.original_dst.v3.OriginalDst"}
    capturing: dict[str, Any] = {"listener_filters": [{"name": "any", "typed_config": typed}]}
    made = built(tmp_path, listener("in", 15006, tcp("passthrough"), **capturing))
    assert [each.container for each in made.world.ways] == ["client-1"]


def test_where_chains_ask_for_addresses_somebody_answers_there(tmp_path: Path) -> None:
    """Each probe of such a chain waited for its deadline, and for a new Envoy: nobody was where its cluster dialled."""
    ranges = [{"address_prefix": "198.51.100.0", "prefix_len": 24}]
    chains = [
        {"filter_chain_match": {"prefix_ranges": ranges}, "filters": [tcp("passthrough")]},
        {"filter_chain_match": {"destination_port": 8443}, "filters": [tcp("passthrough")]},
        {"filters": [tcp("passthrough")]},
    ]
    virtual = listener("virtualOutbound", 15001, tcp("passthrough"), **CAPTURING)
    behind = listener("0.0.0.0_22", 22, bind_to_port=False) | {"filter_chains": chains}
    made = built(tmp_path, virtual, behind)
    [way] = [each for each in made.world.ways if each.listener == "0.0.0.0_22"]
    answered = {(each.address, each.port) for each in made.table.places}
    assert {("198.51.100.1", 22), (way.host, 8443), (way.host, 22)} <= answered
    assert "198.51.100.1" in made.table.addresses
