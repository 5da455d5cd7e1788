"""Requests for the descriptors of rate limits: one that each action takes, and one that just misses each condition."""

from typing import Any

import pytest

from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.rate_limits import answered, edges
from tests.check.derive.test_features import ROUTE, configured, derived_of, filter_of, names_of

ASK = Ask(host="a.test", path="/limited?page=1", headers=(("x-own", "1"),))
TENANT = {"name": "x-tenant", "string_match": {"exact": "one"}}
PAGE = {"name": "page", "string_match": {"exact": "2"}}
FREE = {"name": "x-free", "present_match": True}


def of(*actions: dict[str, Any]) -> dict[str, Any]:
    """By its name what is other in each request."""
    return {each.name: each.entry for each in edges({"actions": list(actions)}, ASK)}


@pytest.mark.parametrize(
    ("actions", "entries"),
    [
        ([{"generic_key": {"descriptor_value": "a"}}, {"remote_address": {}}], {}),
        (
            [{"request_headers": {"header_name": "X-Tenant", "descriptor_key": "tenant"}}],
            {"limit-of-header-x-tenant": {"headers": ["x-tenant: any"]}},
        ),
        ([{"request_headers": {"header_name": ":path", "descriptor_key": "path"}}], {}),
        (
            [{"generic_key": {"descriptor_value": "a"}}, {"header_value_match": {"headers": [TENANT]}}],
            {
                "limit-of-header-x-tenant": {"headers": ["x-tenant: one"]},
                "no-limit-of-header-x-tenant-header-x-tenant-another": {"headers": ["x-tenant: on"]},
            },
        ),
        (
            [{"query_parameter_value_match": {"query_parameters": [PAGE]}}],
            {
                "limit-of-query-page": {"path": "/limited?page=2"},
                "no-limit-of-query-page-query-page-another": {"path": "/limited?page=2x"},
            },
        ),
        (
            [{"query_parameters": {"query_parameter_name": "user"}}],
            {"limit-of-query-user": {"path": "/limited?page=1&user=any"}},
        ),
        (
            [{"header_value_match": {"headers": [FREE], "expect_match": False}}],
            {"no-limit-of-header-x-free-but-header-x-free": {"headers": ["x-free: any"]}},
        ),
        (
            [
                {"header_value_match": {"headers": [FREE], "expect_match": False}},
                {"request_headers": {"header_name": "x-tenant"}},
            ],
            {
                "limit-of-header-x-tenant": {"headers": ["x-tenant: any"]},
                "no-limit-of-header-x-tenant-but-header-x-free": {"headers": ["x-tenant: any", "x-free: any"]},
            },
        ),
        ([{"metadata": {"descriptor_key": "a"}}], {}),
    ],
    ids=[
        "always",
        "header",
        "pseudo",
        "header-value",
        "parameter",
        "any-parameter",
        "unless",
        "unless-and-header",
        "else",
    ],
)
def test_a_request_for_each(actions: list[dict[str, Any]], entries: dict[str, Any]) -> None:
    assert of(*actions) == entries


def test_a_service_is_told_what_to_answer_by_a_value_of_the_request() -> None:
    matched = {"header_value_match": {"headers": [TENANT]}}
    asked = {
        each.name: each.ask
        for each in answered({"actions": [matched, {"query_parameters": {"query_parameter_name": "who"}}]}, ASK)
        if each.ask is not None
    }
    assert asked.keys() == {f"limit-query-who-{each}" for each in ("over", "over-with-headers", "service-fails")}
    fails = asked["limit-query-who-service-fails"]
    assert fails.path == "/limited?page=1&who=%7B%22status%22%3A14%7D"
    assert fails.header("x-tenant") == "one"


@pytest.mark.parametrize("action", [{"generic_key": {"descriptor_value": "a"}}, {"remote_address": {}}])
def test_a_limit_that_nothing_of_a_request_comes_into_is_said(action: dict[str, Any]) -> None:
    with pytest.raises(CannotMakeError, match="nothing in a request"):
        list(answered({"actions": [action]}, ASK))


@pytest.mark.parametrize(
    ("message", "stage", "is_asked"),
    [("ratelimit.v3.RateLimit", 0, True), ("ratelimit.v3.RateLimit", 1, False),
     ("local_ratelimit.v3.LocalRateLimit", 0, False)],
    ids=["service", "service-of-another-stage", "local"],
)  # fmt: skip
def test_a_service_is_told_so_where_it_is_asked(message: str, stage: int, is_asked: bool) -> None:
    limits = [{"actions": [{"request_headers": {"header_name": "x-user"}}]}, {"actions": [{"remote_address": {}}]}]
    route = {**ROUTE, "route": {"cluster": "one", "rate_limits": limits}}
    derived = derived_of(configured(filter_of("limits", message, stage=stage), route=route))
    assert ("all-route-0-limit-header-x-user-over" in names_of(derived)) is is_asked
    assert bool([why for why in derived.unasked.values() if "is reached" in why]) is is_asked
