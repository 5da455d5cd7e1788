"""A gateway that asks an authorization service is refused by it in all the ways that a client has to hear of."""

import re
from pathlib import Path
from typing import Any

from takeover.model.document import Observation
from takeover.store import documents as store
from tests.check.whole import API, HTTP, checked, cluster, listener, typed, written

OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"
HTTP2 = {"envoy." + OPTIONS: typed(API + OPTIONS, explicit_http_config={"http2_protocol_options": {}})}


def asking(url: str, **service: Any) -> dict[str, Any]:
    config = typed(f"{HTTP}ext_authz.v3.ExtAuthz", transport_api_version="V3", stat_prefix=url, **service)
    return {"name": "envoy.filters.http.ext_authz", "typed_config": config}


def test_its_refusals_have_a_status_and_headers(tmp_path: Path) -> None:
    to_app = {"name": "app", "match": {"prefix": "/"}, "route": {"cluster": "app"}}
    http = {"server_uri": {"uri": "http://over-http.example", "cluster": "over-http", "timeout": "1s"}}
    file = written(
        tmp_path,
        listener("one", 8000, to_app, filters=(asking("one", http_service=http),)),
        listener("two", 8001, to_app, filters=(asking("two", grpc_service={"envoy_grpc": {"cluster_name": "grpc"}}),)),
        clusters=(
            cluster("app"),
            cluster("over-http"),
            cluster("grpc", typed_extension_protocol_options=HTTP2),
        ),
    )
    ended = checked(file, "--within", "7")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Observation] = {
        each.probe.partition("/")[2]: each.observation
        for each in store.read(tmp_path / "reports/latest/results/new.json").probes
    }
    over_http = {name: found[f"one-authz-over-http-{name}"].status for name in ("challenges", "redirects", "refused")}
    assert over_http == {"challenges": 401, "redirects": 302, "refused": 403}
    challenge, redirect = found["two-authz-challenges"], found["two-authz-redirects"]
    assert challenge.status == 401
    assert ("www-authenticate", 'Basic realm="a"') in challenge.headers
    assert redirect.status == 302
    assert {("location", "/login?a=b"), ("set-cookie", "a=1")} <= set(redirect.headers)


def rules(action: str, **policies: Any) -> dict[str, Any]:
    config = typed(f"{HTTP}rbac.v3.RBAC", rules={"action": action, "policies": policies})
    return {"name": f"rbac-{action.lower()}", "typed_config": config}


def test_policies_let_through_what_has_all_that_they_ask_for_and_nothing_near_it(tmp_path: Path) -> None:
    staff = header("x-role", "staff")
    inside = {"or_rules": {"rules": [{"url_path": {"path": {"prefix": "/shop/in"}}}, header(":path", "/cart/")]}}
    allow = {"permissions": [{"and_rules": {"rules": [header(":method", "POST"), inside]}}], "principals": [staff]}
    deny = {"permissions": [{"any": True}], "principals": [{"not_id": header("x-client", "one")}]}
    routes = [
        {"name": name, "match": {"prefix": f"/{name}/"}, "route": {"cluster": "app"}}
        for name in ("shop", "cart", "closed")
    ]
    filters = (rules("ALLOW", staff=allow), rules("DENY", others=deny))
    file = written(tmp_path, listener("web", 8000, *routes, filters=filters), clusters=(cluster("app"),))
    ended = checked(file, "--within", "7")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    statuses = {
        each.probe: each.observation.status for each in store.read(tmp_path / "reports/latest/results/new.json").probes
    }
    assert [statuses[f"routes/shop-{name}"] for name in ("shop", "cart", "closed")] == [200, 200, 403]
    by_rule = {name.partition("web-rule-")[2]: status for name, status in statuses.items() if "web-rule-" in name}
    assert by_rule.pop("staff") == 200
    assert by_rule.pop("staff-by-2") == 200
    assert {status for name, status in by_rule.items() if name.startswith("staff-no-")} == {403}
    assert by_rule["others"] == 403
    assert "no request was found for this route that the filter lets through" in ended.stdout
    assert re.search(r"route 2: \d+ probes came to it, and none got past the filters before it: rbac_", ended.stdout)
    assert statuses["edges/web-get"] == 200


def header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"name": name, "string_match": {"exact": value}}}


def test_a_session_begins_and_ends_at_the_paths_that_are_configured(tmp_path: Path) -> None:
    secrets = {name: {"name": name} for name in ("token_secret", "hmac_secret")}
    oauth = typed(
        f"{HTTP}oauth2.v3.OAuth2",
        config={
            "token_endpoint": {"cluster": "idp", "uri": "https://idp.example/token", "timeout": "3s"},
            "authorization_endpoint": "https://idp.example/auth",
            "redirect_uri": "https://%REQ(:authority)%/oauth2/back",
            "redirect_path_matcher": {"path": {"exact": "/oauth2/back"}},
            "signout_path": {"path": {"exact": "/leave"}},
            "pass_through_matcher": [{"name": "x-machine", "string_match": {"exact": "yes"}}],
            "deny_redirect_matcher": [{"name": "x-script", "string_match": {"exact": "yes"}}],
            "credentials": {"client_id": "a", **secrets},
            "auth_scopes": ["openid"],
        },
    )
    to_app = {"name": "app", "match": {"prefix": "/"}, "route": {"cluster": "app"}}
    file = written(
        tmp_path,
        listener("web", 8000, to_app, filters=({"name": "oauth", "typed_config": oauth},)),
        clusters=(cluster("app"), cluster("idp")),
        secrets=[{"name": name, "generic_secret": {"secret": {"inline_string": "abcdefgh"}}} for name in secrets],
    )
    ended = checked(file, "--within", "7")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen = {
        each.probe.partition("/")[2].removeprefix("web-oauth-"): each.observation
        for each in store.read(tmp_path / "reports/latest/results/new.json").probes
    }
    statuses = {name: each.status for name, each in seen.items()}
    assert {name: statuses[name] for name in ("nobody", "callback-no", "signout-no", "cookies-wrong")} == {
        "nobody": 302, "callback-no": 302, "signout-no": 302, "cookies-wrong": 302
    }  # fmt: skip
    assert {status for name, status in statuses.items() if name.startswith("callback-code")} == {401}
    assert ("location", "http://probe.example/") in seen["signout"].headers
    assert [statuses[name] for name in statuses if name.startswith("denied-header")] == [401]
    assert [statuses[name] for name in statuses if name.startswith("passes-header")] == [200]
    assert statuses["shop-app"] == 200
