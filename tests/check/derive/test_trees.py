"""Requests for the ends of trees of matchers, and those that just miss what leads there."""

from typing import Any

import pytest

from takeover.check.derive import Bounds, probes
from takeover.check.derive.ask import Ask
from takeover.check.derive.matching import Table
from takeover.check.messages import CHOICE
from takeover.check.records import Derived
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, manager, world_of
from tests.check.derive.trees import every, header, listed, mapped, nested, no, single, some, to, to_list

A, B = single(header("x-a"), exact="a"), single(header("x-b"), exact="b")


def derived_of(matcher: dict[str, Any]) -> Derived:
    host = {"name": "all", "domains": ["a.example"], "matcher": matcher}
    chain = {"name": "http", "filters": [manager(host)]}
    given = given_of(bootstrap([listener("front", 10001, chain)], [cluster("one")]))
    return probes(given, world_of(given), Bounds())


def expected(matcher: dict[str, Any], path: str = "/", **headers: str) -> str:
    table = Table({"virtual_hosts": [{"name": "all", "domains": ["*"], "matcher": matcher}]}, {})
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return table.taken(Ask(host="a", path=path, headers=named)).expects


@pytest.mark.parametrize(
    ("predicate", "headers", "is_taken"),
    [
        (A, {"x_a": "a"}, True),
        (A, {"x_a": "b"}, False),
        (A, {}, False),
        (no(A), {}, True),
        (no(A), {"x_a": "a"}, False),
        (every(A, B), {"x_a": "a"}, False),
        (every(A, no(B)), {"x_a": "a"}, True),
        (some(A, B), {"x_b": "b"}, True),
        (some(A, B), {"x_b": "c"}, False),
        (no(some(A, B)), {"x_b": "b"}, False),
    ],
)
def test_a_predicate_takes_what_it_asks_for(predicate: dict[str, Any], headers: dict[str, str], is_taken: bool) -> None:
    met = expected(listed((predicate, to("one")), otherwise=to("two")), **headers)

    assert met == ("one" if is_taken else "two")


def test_an_end_whose_routes_take_nothing_is_the_end() -> None:
    tree = listed((A, to_list("one", "two")), otherwise=to("three"))

    assert expected(tree, "/two", x_a="a") == "two"
    assert expected(tree, "/three", x_a="a") == "no route"
    assert expected(tree, "/two") == "three"


def test_a_nested_tree_that_finds_nothing_did_not_match() -> None:
    inner = nested(mapped("exact", header("x-b"), {"b": to("inner")}))
    tree = listed((A, inner), otherwise=to("otherwise"))

    assert expected(tree, x_a="a", x_b="b") == "inner"
    assert expected(tree, x_a="a") == "otherwise"


def test_each_end_is_asked_for_by_each_way_to_it_and_just_missed() -> None:
    derived = derived_of(listed((some(A, B), to("one")), (every(no(A), no(B)), to_list("two"))))

    asked = {(each.route, each.condition): each.expects for each in derived.targets if each.probe.startswith("routes/")}
    assert asked == {
        (0, "matches"): "one",
        (0, "matches by header x-b"): "one",
        (0, "header x-a: another"): "no route",
        (1, "matches"): "two",
        (1, "matches by header x-a: another"): "two",
        (1, "matches by header x-b: another"): "two",
        (1, "not header x-a: it"): "one",
        (1, "not header x-b: it"): "one",
        (1, "prefix: shorter"): "no route",
        (1, "prefix: other case"): "no route",
        (None, "domain a.example: another"): "no virtual host",
    }
    assert not derived.unasked


def test_what_a_tree_takes_before_is_gone_around() -> None:
    derived = derived_of(listed((no(A), to_list("one")), otherwise=to("two")))

    assert {each.expects for each in derived.targets if each.condition == "matches" and each.host} == {"one", "two"}


def test_what_is_not_known_of_a_tree_is_said_by_its_place_and_the_rest_is_asked() -> None:
    metadata = {"name": "i", "typed_config": {"@type": "type.googleapis.com/envoy.some.v3.MetadataInput"}}
    derived = derived_of(listed((A, to("one")), (single(metadata, exact="a"), to("two")), otherwise=to("three")))

    place = "virtual_hosts[0].matcher.matcher_list.matchers[1].on_match.action.typed_config.match"
    assert [why for at, why in derived.unasked.items() if at.endswith(place)] == ["a match by MetadataInput"]
    matched = {each.route: each.expects for each in derived.targets if each.condition == "matches" and each.host}
    assert matched[0] == "one"
    assert 1 not in matched


def test_weighted_clusters_of_a_tree_are_chosen_by_a_header() -> None:
    several = {"clusters": [{"name": "one", "weight": 1}, {"name": "two", "weight": 1}]}
    route = to("one")
    route["action"]["typed_config"]["route"] = {"weighted_clusters": several}
    derived = derived_of(mapped("exact", header("x-a"), {"a.b": route}))

    assert CHOICE in derived.text
    assert {"one", "two"} <= {each.expects for each in derived.targets}


def test_addresses_in_a_header_are_in_the_nets_or_just_beside_them() -> None:
    nets = [{"address_prefix": "192.0.2.0", "prefix_len": 24}, {"address_prefix": "2001:db8::", "prefix_len": 32}]
    config = {"@type": "type.googleapis.com/envoy.extensions.matching.input_matchers.ip.v3.Ip", "cidr_ranges": nets}
    asked = {"single_predicate": {"input": header("x-a"), "custom_match": {"name": "ip", "typed_config": config}}}
    derived = derived_of(listed((asked, to("one"))))

    assert expected(listed((asked, to("one"))), x_a="2001:db8:1::") == "one"
    assert expected(listed((asked, to("one"))), x_a="no address") == "no route"
    assert '"headers":["x-a: 192.0.2.1"]' in derived.text.replace("headers: ", '"headers":')
    assert '"x-a: 192.0.3.0"' in derived.text
    assert not derived.unasked
