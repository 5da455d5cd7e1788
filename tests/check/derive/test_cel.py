"""Requests that expressions of CEL fit, and those that they just do not."""

from typing import Any

import pytest

from takeover.check.derive.ask import Ask
from takeover.check.derive.cel_conditions import condition
from takeover.check.derive.expressions import CannotMakeError
from tests.check.derive.cel_text import parsed


def call(function: str, *arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"call_expr": {"function": function, "args": list(arguments), **more}}


def word(value: str) -> dict[str, Any]:
    return {"const_expr": {"string_value": value}}


def of_request(name: str) -> dict[str, Any]:
    return {"select_expr": {"operand": {"ident_expr": {"name": "request"}}, "field": name}}


TEAM = call("_==_", call("_[_]", of_request("headers"), word("X-Team")), word("red"))
UNDER = call("startsWith", word("/admin"), target=of_request("path"))
RED = {"headers": (("x-team", "red"),)}


@pytest.mark.parametrize(
    ("expression", "ask", "fits"),
    [
        (parsed("request.headers['x-team'] == 'red'"), RED, True),
        (parsed("'red' == request.headers[\"x-team\"]"), RED, True),
        (parsed("request.headers['x-team'] != 'red'"), RED, False),
        (parsed("request.headers['x-team'] != 'red'"), {}, False),  # an error: there is none
        (parsed("!(request.headers['x-team'] == 'red')"), {"headers": (("x-team", "a"),)}, True),
        (parsed("'x-team' in request.headers"), RED, True),
        (parsed("!('x-team' in request.headers)"), RED, False),
        (parsed("!has(request.headers.team)"), {}, True),
        (parsed("request.method in ['GET', 'HEAD']"), {"method": "POST"}, False),
        (parsed("request.path.startsWith('/a') && request.method == 'GET'"), {"path": "/a?b"}, True),
        (parsed("request.url_path.endsWith('/c')"), {"path": "/a/c?b"}, True),
        (parsed("request.query.contains('b')"), {"path": "/b?c"}, False),
        (parsed("request.path.matches('^/v[0-9]+/') || request.host == 'b'"), {"path": "/v12/a"}, True),
        (parsed("request.path.matches('[0-9]$')"), {"path": "/v12/a"}, False),
        (parsed("request.host == 'a' || request.host == 'b' && false"), {}, True),
        ({"cel_expr_parsed": {"expr": call("_&&_", TEAM, UNDER)}}, {**RED, "path": "/admin/a"}, True),
        ({"cel_expr_checked": {"expr": call("_||_", TEAM, call("!_", UNDER))}}, {"path": "/admin"}, False),
    ],
)
def test_an_expression_fits_what_it_asks_for(expression: dict[str, Any], ask: dict[str, Any], fits: bool) -> None:
    assert condition(expression).fits(Ask(host="a", **ask)) is fits


@pytest.mark.parametrize(
    "expression",
    [
        "request.headers['x-a'] == 'b' && request.path.startsWith('/c') && !(request.method == 'GET')",
        "request.headers['x-a'] in ['b', 'c'] || 'x-d' in request.headers",
        "!(request.path.startsWith('/a') || request.headers['x-a'] == 'b')",
        "request.headers['x-a'].matches('b[0-9]{3}') && request.query == 'c=1'",
        "request.useragent.contains('probe') && has(request.headers.there)",
    ],
)
def test_a_request_is_made_that_it_fits_and_some_that_it_just_does_not(expression: str) -> None:
    asked = condition(parsed(expression))
    made = asked.made(Ask(host="a", path="/"))
    near = list(asked.missed(made))
    assert asked.fits(made)
    assert near
    assert not any(asked.fits(each) for _, each in near)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("source.address == '10.0.0.1'", "source.address"),
        ("metadata.filter_metadata['a']['b'] == 'c'", "asks for"),
        ("request.size > 3", ">"),
        ("!" * 200 + "true", "too deep"),
        ("request.path", "request.path"),
    ],
)
def test_what_is_not_known_of_it_is_said(expression: str, words: str) -> None:
    with pytest.raises(CannotMakeError, match=words):
        condition(parsed(expression))


def test_an_expression_in_another_form_is_not_known() -> None:
    with pytest.raises(CannotMakeError, match="a form that is not known"):
        condition({"cel_expr_string": "true"})
