"""Requests for the descriptors of rate limits: one that each action takes, and one that just misses each condition."""

from typing import Any

import pytest

from takeover.check.derive.ask import Ask
from takeover.check.derive.rate_limits import edges

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
