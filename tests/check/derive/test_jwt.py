"""Tokens that filters of JWT ask for: by the rule that a request falls under, and what no request is made for."""

from typing import Any

import pytest

from takeover.check.derive import Bounds
from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.jwt_rules import JwtRules
from tests.check.derive.test_features import ROUTE, configured, derived_of, filter_of, names_of

ASK = Ask(host="a.example", path="/x?page=1")
ALL = Bounds(probes_per_route=1000)


def rules(*listed: dict[str, Any], **providers: dict[str, Any]) -> JwtRules:
    made = {name: {"issuer": name, **more} for name, more in providers.items()}
    return JwtRules({"providers": made, "rules": list(listed)}, {})


def provider(name: str) -> dict[str, Any]:
    return {"provider_name": name}


def test_a_rule_before_another_one_is_gone_around() -> None:
    both = rules({"match": {"prefix": "/admin/open"}}, {"match": {"prefix": "/admin"}, "requires": provider("a")}, a={})
    assert both.under(1, [ASK]).path == "/admin?page=1"
    same = rules({"match": {"prefix": "/admin"}}, {"match": {"path": "/admin/x"}, "requires": provider("a")}, a={})
    with pytest.raises(CannotMakeError, match="under no rule before"):
        same.under(1, [ASK])


def test_two_tokens_come_in_two_places_and_where_there_is_one_none_is_known() -> None:
    required = {"requires_all": {"requirements": [provider("a"), provider("b")]}}
    asked = rules(a={}, b={}).let_in(ASK, required)
    assert asked.header("authorization")
    assert asked.query.keys() == {"page", "access_token"}
    one = {"from_headers": [{"name": "x-token"}]}
    with pytest.raises(CannotMakeError, match="two tokens in one place"):
        rules(a=one, b=one).let_in(ASK, required)
    any_ = {"requires_any": {"requirements": [required, provider("b")]}}
    assert rules(a=one, b=one).let_in(ASK, any_).header("x-token")


def test_a_rule_is_met_and_just_missed_and_what_is_not_is_said() -> None:
    tenant = {"name": "x-tenant", "string_match": {"exact": "one"}}
    listed = [
        {"match": {"path": "/health"}},
        {"match": {"prefix": "/admin", "headers": [tenant]}, "requires": provider("a")},
        {"match": {"prefix": "/short"}, "requires": provider("short")},
        {"match": {"prefix": "/admin", "headers": [tenant], "query_parameters": [{"name": "a"}]}},
        {"match": {"prefix": "/state", "filter_state": [{"key": "a"}]}, "requires": provider("a")},
    ]
    providers = {"a": {"issuer": "a"}, "short": {"issuer": "b", "max_lifetime": "60s"}}
    config = configured(filter_of("jwt", "jwt_authn.v3.JwtAuthentication", providers=providers, rules=listed))
    derived = derived_of(config, ALL)

    asked = names_of(derived)
    assert {"jwt-rule-0", "jwt-rule-0-no-path-longer", "jwt-rule-1-no-header-x-tenant-none"} <= asked
    assert {"jwt-rule-1", "jwt-rule-1-no-token", "jwt-a-expired", "jwt-a-good-place-2"} <= asked
    said = {place.rpartition(" ")[2]: why for place, why in derived.unasked.items()}
    assert "under no rule before" in said["rules[3]"]
    assert "filter state" in said["rules[4]"]
    assert "max_lifetime" in said["rules[2]"]
    assert "max_lifetime" in said["providers.short"]


def test_what_is_asked_below_a_route_has_the_query_that_lets_it_in() -> None:
    listed = [{"match": {"prefix": "/"}, "requires": provider("a")}]
    providers = {"a": {"issuer": "a", "from_params": ["token"]}}
    jwt = filter_of("jwt", "jwt_authn.v3.JwtAuthentication", providers=providers, rules=listed)
    text = derived_of(configured(jwt, route={**ROUTE, "match": {"prefix": "/shop"}}), ALL).text

    assert "GET /shop/one?token=ey" in text
    below = [line for line in text.splitlines() if 'path: "/shop/' in line]
    assert len(below) > 10
    assert not [line for line in below if "token=ey" not in line]
    assert 'path: "/shop"' in text  # without a token
