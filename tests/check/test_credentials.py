"""Filters that ask who a request is from: of a dump, too, whose secrets nobody has, requests come to the routes."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from takeover.store import documents as store
from tests.check.whole import ALL, HTTP, checked, cluster, dumped, listener, typed

REDACTED, REDACTED_BYTES = "[redacted]", "W3JlZGFjdGVkXQ=="
TO_APP = {"name": "app", "match": {"prefix": "/"}, "route": {"cluster": "app"}}
KEYS = [{"key": REDACTED, "client": REDACTED}] * 2


def basic(**more: Any) -> dict[str, Any]:
    config = typed(f"{HTTP}basic_auth.v3.BasicAuth", users={"inline_bytes": REDACTED_BYTES})
    return {"name": "basic", "typed_config": config, **more}


def keyed(*sources: dict[str, str], **more: Any) -> dict[str, Any]:
    config = typed(f"{HTTP}api_key_auth.v3.ApiKeyAuth", credentials=KEYS, key_sources=list(sources))
    return {"name": "keyed", "typed_config": config, **more}


def route(path: str, **settings: dict[str, Any]) -> dict[str, Any]:
    found = {"name": path.strip("/"), "match": {"prefix": path}, "route": {"cluster": "app"}}
    return {**found, "typed_per_filter_config": settings}


def statuses(
    folder: Path, *listeners: dict[str, Any], clusters: tuple[str, ...] = ("app",)
) -> dict[str, set[int | None]]:
    """Of each route those with which requests for it ended; of those of an edge, by its name, too."""
    ended = checked(dumped(folder, listeners, map(cluster, clusters)), "--probes-per-route", "12", *ALL)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "does not take" not in ended.stdout + ended.stderr
    found: defaultdict[str, set[int | None]] = defaultdict(set)
    for each in store.read(folder / "reports/latest/results/new.json").probes:
        found[each.probe].add(each.observation.status)
        for entry in each.observation.log:
            found[str(entry.get("route"))].add(each.observation.status)
    return found


def test_a_user_of_its_own_is_let_in_by_basic_auth_and_nobody_else(tmp_path: Path) -> None:
    found = statuses(tmp_path, listener("web", 8000, TO_APP, filters=(basic(),)))
    assert 200 in found["app"]
    assert [found[f"edges/web-basic-{each}"] for each in ("wrong", "none")] == [{401}, {401}]


@pytest.mark.parametrize(
    "source",
    [{"header": "X-API-KEY"}, {"header": "Authorization"}, {"query": "key"}, {"cookie": "key"}],
    ids=["header", "standard-header", "query", "cookie"],
)
def test_a_key_of_its_own_is_taken_wherever_one_is_looked_for(source: dict[str, str], tmp_path: Path) -> None:
    found = statuses(tmp_path, listener("web", 8000, TO_APP, filters=(keyed(source),)))
    assert 200 in found["app"]
    tried = {name: found[name] for name in found if name.startswith("edges/web-key-")}
    assert list(tried.values()) == [{401}, {401}]


def test_a_filter_that_is_off_is_asked_by_the_routes_that_turn_it_on(tmp_path: Path) -> None:
    users = typed(f"{HTTP}basic_auth.v3.BasicAuthPerRoute", users={"inline_bytes": REDACTED_BYTES})
    key = {"credentials": KEYS, "key_sources": [{"header": "x-key"}]}
    allowed = typed(f"{HTTP}api_key_auth.v3.ApiKeyAuthPerRoute", allowed_clients=["anna"])
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    on = {**off, "disabled": False, "config": {}}
    routes = [
        route("/basic/", basic=users),
        route("/key/", keyed=typed(f"{HTTP}api_key_auth.v3.ApiKeyAuthPerRoute", **key)),
        route("/anna/", keyed=allowed),
        route("/on/", keyed=on),
        route("/off/", keyed=off),
        route("/none/"),
    ]
    filters = (basic(disabled=True), keyed({"header": "x-other"}, disabled=True))
    found = statuses(tmp_path, listener("web", 8000, *routes, filters=filters))
    for name in ("basic", "key", "anna", "on", "off", "none"):
        assert 200 in found[name], name


SOMEBODYS = {"kty": "oct", "alg": "HS256", "kid": "theirs", "k": "bm9ib2R5IGtub3dzIHRoaXMgb25l"}
"""A key by which nobody here signs."""


def jwt(rules: list[dict[str, Any]], named: dict[str, Any], **providers: dict[str, Any]) -> dict[str, Any]:
    remote = {"remote_jwks": {"http_uri": {"uri": "https://keys.example/jwks", "cluster": "keys", "timeout": "5s"}}}
    made = {
        name: {"issuer": f"https://{name}.example", **({} if "local_jwks" in more else remote), **more}
        for name, more in providers.items()
    }
    url = f"{HTTP}jwt_authn.v3.JwtAuthentication"
    return {"name": "jwt", "typed_config": typed(url, providers=made, rules=rules, requirement_map=named)}


def test_each_request_brings_the_tokens_that_its_rule_or_its_route_requires(tmp_path: Path) -> None:
    names = ("header", "query", "cookie", "other", "written")
    rules: list[Any] = [{"match": {"prefix": f"/{name}/"}, "requires": {"provider_name": name}} for name in names]
    both = [{"provider_name": "other"}, {"provider_name": "cookie"}]
    any_: list[Any] = [{"requires_all": {"requirements": both}}, {"allow_missing": {}}]
    rules.append({"match": {"prefix": "/both/"}, "requires": {"requires_any": {"requirements": any_}}})
    audience = {"provider_and_audiences": {"provider_name": "query", "audiences": ["shop"]}}
    filters = (
        jwt(
            [*rules, {"match": {"prefix": "/off/"}, "requires": {"provider_name": "other"}}],
            {"named": audience},
            header={"from_headers": [{"name": "x-token", "value_prefix": "Token "}], "audiences": ["a"]},
            query={"from_params": ["token"], "audiences": ["a"]},
            cookie={"from_cookies": ["session"], "subjects": {"prefix": "spiffe://a/"}},
            other={},
            written={"local_jwks": {"inline_string": json.dumps({"keys": [SOMEBODYS]})}},
        ),
    )
    of_route = f"{HTTP}jwt_authn.v3.PerRouteConfig"
    routes = [
        *(route(f"/{name}/") for name in (*names, "both")),
        route("/named/", jwt=typed(of_route, requirement_name="named")),
        route("/off/", jwt=typed(of_route, disabled=True)),
    ]
    found = statuses(tmp_path, listener("web", 8000, *routes, filters=filters), clusters=("app", "keys"))
    for name in (*names, "both", "named", "off"):
        assert 200 in found[name], name
        assert found[f"routes/shop-{name}"] == {200}, name
    for name in names:
        assert found[f"edges/web-jwt-{name}-good"] == {200}, name
        for words in ("none", "expired", "forged", "other-issuer"):
            assert found[f"edges/web-jwt-{name}-{words}"] == {401}, (name, words)
    assert found["edges/web-jwt-requirement-named-no-token"] == {401}


def test_rules_that_ask_for_claims_let_in_who_comes_to_their_route(tmp_path: Path) -> None:
    def has(*path: str, **value: Any) -> dict[str, Any]:
        names = [{"key": each} for each in ("payload", *path)]
        return {"metadata": {"filter": "envoy.filters.http.jwt_authn", "path": names, "value": value}}

    def let_in(path: str, *principals: dict[str, Any]) -> dict[str, Any]:
        policy = {"permissions": [{"any": True}], "principals": [{"and_ids": {"ids": list(principals)}}]}
        rules = {"rules": {"policies": {"only": policy}}}
        return route(path, rbac=typed(f"{HTTP}rbac.v3.RBACPerRoute", rbac=rules))

    admin, user = ({"string_match": {"exact": each}} for each in ("admin", "user"))
    scope = {"list_match": {"one_of": {"string_match": {"exact": "read"}}}}
    routes = [
        let_in("/admin/", has("role", **admin), has("scope", **scope)),
        let_in("/user/", has("realm", "role", **user), {"not_id": has("role", **admin)}),
    ]
    every = [{"match": {"prefix": "/"}, "requires": {"provider_name": "one"}}]
    filters = (
        jwt(every, {}, one={"payload_in_metadata": "payload"}),
        {"name": "rbac", "typed_config": typed(f"{HTTP}rbac.v3.RBAC")},
    )
    found = statuses(tmp_path, listener("web", 8000, *routes, filters=filters), clusters=("app", "keys"))
    for name in ("admin", "user"):
        assert found[f"routes/shop-{name}"] == {200}, name
