"""Connections for the filter chains that a tree of matchers names."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from takeover.check.derive import Bounds, probes
from takeover.check.derive.chain_match import Client, chains_of
from takeover.check.derive.chain_tree import ByTree
from takeover.check.derive.client_inputs import Inspected
from takeover.check.derive.conditions import UnsureError
from takeover.check.records import Derived
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, world_of
from tests.check.derive.trees import (
    by_names,
    by_nets,
    doors,
    every,
    listed,
    mapped,
    nested,
    no,
    of_connection,
    single,
    some,
    to_chain,
)
from tests.check.derive.twenty import answer, chain, tcp

PORT, NAME = of_connection("DestinationPortInput"), of_connection("ServerNameInput")
PROTOCOL, TRANSPORT = of_connection("ApplicationProtocolInput"), of_connection("TransportProtocolInput")
CHAINS = ("one", "two", "three")
ALL_SEEN = Inspected(tls=True, http=True)


def taken(matcher: dict[str, Any], client: Client, seen: Inspected = ALL_SEEN) -> str:
    chains = chains_of({"filter_chains": [{"name": each} for each in CHAINS], "default_filter_chain": {}})
    taker = ByTree(matcher, chains, seen).taken(client)
    return "nobody" if taker is None else taker.name


def derived_of(matcher: dict[str, Any], *names: str, **more: Any) -> Derived:
    chains = [chain(name, answer(name), {}) for name in names]
    given = given_of(
        bootstrap([listener("front", 10001, *chains, filter_chain_matcher=matcher, **more)], [cluster("one")])
    )
    return probes(given, world_of(given), Bounds())


PLAIN = Client("192.0.2.1", 80, source="10.2.0.1")
SECURE = replace(PLAIN, name="a.example", is_tls=True)
TO_ONE, TO_TWO = to_chain("one"), to_chain("two")


@pytest.mark.parametrize(
    ("matcher", "client", "name"),
    [
        (mapped("exact", PORT, {"80": TO_ONE}), PLAIN, "one"),
        (mapped("exact", PORT, {"81": TO_ONE}), PLAIN, "default"),
        (mapped("exact", PORT, {"80": to_chain("unheard")}), PLAIN, "nobody"),
        (mapped("prefix", of_connection("DestinationIPInput"), {"192.": TO_ONE, "192.0.2.": TO_TWO}), PLAIN, "two"),
        (by_nets(("10.0.0.0", 8, TO_ONE), ("10.2.0.0", 16, TO_TWO), otherwise=to_chain("three")), PLAIN, "two"),
        (by_nets(("11.0.0.0", 8, TO_ONE), otherwise=to_chain("three")), PLAIN, "three"),
        (by_names(("*.example", TO_ONE), ("A.example", TO_TWO)), SECURE, "two"),
        (by_names(("*.example", TO_ONE), ("example", TO_TWO)), replace(SECURE, name="x.A.example"), "one"),
        (by_names(("*", TO_ONE)), PLAIN, "default"),
        (mapped("exact", TRANSPORT, {"tls": TO_ONE, "raw_buffer": TO_TWO}), SECURE, "one"),
        (mapped("exact", TRANSPORT, {"tls": TO_ONE, "raw_buffer": TO_TWO}), PLAIN, "two"),
        (mapped("exact", PROTOCOL, {"'h2','http/1.1'": TO_ONE}), replace(SECURE, alpn=("h2", "http/1.1")), "one"),
        (mapped("exact", PROTOCOL, {"'http/1.1'": TO_ONE}), SECURE, "one"),
        (mapped("exact", PROTOCOL, {"'http/1.1'": TO_ONE}), replace(SECURE, alpn=("",)), "default"),
        (listed((some(single(PORT, exact="81"), single(NAME, suffix=".example")), TO_ONE)), SECURE, "one"),
        (listed((every(single(PORT, exact="80"), no(single(NAME, exact="a.example"))), TO_ONE)), SECURE, "default"),
        (mapped("exact", PORT, {"80": nested(mapped("exact", NAME, {"b": TO_ONE}))}, otherwise=TO_TWO), SECURE, "two"),
    ],
)
def test_the_first_end_whose_way_a_connection_has_names_its_chain(
    matcher: dict[str, Any], client: Client, name: str
) -> None:
    assert taken(matcher, client) == name


def test_without_an_inspector_nothing_is_known_of_tls() -> None:
    blind = Inspected(tls=False, http=False)

    assert taken(mapped("exact", TRANSPORT, {"raw_buffer": TO_ONE}), SECURE, blind) == "one"
    assert taken(by_names(("*", TO_ONE)), SECURE, blind) == "default"
    assert taken(mapped("exact", PROTOCOL, {"'http/1.1'": TO_ONE}), SECURE, blind) == "default"


def test_from_which_port_a_client_of_ours_comes_is_not_known() -> None:
    with pytest.raises(UnsureError):
        taken(mapped("exact", of_connection("SourcePortInput"), {"1": TO_ONE}), PLAIN)


@pytest.mark.parametrize(
    ("name", "client", "value"),
    [
        ("SourceIPInput", PLAIN, "10.2.0.1"),
        ("SourceIPInput", replace(PLAIN, source=""), "192.0.2.1"),
        ("SourceIPInput", replace(PLAIN, source="", direct="10.2.0.2"), "10.2.0.2"),
        ("DirectSourceIPInput", PLAIN, "192.0.2.1"),
        ("DirectSourceIPInput", replace(PLAIN, direct="10.2.0.3"), "10.2.0.3"),
        ("SourceTypeInput", replace(PLAIN, source=""), "local"),
        ("SourceTypeInput", replace(PLAIN, source="127.0.0.1"), "local"),
    ],
)
def test_where_a_client_comes_from_is_known(name: str, client: Client, value: str) -> None:
    assert taken(mapped("exact", of_connection(name), {value: TO_ONE}), client) == "one"
    assert taken(mapped("exact", of_connection(name), {"192.0.2.9": TO_ONE}), client) == "default"


def test_who_comes_from_elsewhere_is_of_no_kind() -> None:
    assert taken(mapped("exact", of_connection("SourceTypeInput"), {"local": TO_ONE}), PLAIN) == "default"


def test_a_chain_is_asked_for_from_where_the_tree_says() -> None:
    derived = derived_of(mapped("exact", of_connection("SourceIPInput"), {"10.0.0.1": TO_ONE}), "one")
    assert not derived.unasked
    assert "10.0.0.1" in derived.sources


@pytest.mark.parametrize(
    ("matcher", "reason"),
    [
        (mapped("exact", PORT, {"81": TO_ONE}), "takes what goes to 127.0.0.1:81, which nothing intercepts"),
        (mapped("exact", of_connection("SourceIPInput"), {"2001:db8::1": TO_ONE}), "no client of ours comes"),
        (mapped("exact", of_connection("SourcePortInput"), {"81": TO_ONE}), "a port from which connections come"),
        (mapped("exact", of_connection("FilterStateInput"), {"a": TO_ONE}), "a match by FilterStateInput"),
        (mapped("exact", NAME, {"a.example": TO_ONE}), "server name"),
        (mapped("exact", PORT, {"10001": TO_TWO}), "no end of the tree of matchers names it"),
    ],
)
def test_a_chain_that_no_client_can_come_to_is_said(matcher: dict[str, Any], reason: str) -> None:
    derived = derived_of(matcher, "one")

    assert reason in derived.unasked["static_resources.listeners[0].filter_chains[0]"]


def test_a_name_that_another_end_takes_is_gone_around() -> None:
    inspector = doors()["static_resources"]["listeners"][0]["listener_filters"][0]
    tree = by_names(("a.example", TO_ONE), ("*.b.example", TO_ONE), ("*.example", TO_TWO))
    derived = derived_of(tree, "one", "two", listener_filters=[inspector])

    assert {each.chain for each in derived.targets if each.condition == "matches"} == {"one", "two"}
    assert not derived.unasked


def test_a_chain_of_bytes_that_is_taken_for_http2_is_asked_over_it() -> None:
    inspector = doors()["static_resources"]["listeners"][0]["listener_filters"][1]
    config = mapped("exact", PROTOCOL, {"'h2c'": TO_ONE})
    chains = [chain("one", tcp(), {})]
    made = listener("front", 10001, *chains, filter_chain_matcher=config, listener_filters=[inspector])
    given = given_of(bootstrap([made], [cluster("one")]))
    derived = probes(given, world_of(given), Bounds())

    [group] = [each for each in yaml.safe_load(derived.text) if each["group"] == "chains"]
    protocols = {each["name"]: each["protocol"] for each in group["probes"]}
    assert protocols["front-chain-one"] == "http2"
    assert protocols["front-chain-one-application-protocol-another"] == "http1"


def test_each_other_way_to_a_chain_is_gone() -> None:
    [headed] = [each for each in doors()["static_resources"]["listeners"] if each["name"] == "headed"]
    tree = listed(
        (some(single(PORT, exact="81"), single(PORT, exact="82")), TO_ONE), (single(PORT, exact="83"), TO_ONE)
    )
    derived = derived_of(tree, "one", listener_filters=headed["listener_filters"])

    matched = [each for each in derived.targets if each.condition.startswith("by destination port")]
    assert len(matched) == 2
    for port in (81, 82, 83, 84):
        assert (f'"destination":"127.0.0.1:{port}"' in derived.text) is (port != 84)
    missed = [each for each in derived.targets if each.condition == "destination port: another"]
    assert [each.expects for each in missed] == ["no filter chain"]


def test_an_expression_that_only_envoy_reads_keeps_no_other_end_from_being_asked() -> None:
    tree = listed((single(NAME, exact="a.example"), TO_ONE), (single(NAME, safe_regex={"regex": r"\pL+\.b"}), TO_TWO))
    inspector = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
    derived = derived_of(tree, "one", "two", listener_filters=[{"name": "tls", "typed_config": {"@type": inspector}}])

    assert {each.chain for each in derived.targets} == {"one"}
    assert "bad escape" in derived.unasked["static_resources.listeners[0].filter_chains[1]"]


def test_what_is_not_known_of_one_end_keeps_no_other_from_being_asked() -> None:
    unknown = single(of_connection("FilterStateInput"), exact="a")
    tree = listed((single(PORT, exact="10001"), TO_ONE), (unknown, TO_ONE), otherwise=TO_TWO)
    derived = derived_of(tree, "one", "two")

    assert {each.chain for each in derived.targets} == {"one"}
    assert derived.unasked["static_resources.listeners[0].filter_chains[1]"].endswith("a match by FilterStateInput")
