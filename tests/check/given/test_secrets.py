"""Nothing that may be a secret leaves a run: each kind of place where production has them is tried."""

import base64
import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from takeover.check.given import read
from takeover.check.given.secrets import Cleaner, redacted, secret_values
from takeover.check.records import Given
from tests.check.derive.scopes import scope, scoped_manager, whole
from tests.check.derive.trees import header, listed, mapped, no, single, to
from tests.unhurried import UNHURRIED

API = "type.googleapis.com/envoy."
OURS = "Zq7-s3cret+word/9"
HTTP = f"{API}extensions.filters.http."


def typed(url: str, **fields: Any) -> dict[str, Any]:
    return {"@type": url, **fields}


def inline(secret: str) -> dict[str, Any]:
    return {"inline_string": secret}


def matcher(name: str, secret: str, how: str = "exact") -> dict[str, Any]:
    return {
        "match": {"prefix": "/", "headers": [{"name": name, "string_match": {how: secret}}]},
        "route": {"cluster": "a"},
    }


def grpc(**fields: Any) -> dict[str, Any]:
    return typed(f"{HTTP}ext_authz.v3.ExtAuthz", grpc_service=fields)


def google(credentials: dict[str, Any]) -> dict[str, Any]:
    return grpc(google_grpc={"target_uri": "a:1", "stat_prefix": "a", "call_credentials": [credentials]})


