from typing import Any

import pytest

from takeover.check.derive import Bounds, probes
from takeover.check.derive.certain import runtime_of
from takeover.check.messages import CHOICE
from takeover.check.records import Derived, Resource
from takeover.check.records import Place as At
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, manager, world_of

WEIGHTS = {"clusters": [{"name": "one", "weight": 1}, {"name": "two", "weight": 2}, {"name": "none", "weight": 0}]}
ROUTES = [
    {"name": "canary", "match": {"prefix": "/w"}, "route": {"weighted_clusters": WEIGHTS}},
    {
        "name": "some",
        "match": {
            "prefix": "/s", "runtime_fraction": {"runtime_key": "a.b", "default_value": {"numerator": 30}},
        },
        "route": {"cluster": "one"},
    },
    {"name": "rest", "match": {"prefix": "/"}, "route": {"cluster": "two"}},
]  # fmt: skip
FAULT = {
    "name": "fault",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
        "abort": {"http_status": 503, "percentage": {"numerator": 10}},
    },
}


def configured(*filters: dict[str, Any], by_rds: bool = False, **more: Any) -> tuple[dict[str, Any], Derived]:
    hosts = [{"name": "all", "domains": ["*"], "routes": ROUTES}]
    chain = {"filters": [made := manager(*hosts, filters=filters)]}
    table = made["typed_config"]["route_config"]
    if by_rds:
        del made["typed_config"]["route_config"]
        made["typed_config"]["rds"] = {"route_config_name": "mine"}
    config = bootstrap([listener("front", 10001, chain)], [cluster("one"), cluster("two")], **more)
    given = given_of(config)
    if by_rds:
        kind = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
        served = Resource(kind, "mine", table, At("dump.json", "configs[3].route_config"), is_static=False)
        given = type(given)(**{key: getattr(given, key) for key in given.__struct_fields__} | {
            "resources": (*given.resources, served)})  # fmt: skip
    return config, probes(given, world_of(given), Bounds())


@pytest.mark.parametrize("by_rds", [False, True])
def test_weighted_clusters_are_chosen_by_a_header_each_once(by_rds: bool) -> None:
    _, derived = configured(by_rds=by_rds)

    expected = {each.condition: each.expects for each in derived.targets if each.route == 0}
    assert expected["matches"] == "one"
    assert expected["matches, weight of two"] == "two"
    assert "matches, weight of none" not in expected
    assert CHOICE in derived.text


def test_a_share_by_a_runtime_key_is_none_or_all() -> None:
    _, derived = configured()

    assert '"static_layer":{"a.b":0}' in derived.text
    assert "a layer of runtime sets a.b: 0" in [each.what for each in derived.different]
    assert any("0 %" in each for each in derived.unasked.values())


def test_faults_by_chance_do_not_happen_by_themselves() -> None:
    _, derived = configured(FAULT)

    assert '"fault.http.abort.abort_percent":0' in derived.text
    assert [each for each in derived.targets if each.route == 2]


def test_a_layer_is_added_to_those_that_there_are() -> None:
    layers = [{"name": "mine", "static_layer": {"a": {"b": 100}}}]
    _, derived = configured(FAULT, layered_runtime={"layers": layers})

    assert '"append":"$.layered_runtime.layers"' in derived.text
    assert '"a.b"' not in derived.text


def test_who_may_change_values_by_the_admin_api_is_as_it_was() -> None:
    """With a layered_runtime that names no layer Envoy has one for that, without any it has none."""
    assert "admin_layer" not in configured()[1].text
    says_nothing: tuple[dict[str, Any], ...] = ({}, {"layers": []})
    for unsaid in says_nothing:
        _, derived = configured(layered_runtime=unsaid)
        assert '"replace":"$.layered_runtime"' in derived.text
        assert '{"name":"admin","admin_layer":{}},{"name":"takeover","static_layer":{"a.b":0}}' in derived.text


def test_a_filter_that_does_so_by_chance_leaves_nothing_to_ask() -> None:
    share = {"numerator": 50}
    config = {"@type": "type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy", "percentage": share}
    _, derived = configured({"name": "csrf", "typed_config": config})

    assert any("CsrfPolicy does so to some of the requests" in each for each in derived.unasked.values())
    assert not derived.targets


@pytest.mark.parametrize("key", [{}, {"runtime_key": "copied"}])
def test_what_is_copied_by_chance_is_copied_always(key: dict[str, str]) -> None:
    fraction = {"default_value": {"numerator": 1}, **key}
    copied = {"cluster": "one", "request_mirror_policies": [{"cluster": "two", "runtime_fraction": fraction}]}
    route = {"name": "copied", "match": {"prefix": "/"}, "route": copied}
    host = {"name": "all", "domains": ["*"], "routes": [route]}
    given = given_of(
        bootstrap([listener("front", 10001, {"name": "http", "filters": [manager(host)]})], [cluster("one")])
    )
    derived = probes(given, world_of(given), Bounds())

    assert not derived.unasked
    assert [each for each in derived.targets if each.route == 0]
    assert ('{"copied":100}' in derived.text) is bool(key)


def test_values_of_later_layers_come_over_those_of_earlier_ones() -> None:
    layers = [{"static_layer": {"a": {"b": 1}, "c": 2}}, {"static_layer": {"a.b": 3}}, {"admin_layer": {}}]

    assert dict(runtime_of({"layered_runtime": {"layers": layers}}))["a.b"] == 3
