"""How the upstream behind a route is told what to do, and what it is told where attempts are."""

from typing import Any

import pytest
import yaml

from takeover.check.derive import Bounds
from takeover.check.records import Derived
from tests.check.derive.by_hand import bootstrap, cluster, listener, manager
from tests.check.derive.test_features import ROUTE, configured, derived_of, filter_of


def entries_of(derived: Derived) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for group in yaml.safe_load(derived.text) for each in group["probes"]}


RETRIES = {"cluster": "one", "retry_policy": {"retry_on": "5xx"}}
FIXED = {"regex_rewrite": {"pattern": {"regex": "^/.+$"}, "substitution": "/fixed"}}


@pytest.mark.parametrize(
    ("match", "action", "path", "header"),
    [
        ({"prefix": "/v1"}, {}, "/v1/answers-503", None),
        ({"prefix": "/v1"}, {"prefix_rewrite": "/"}, "/v1/answers-503", None),
        ({"path": "/v1/pay"}, {}, "/v1/pay", "x-behave: answers-503"),
        ({"safe_regex": {"regex": "/v[12]/pay"}}, {}, "/v1/pay", "x-behave: answers-503"),
        ({"prefix": "/v1"}, FIXED, "/v1", "x-behave: answers-503"),
        ({"prefix": "/v1"}, {"path_rewrite": "/fixed"}, "/v1", "x-behave: answers-503"),
    ],
)
def test_the_upstream_is_told_by_a_header_where_it_gets_no_path_of_ours(
    match: dict[str, Any], action: dict[str, Any], path: str, header: str | None
) -> None:
    route = {"name": "pay", "match": match, "route": {**RETRIES, **action}}
    entry = entries_of(derived_of(configured(route=route)))["all-pay-retry-of-503"]

    assert entry["path"] == path
    assert entry.get("headers") == (None if header is None else [header])


def test_a_route_of_one_path_is_asked_all_that_no_other_path_needs() -> None:
    compressor = filter_of("compressor", "compressor.v3.Compressor")
    match = {"path": "/pay"}
    derived = derived_of(
        configured(compressor, route={"match": match, "route": RETRIES}), Bounds(probes_per_route=1000)
    )
    entries = entries_of(derived)

    upstream = {each.probe.partition("/")[2] for each in derived.targets if each.probe.startswith("upstream/")}
    assert len(upstream) > 90
    assert {"front-answer-garbage", "all-route-0-retry-of-a-reset", "front-frames-reset-by-the-upstream"} <= upstream
    assert entries["front-compressed-gzip"]["headers"] == ["accept-encoding: gzip", "x-behave: deny-with-50k"]
    [*_, head] = entries["front-frames-reset-by-the-upstream"]["steps"]
    assert head["headers"][2:] == [":path: /pay", ":authority: a.example", "x-behave: reset-in-body"]
    assert derived.unasked == {"front: paths below it": "it takes one path alone, or not all that are below it"}


@pytest.mark.parametrize("matched", [{"prefix": "/"}, {"path": "/pay"}])
def test_an_upgrade_is_refused_on_any_path(matched: dict[str, Any]) -> None:
    action = {"cluster": "one", "upgrade_configs": [{"upgrade_type": "websocket"}]}
    refused = entries_of(derived_of(configured(route={"match": matched, "route": action})))[
        "all-route-0-websocket-refused"
    ]

    assert refused["path"] == ("/refuse-403" if "prefix" in matched else "/pay")
    assert refused.get("headers", []) == ([] if "prefix" in matched else ["x-behave: refuse-403"])


@pytest.mark.parametrize(
    ("match", "path", "metadata"),
    [
        ({"prefix": "/"}, "/probe.Service/status-5", None),
        ({"prefix": "/greet.Greeter/"}, "/greet.Greeter/status-5", None),
        ({"path": "/greet.Greeter/Hello", "grpc": {}}, "/greet.Greeter/Hello", ["x-behave: status-5"]),
    ],
)
def test_calls_of_grpc_go_to_a_service_that_the_route_takes(
    match: dict[str, Any], path: str, metadata: list[str] | None
) -> None:
    of_grpc = filter_of("grpc_stats", "grpc_stats.v3.FilterConfig")
    entry = entries_of(derived_of(configured(of_grpc, route={"match": match, "route": {"cluster": "one"}})))[
        "front-grpc-status"
    ]

    assert entry["path"] == path
    assert entry.get("metadata") == metadata


def test_of_several_routes_calls_of_grpc_go_to_one_for_grpc() -> None:
    config = configured(filter_of("grpc_stats", "grpc_stats.v3.FilterConfig"))
    manager_of = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    greeter = {"match": {"path": "/greet.Greeter/Hello", "grpc": {}}, "route": {"cluster": "one"}}
    manager_of["route_config"]["virtual_hosts"][0]["routes"] = [greeter, ROUTE]

    assert entries_of(derived_of(config))["front-grpc-message"]["path"] == "/greet.Greeter/Hello"


QUICK = {"retry_on": "5xx", "num_retries": 2, "per_try_timeout": "0.2s"}
HEDGED = {"hedge_policy": {"hedge_on_per_try_timeout": True}}
AFTER_A_STALL = {"retry-after-a-stall", "retry-after-a-stall-of-a-post"}


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ({"retry_policy": QUICK}, {*AFTER_A_STALL, "retry-of-attempts-that-stall"}),
        ({"retry_policy": {**QUICK, "num_retries": 20}}, AFTER_A_STALL),
        ({"retry_policy": QUICK, **HEDGED}, AFTER_A_STALL),
        ({"retry_policy": {"retry_on": "5xx", "per_try_idle_timeout": "0.2s"}},
         {*AFTER_A_STALL, "retry-of-attempts-that-stall", "retry-after-a-stall-in-the-answer"}),
        ({"retry_policy": {"retry_on": "5xx", "per_try_timeout": "7s"}}, set()),
        ({"retry_policy": {"retry_on": "5xx"}}, set()),
    ],
)  # fmt: skip
def test_an_attempt_that_takes_too_long_is_asked_for_where_that_is_told_soon(
    action: dict[str, Any], asked: set[str]
) -> None:
    route = {"name": "pay", "match": {"path": "/pay"}, "route": {"cluster": "one", "timeout": "5s", **action}}
    entries = entries_of(derived_of(configured(route=route)))

    assert {name.removeprefix("all-pay-") for name in entries if "stall" in name} == asked
    if asked:
        assert entries["all-pay-retry-after-a-stall"]["headers"] == ["x-behave: once-stall"]


def test_what_may_be_tried_again_by_its_status_is_asked_for() -> None:
    policy = {"retry_on": "retriable-status-codes", "retriable_status_codes": [425, 777, 599]}
    route = {"name": "pay", "match": {"prefix": "/"}, "route": {"cluster": "one", "retry_policy": policy}}
    entries = entries_of(derived_of(configured(route=route)))

    assert {name.removeprefix("all-pay-"): each["path"] for name, each in entries.items() if "retriable" in name} == {
        "retriable-425": "/answers-425",
        "retriable-425-that-helps": "/once-answers-425",
        "retriable-599": "/answers-599",
        "retriable-599-that-helps": "/once-answers-599",
    }


def test_the_attempts_of_a_virtual_host_are_asked_for_too() -> None:
    host = {"name": "all", "domains": ["a.example"], "retry_policy": QUICK, "routes": [ROUTE]}
    config = bootstrap([listener("front", 10001, {"name": "http", "filters": [manager(host)]})], [cluster("one")])

    assert entries_of(derived_of(config))["all-retry-after-a-stall"]["path"] == "/once-stall"