# Kind → (where it stands: "filter" of HTTP, "route", "cluster", "socket" of a cluster, "bootstrap", …; what has it).
KINDS: dict[str, tuple[str, Any]] = {
    "a header's exact value": ("route", lambda s: matcher("x-api-key", s)),
    "a header's prefix": ("route", lambda s: matcher("authorization", f"Bearer {s}", "prefix")),
    "a cookie": ("route", lambda s: matcher("cookie", f"sid={s}", "contains")),
    "a token as a parameter": ("route", lambda s: {"match": {"prefix": "/", "query_parameters": [
        {"name": "access_token", "string_match": {"exact": s}}]}, "route": {"cluster": "a"}}),
    "a header in a tree of matchers": ("tree", lambda s: listed(
        (no(single(header("x-api-key"), exact=s)), to("a")))),
    "a key of a map in a tree": ("tree", lambda s: mapped("prefix", header("Authorization"), {s: to("a")})),
    "a scope's key": ("scopes", lambda s: scoped_manager([whole("x-api-key")], scope("one", s))),
    "a header that is added": ("route", lambda s: {"match": {"prefix": "/"}, "route": {"cluster": "a"},
        "request_headers_to_add": [{"header": {"key": "x-whose", "value": s}}]}),
    "a header added with more": ("route", lambda s: {"match": {"prefix": "/"}, "route": {"cluster": "a"},
        "response_headers_to_add": [{"header": {"key": "x-more", "value": f"%PROTOCOL% {s} %RESPONSE_CODE%"}}]}),
    "a direct answer's body": ("route", lambda s: {"match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": inline(f"welcome\n{s}\n")}}),
    "a redirect's query": ("route", lambda s: {"match": {"prefix": "/"},
        "redirect": {"path_redirect": f"/in?token={s}"}}),
    "a route's metadata": ("route", lambda s: {"match": {"prefix": "/"}, "route": {"cluster": "a"},
        "metadata": {"filter_metadata": {"mine": {"deep": [{"name": s}]}}}}),
    "Lua": ("filter", lambda s: typed(f"{HTTP}lua.v3.Lua",
        default_source_code=inline(f'function envoy_on_request(h)\n  h:headers():add("x", "y")\n  {s}\nend'))),
    "users of basic authentication": ("filter", lambda s: typed(
        f"{HTTP}basic_auth.v3.BasicAuth", users=inline(f"me:{s}"))),
    "keys of a JWT's provider": ("filter", lambda s: typed(f"{HTTP}jwt_authn.v3.JwtAuthentication",
        providers={"a": {"local_jwks": inline(json.dumps({"keys": [{"kty": "oct", "k": s}]}))}})),
    "OAuth2": ("secret", lambda s: {"name": "token", "generic_secret": {"secret": inline(s)}}),
    "OAuth2's HMAC of cookies": ("secret", lambda s: {"name": "hmac",
        "generic_secret": {"secret": {"inline_bytes": base64.b64encode(s.encode()).decode()}}}),
    "several generic secrets": ("secret", lambda s: {"name": "many",
        "generic_secret": {"secrets": {"one": inline(s)}}}),
    "a private key": ("secret", lambda s: {"name": "cert", "tls_certificate": {
        "certificate_chain": {"filename": "/c.pem"},
        "private_key": inline(f"-----BEGIN PRIVATE KEY-----\n{s}\n-----END PRIVATE KEY-----\n")}}),
    "a private key's password": ("secret", lambda s: {"name": "cert", "tls_certificate": {"password": inline(s)}}),
    "keys of session tickets": ("secret", lambda s: {"name": "tickets", "session_ticket_keys": {"keys": [
        {"inline_bytes": base64.b64encode(s.encode()).decode()}]}}),
    "API keys": ("filter", lambda s: typed(
        f"{HTTP}api_key_auth.v3.ApiKeyAuth", credentials=[{"key": s, "client": "me"}])),
    "injected credentials": ("filter", lambda s: typed(f"{HTTP}credential_injector.v3.CredentialInjector",
        credential={"name": "a", "typed_config": typed(
            f"{API}extensions.http.injected_credentials.generic.v3.Generic", header=s)})),
    "keys of AWS": ("filter", lambda s: typed(f"{HTTP}aws_request_signing.v3.AwsRequestSigning", service_name="s3",
        credential_provider={"inline_credential": {
            "access_key_id": "none", "secret_access_key": s, "session_token": "none"}})),
    "metadata of gRPC": ("filter", lambda s: grpc(
        envoy_grpc={"cluster_name": "a"}, initial_metadata=[{"key": "x-mine", "value": s}])),
    "an access token of gRPC": ("filter", lambda s: google({"access_token": s})),
    "a refresh token of gRPC": ("filter", lambda s: google({"google_refresh_token": s})),
    "a JSON key of gRPC": ("filter", lambda s: google({"service_account_jwt_access": {
        "json_key": json.dumps({"private_key": s})}})),
    "an IAM token of gRPC": ("filter", lambda s: google({"google_iam": {
        "authorization_token": s, "authority_selector": "a"}})),
    "headers of health checks": ("cluster", lambda s: {"health_checks": [{"http_health_check": {
        "path": "/", "request_headers_to_add": [{"header": {"key": "x-probe", "value": s}}]}}]}),
    "what a health check sends": ("cluster", lambda s: {"health_checks": [{"tcp_health_check": {
        "send": {"text": s}}}]}),
    "a password of Redis": ("cluster", lambda s: {"typed_extension_protocol_options": {
        "envoy.filters.network.redis_proxy": typed(
            f"{API}extensions.filters.network.redis_proxy.v3.RedisProtocolOptions", auth_password=inline(s))}}),
    "a cluster's metadata": ("cluster", lambda s: {"metadata": {"filter_metadata": {"mine": {"password": s}}}}),
    "a password in a URL": ("filter", lambda s: typed(f"{HTTP}jwt_authn.v3.JwtAuthentication", providers={"a": {
        "remote_jwks": {"http_uri": {
            "uri": f"https://me:{quote(s, safe='')}@keys.example/k", "cluster": "a", "timeout": "1s"}}}})),
    "a plugin's configuration": ("filter", lambda s: typed(f"{HTTP}wasm.v3.Wasm", config={"configuration": typed(
        "type.googleapis.com/google.protobuf.StringValue", value=json.dumps({"deep": {"mine": s}}))})),
    "an extension of one's own": ("filter", lambda s: typed("type.googleapis.com/mine.v1.Filter", anything=[s])),
    "a TypedStruct": ("filter", lambda s: typed("type.googleapis.com/xds.type.v3.TypedStruct",
        type_url="type.googleapis.com/mine.v1.Filter", value={"path": s})),
    "the node's metadata": ("bootstrap", lambda s: {"node": {"metadata": {"ENV": s}}}),
    "a tracer's token": ("bootstrap", lambda s: {"tracing": {"http": {"name": "a", "typed_config": typed(
        f"{API}config.trace.v3.LightstepConfig", collector_cluster="a", access_token=inline(s))}}}),
    "a statistics sink's header": ("bootstrap", lambda s: {"dynamic_resources": {"ads_config": {"api_type": "GRPC",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "a"}, "initial_metadata": [
            {"key": "x-consul-token", "value": s}]}]}}}),
}  # fmt: skip
PUBLIC = ("first.example", "/public/path", "cluster-of-all", "x-tenant", "gold-customers")


