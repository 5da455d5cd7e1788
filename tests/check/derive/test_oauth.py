"""Requests for an OAuth2 filter's paths and matchers."""

from typing import Any

import pytest

from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.oauth import edges

ASK = Ask(host="a.example", path="/healthz")
HEALTH = {"name": ":path", "string_match": {"prefix": "/healthz"}}


def asked(**config: Any) -> dict[str, Ask]:
    return {each.name.removeprefix("oauth-"): each.ask for each in edges(config, ASK) if each.ask is not None}


def test_each_path_is_asked_for_with_and_without_what_is_sent_back() -> None:
    found = asked(
        redirect_path_matcher={"path": {"safe_regex": {"regex": "/oauth2/back"}}},
        signout_path={"path": {"suffix": "/leave"}},
    )
    assert {name: each.path for name, each in found.items() if name.startswith(("callback", "signout"))} == {
        "callback": "/oauth2/back",
        "callback-code": "/oauth2/back?code=a&state=b",
        "callback-no-state": "/oauth2/back?code=a",
        "callback-no-code": "/oauth2/back?state=b",
        "callback-error": "/oauth2/back?error=access_denied&state=b",
        "callback-no": found["callback-no"].path,
        "signout": "/leave",
        "signout-no": "/leav",
    }
    assert not found["callback-no"].path.startswith("/oauth2/back?")


def test_who_passes_is_asked_and_all_else_is_without_what_lets_it_pass() -> None:
    found = asked(pass_through_matcher=[HEALTH], signout_path={"path": {"exact": "/leave"}})
    assert found["passes-header-path"].path.startswith("/healthz")
    assert not found["nobody"].path.startswith("/healthz")


def test_what_cannot_be_asked_is_said_after_all_else() -> None:
    made = edges({"signout_path": {"path": {"custom": {}}}, "deny_redirect_matcher": [HEALTH]}, ASK)
    names = list[str]()
    with pytest.raises(CannotMakeError, match="signout_path"):
        names.extend(each.name for each in made)
    assert "oauth-denied-header-path" in names
    with pytest.raises(CannotMakeError, match="lets all pass"):
        list(edges({"pass_through_matcher": [{"name": ":path", "present_match": True}]}, ASK))