def config(where: str, part: Any) -> dict[str, Any]:
    """A configuration that has the part, and what everybody may see."""
    routes = [matcher("x-tenant", "gold-customers"), {"match": {"prefix": "/public/path"}, "route": {"cluster": "a"}}]
    router = {"name": "router", "typed_config": typed(f"{HTTP}router.v3.Router")}
    filters = [{"name": "one", "typed_config": part}] if where == "filter" else []
    http = typed(
        f"{API}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="in",
        http_filters=[*filters, router],
        route_config={"virtual_hosts": [
            {"name": "v", "domains": ["first.example"], "routes": [*routes, *([part] if where == "route" else [])]},
            *([{"name": "tree", "domains": ["*"], "matcher": part}] if where == "tree" else []),
        ]},
    )  # fmt: skip
    filters = [{"name": "h", "typed_config": http}, *([part] if where == "scopes" else [])]
    cluster = {"name": "cluster-of-all", **(part if where == "cluster" else {})}
    static = {
        "listeners": [{"name": "in", "filter_chains": [{"filters": filters}]}],
        "clusters": [cluster],
        "secrets": [part] if where == "secret" else [],
    }
    return {"static_resources": static, **(part if where == "bootstrap" else {})}


def given(folder: Path, kind: str, secret: str) -> Given:
    where, part = KINDS[kind]
    path = folder / "envoy.json"
    path.write_text(json.dumps(config(where, part(secret))))
    return read(path, {})


def told(secret: str) -> Iterator[str]:
    """How a page, a stored probe, a command, a JUnit file may have it."""
    yield f"x: {secret}, and more"
    yield json.dumps({"body": f'"{secret}"'})
    yield f"<td>{html.escape(secret)}</td>"
    yield f"curl 'http://a.example/?x={quote(secret)}' -H 'x-any: {secret}'"
    yield base64.b64encode(secret.encode()).decode()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_secret_is_found_and_taken_out(tmp_path: Path, kind: str) -> None:
    secret = OURS
    found = given(tmp_path, kind, secret)
    forms = (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode())
    assert any(each in json.dumps(found.bootstrap) for each in forms)

    for text in (json.dumps(redacted(found.bootstrap)), *map(Cleaner(secret_values(found)), told(secret))):
        assert secret not in text
        assert html.escape(secret) not in text
        assert quote(secret) not in text
        assert base64.b64encode(secret.encode()).decode() not in text


@pytest.mark.parametrize("kind", KINDS)
def test_what_everybody_may_see_stays(tmp_path: Path, kind: str) -> None:
    values = secret_values(given(tmp_path, kind, OURS))
    text = " ".join(PUBLIC)
    assert redacted(text, values) == text


@pytest.mark.parametrize(
    "part",
    [
        typed(f"{HTTP}grpc_json_transcoder.v3.GrpcJsonTranscoder", proto_descriptor="/data/proto.pb"),
        typed(f"{HTTP}tap.v3.Tap", common_config={"static_config": {"output_config": {"sinks": [
            {"file_per_tap": {"path_prefix": "/data/proto.pb"}}]}}}),
        typed(f"{API}extensions.filters.network.mongo_proxy.v3.MongoProxy", access_log="/data/proto.pb"),
        typed(f"{API}extensions.geoip_providers.maxmind.v3.MaxMindConfig", city_db_path="/data/proto.pb"),
        typed(f"{HTTP}wasm.v3.Wasm", config={"vm_config": {"code": {"local": {"filename": "/data/proto.pb"}}}}),
    ],
)  # fmt: skip
def test_a_path_of_a_file_is_no_secret(tmp_path: Path, part: dict[str, Any]) -> None:
    path = tmp_path / "envoy.json"
    path.write_text(json.dumps(config("filter", part)))
    told = "/data/proto.pb is missing: give it by --files"
    assert redacted(told, secret_values(read(path, {}))) == told


def test_there_are_thirty_kinds_at_least() -> None:
    assert len(KINDS) >= 30


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET / HTTP/1.1\r\nAuthorization: Digest username=me9x\r\n", "me9x"),
        ("Cookie: a=1; sid=deep-inside\n", "deep-inside"),
        ('{"name": "set-cookie", "x": 1, "set-cookie": "sid=deep-inside; Path=/"}', "deep-inside"),
        ("curl -H 'x-api-key: k3y-of-mine' http://a/", "k3y-of-mine"),
        ("http://me:passw0rd@a.example/x", "passw0rd"),
        ("/x?a=1&api_key=k3y-of-mine&b=2", "k3y-of-mine"),
        ("token eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2ln and more", "eyJzdWIiOiJtZSJ9"),
        ("say Basic bWU6cGFzc3dvcmQ= then", "bWU6cGFzc3dvcmQ="),
        ("authenticate: Bearer abc.def_ghi", "abc.def_ghi"),
        ("id AKIAABCDEFGHIJKLMNOP of AWS", "AKIAABCDEFGHIJKLMNOP"),
        ('"-----BEGIN RSA PRIVATE KEY-----\\nMIIEdeep\\n-----END RSA PRIVATE KEY-----"', "MIIEdeep"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_any_text(text: str, secret: str) -> None:
    made = redacted(text)
    assert secret not in made
    assert "(removed: may be a secret)" in made


def test_prose_stays() -> None:
    text = "basic authentication of a token bucket: 3 requests, cluster one, /path?page=2&size=10"
    assert redacted(text) == text


def test_files_that_are_given_are_secrets_of_resources_are_not(tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text("me:hash-of-mine\n")
    (tmp_path / "lds.yaml").write_text("resources: []\n")
    config_file = tmp_path / "envoy.yaml"
    config_file.write_text("admin: {}\n")
    found = read(config_file, {"/etc/htpasswd": tmp_path / "htpasswd", "/etc/lds.yaml": tmp_path / "lds.yaml"})
    assert secret_values(found) == {"me:hash-of-mine", "hash-of-mine"}


@given_any(values=st.lists(st.text("ab+", min_size=6, max_size=9), max_size=6), text=st.text("ab+", max_size=60))
@settings(UNHURRIED)
def test_no_value_is_left_however_they_overlap(values: list[str], text: str) -> None:
    made = Cleaner(values)(text)
    assert not [each for each in values if each in made]
    if made == text:
        assert not [each for each in values if each in text]


@pytest.mark.parametrize(
    ("where", "part"),
    [
        ("scopes", scoped_manager([whole("x-tenant")], scope("one", "gold-customers-of-all"))),
        ("tree", mapped("exact", header("x-tenant"), {"gold-customers-of-all": to("a")})),
        ("tree", listed((single(header(":path"), prefix="gold-customers-of-all"), to("a")))),
    ],
)
def test_what_no_secret_header_has_is_none(tmp_path: Path, where: str, part: Any) -> None:
    path = tmp_path / "envoy.json"
    path.write_text(json.dumps(config(where, part)))

    assert "gold-customers-of-all" not in secret_values(read(path, {}))
