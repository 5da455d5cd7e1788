"""Whole checks: what is printed and left, what is rejected, that no secret leaves one, that nothing stays."""

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from takeover.evidence.quiescence import waited_for
from takeover.model.document import Document
from takeover.store import documents as store
from tests.check.derive.scopes import routes as table
from tests.check.derive.scopes import scope, scoped_manager, whole
from tests.check.derive.trees import header, listed, mapped, single, to
from tests.check.whole import HTTP, TAKEOVER, checked, cluster, dumped, environment, left, listener, typed, written

TO_APP = {"name": "app", "match": {"prefix": "/app"}, "route": {"cluster": "app"}}
HOME = {"match": {"path": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "home\n"}}}

GRPC_TO_XDS = {"envoy_grpc": {"cluster_name": "xds"}}


def document(folder: Path, name: str) -> Document:
    return store.read(folder / "reports/latest/results" / f"{name}.json")


def test_what_was_probed_and_reached_is_told_and_left(tmp_path: Path) -> None:
    file = written(tmp_path, listener("web", 8000, TO_APP, HOME), clusters=(cluster("app"),))
    ended = checked(file, "--probes-per-route", "6", "--junitxml", "junit.xml", "--explain", "00000000", pair=True)
    # All is there when the explanation is looked for, and left without one.
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "00000000" in ended.stderr.splitlines()[-1], ended.stderr
    assert "routes             2 of 2  2 of 2" in ended.stdout.splitlines(), ended.stdout
    assert "not as in production: one more access log, in JSON, goes to stdout" in ended.stdout
    assert "not probed, by probes per route" in ended.stdout
    found = document(tmp_path, "new")
    assert found.checked is not msgspec.UNSET
    assert (found.checked.file, found.checked.probes) == ("gateway.yaml", len(found.probes))
    lines = file.read_text().splitlines()
    [app] = [each for each in found.checked.parts if each.name == "app" and each.kind == "route"]
    line = int(app.where.removeprefix("gateway.yaml:")) - 1
    assert "prefix: /app" in "".join(lines[line : line + 3])
    told = {each.told_by for each in found.checked.parts if each.kind == "route"}
    assert told == {"the route's name"}
    assert all(each.id.startswith("check") for each in found.tests)
    latest = tmp_path / "reports/latest"
    assert "gateway.yaml on Envoy old and new" in (latest / "index.html").read_text()
    assert "group: " in (latest / "probes.yaml").read_text()
    assert "<failure" not in (tmp_path / "junit.xml").read_text()
    assert left(tmp_path) == []


def test_why_there_is_nothing_to_probe_is_said_and_what_to_give(tmp_path: Path) -> None:
    file = written(tmp_path, clusters=(cluster("xds"),))
    assert "there is nothing to probe: it has no listener" in checked(file).stderr.splitlines()[-1]
    late = {"lds_config": {"ads": {}}, "ads_config": {"api_type": "GRPC", "grpc_services": [GRPC_TO_XDS]}}
    file.write_text(json.dumps({**yaml.safe_load(file.read_text()), "dynamic_resources": late}))
    assert "its listeners come by LDS: give what /config_dump" in checked(file).stderr.splitlines()[-1]
    ended = checked(dumped(tmp_path, [], [cluster("app")]))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "the dump has no listener: give all that /config_dump" in ended.stderr.splitlines()[-1]


def test_what_is_to_be_explained_needs_an_old_envoy_and_a_new_one(tmp_path: Path) -> None:
    written(tmp_path, listener("web", 8000, HOME), clusters=())
    ended = subprocess.run(
        [*TAKEOVER, "check", "gateway.yaml", "--explain", "00000000"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "--explain 00000000: give two Envoys" in ended.stderr


def test_what_an_envoy_does_not_take_is_left_out_with_its_place_and_the_rest_is_compared(tmp_path: Path) -> None:
    bad = {"match": {"safe_regex": {"regex": "(unclosed"}}, "route": {"cluster": "app"}}
    file = written(tmp_path, listener("odd", 8000, bad), listener("web", 8001, HOME), clusters=(cluster("app"),))
    ended = checked(file, "--probes-per-route", "3", pair=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = document(tmp_path, "new")
    assert found.checked is not msgspec.UNSET
    [gone] = found.checked.left_out
    assert (gone.envoys, gone.names) == (["old", "new"], ["listener odd"])
    assert "(unclosed" in gone.message
    lines = file.read_text().splitlines()
    assert gone.where.startswith("gateway.yaml:")
    assert 0 < int(gone.where.rpartition(":")[2]) <= len(lines)
    assert [each.name for each in found.checked.parts if each.kind == "listener" and each.probes] == ["web"]
    assert [(each.loads, "(unclosed" in each.error) for each in found.configs] == [(False, True)]


def test_what_no_envoy_takes_is_one_line(tmp_path: Path) -> None:
    bad = {"match": {"safe_regex": {"regex": "(unclosed"}}, "route": {"cluster": "app"}}
    file = written(tmp_path, listener("odd", 8000, bad), clusters=(cluster("app"),))
    ended = checked(file)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert re.fullmatch(r"takeover check: gateway\.yaml:\d+: no Envoy takes it: .*\(unclosed.*\n", ended.stderr)


def test_a_cluster_that_is_not_taken_and_that_a_listener_needs_is_found_where_nothing_names_it(tmp_path: Path) -> None:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    over_quic = typed(f"type.googleapis.com/{options}", explicit_http_config={"http3_protocol_options": {}})
    far = cluster("far", typed_extension_protocol_options={options: over_quic})  # and no transport socket for it
    to_far = {"match": {"prefix": "/"}, "route": {"cluster": "far"}}
    file = written(tmp_path, listener("odd", 8000, to_far), listener("web", 8001, HOME), clusters=(cluster("app"), far))
    ended = checked(file, "--probes-per-route", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = document(tmp_path, "new")
    assert found.checked is not msgspec.UNSET
    [gone] = found.checked.left_out
    assert gone.names == ["cluster far", "listener odd"]
    assert "HTTP3" in gone.message
    assert "\n" not in gone.message


def test_what_stands_in_no_resource_and_is_not_taken_is_one_line(tmp_path: Path) -> None:
    written(tmp_path, listener("web", 8001, HOME), clusters=())
    file = tmp_path / "gateway.yaml"
    monitors = "overload_manager: {resource_monitors: [{name: no.such.monitor}]}\n"
    file.write_text(file.read_text() + monitors)
    ended = checked(file)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert re.fullmatch(
        r"takeover check: gateway\.yaml[:0-9]*: no Envoy takes it: .*no\.such\.monitor.*\n", ended.stderr
    )


def test_what_only_a_validation_refuses_is_run(tmp_path: Path) -> None:
    file = written(tmp_path, listener("web", 8001, HOME), clusters=())
    layer = (
        "{name: disk, disk_layer: {symlink_root: /srv/runtime/current, subdirectory: envoy}}"  # a folder of the world
    )
    file.write_text(file.read_text() + f"layered_runtime: {{layers: [{layer}]}}\n")
    ended = checked(file, "--probes-per-route", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = document(tmp_path, "new")
    assert found.checked is not msgspec.UNSET
    assert found.probes
    assert [(each.loads, each.error) for each in found.configs] == [(True, "")]


def test_a_file_that_is_missing_is_said_where_no_envoy_takes_it_without(tmp_path: Path) -> None:
    geoip = typed(
        f"{HTTP}geoip.v3.Geoip",
        provider={
            "name": "envoy.geoip_providers.maxmind",
            "typed_config": typed(
                "type.googleapis.com/envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig",
                common_provider_config={"geo_headers_to_add": {"city": "x-city"}},
                city_db_path="/etc/cities.mmdb",
            ),
        },
    )
    web = listener("web", 8000, HOME, filters=({"name": "geoip", "typed_config": geoip},))
    ended = checked(written(tmp_path, web, clusters=()))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert ended.stderr.endswith(": give /etc/cities.mmdb by --files\n")


def test_what_is_said_of_a_refusal_has_no_secret(tmp_path: Path) -> None:
    matcher = {"name": "authorization", "string_match": {"safe_regex": {"regex": "(Bearer-Zq7Xw9-token"}}}
    bad = {"match": {"prefix": "/", "headers": [matcher]}, "route": {"cluster": "app"}}
    ended = checked(written(tmp_path, listener("odd", 8000, bad), clusters=(cluster("app"),)))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "no Envoy takes it" in ended.stderr
    assert "Zq7Xw9" not in ended.stderr + ended.stdout


def secrets(tokens: dict[str, str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Routes, filters and secrets of a configuration that Envoy takes, with a token each."""

    def token(kind: str) -> str:
        return tokens.setdefault(kind, f"tok{len(tokens):02}-{kind.replace(' ', '')[:8]}-Zq7Xw9")

    def of_header(kind: str, name: str, how: str = "exact", before: str = "") -> dict[str, Any]:
        matcher = {"name": name, "string_match": {how: before + token(kind)}}
        return {"match": {"prefix": f"/{kind.replace(' ', '-')}", "headers": [matcher]}, "route": {"cluster": "app"}}

    def added(kind: str, field: str) -> dict[str, Any]:
        value = {"header": {"key": f"x-{kind.replace(' ', '-')}", "value": token(kind)}}
        return {"match": {"prefix": f"/{field}"}, "route": {"cluster": "app"}, field: [value]}

    routes = [
        of_header("key in a header", "x-api-key"),
        of_header("bearer", "authorization", "exact", "Bearer "),
        of_header("basic", "authorization", "prefix", "Basic "),
        of_header("cookie", "cookie", "contains", "sid="),
        of_header("suffix of a key", "x-auth-token", "suffix"),
        of_header("csrf", "x-csrf-token"),
        of_header("amazon token", "x-amz-security-token"),
        of_header("proxy authorization", "proxy-authorization", "exact", "Basic "),
        *(
            {
                "match": {
                    "prefix": f"/{name}",
                    "query_parameters": [{"name": name, "string_match": {"exact": token(f"parameter {name}")}}],
                },
                "route": {"cluster": "app"},
            }
            for name in ("access_token", "api_key", "token", "signature", "password", "code")
        ),
        added("added to a request", "request_headers_to_add"),
        added("added to an answer", "response_headers_to_add"),
        {"match": {"prefix": "/body"}, "direct_response": {"status": 200, "body": {"inline_string": token("body")}}},
        {"match": {"prefix": "/in"}, "redirect": {"path_redirect": f"/login?token={token('redirect')}"}},
        {
            "match": {"prefix": "/metadata"},
            "route": {"cluster": "app"},
            "metadata": {
                "filter_metadata": {"mine": {"password": token("metadata"), "deep": [{"key": token("deep")}]}}
            },
        },
    ]
    lua = f'function envoy_on_request(h)\n  h:headers():add("x-lua", "{token("lua")}")\nend'
    filters = [
        {"name": "lua", "typed_config": typed(f"{HTTP}lua.v3.Lua", default_source_code={"inline_string": lua})},
        {
            "name": "mutation",
            "typed_config": typed(
                f"{HTTP}header_mutation.v3.HeaderMutation",
                mutations={
                    "response_mutations": [
                        {"append": {"header": {"key": "x-mutated", "value": token("mutated header")}}}
                    ],
                    "request_mutations": [{"append": {"header": {"key": "x-sent", "value": token("sent header")}}}],
                },
            ),
        },
    ]
    made = [
        {"name": name, "generic_secret": {"secret": {"inline_string": token(f"generic {name}")}}}
        for name in ("hmac", "client", "other")
    ]
    return routes, filters, made


def in_trees(tokens: dict[str, str]) -> list[dict[str, Any]]:
    """A listener whose tree of matchers, and another one whose scopes, ask for tokens in headers."""

    def token(kind: str) -> str:
        return tokens.setdefault(kind, f"tree{len(tokens):02}-{kind.replace(' ', '')[-8:]}-Zq7Xw9")

    by_key = mapped("exact", header("x-api-key"), {token("key of a map"): to("app")})
    tree = listed((single(header("authorization"), exact=f"Bearer {token('asked in a tree')}"), to("app")))
    made = listener("tree", 8002)
    manager = made["filter_chains"][0]["filters"][0]["typed_config"]
    manager["route_config"]["virtual_hosts"] = [
        {"name": "tree", "domains": ["tree.example"], "matcher": tree},
        {"name": "map", "domains": ["*"], "matcher": by_key},
    ]
    scoped = scoped_manager([whole("x-access-token")], scope("one", token("scope"), table=table("app")))
    other = listener("scoped", 8003)
    other["filter_chains"] = [{"filters": [scoped]}]
    return [made, other]


def har(tokens: dict[str, str]) -> str:
    """A recording of a browser with tokens in each place in which a request has them."""
    kinds = ["recorded header", "recorded cookie", "recorded query", "recorded body", "recorded user"]
    tokens |= {kind: f"har{number}-Zq7Xw9-{kind[9:]}" for number, kind in enumerate(kinds)}
    headers = [("Authorization", f"Bearer {tokens[kinds[0]]}"), ("Cookie", f"sid={tokens[kinds[1]]}")]
    headers += [("X-Session-Token", tokens[kinds[4]])]
    request = {
        "method": "POST",
        "url": f"http://shop.example:8000/login?access_token={tokens[kinds[2]]}",
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": name, "value": value} for name, value in headers],
        "postData": {"mimeType": "application/json", "text": json.dumps({"password": tokens[kinds[3]]})},
    }
    return json.dumps({"log": {"version": "1.2", "entries": [{"request": request, "response": {"status": 200}}]}})


def test_nothing_that_a_run_leaves_or_prints_has_one_of_thirty_kinds_of_secret(tmp_path: Path) -> None:
    tokens: dict[str, str] = {}
    routes, filters, made = secrets(tokens)
    (tmp_path / "requests.har").write_text(har(tokens))
    bad = {"match": {"safe_regex": {"regex": "("}}, "direct_response": {"status": 200, "body": {"inline_string": "x"}}}
    file = written(
        tmp_path,
        listener("web", 8000, *routes, filters=tuple(filters)),
        listener("odd", 8001, bad),
        *in_trees(tokens),
        clusters=(cluster("app"),),
        secrets=made,
    )
    ended = checked(file, "--probes-per-route", "4", "--requests", "requests.har", "--junitxml", "junit.xml")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = document(tmp_path, "new")
    assert found.checked is not msgspec.UNSET
    assert {each.name for each in found.checked.parts if each.kind == "listener" and each.probes} == {
        "web", "tree", "scoped",
    }  # fmt: skip
    told = [each.probe for each in found.probes if each.probe.startswith("routes")]
    assert all(any(name in each for each in told) for name in ("tree-app", "map-app", "one-shop"))
    assert any("login" in str(each.request.path) for each in found.probes)
    assert len(tokens) >= 30
    files = {str(each): each.read_bytes().decode(errors="replace") for each in tmp_path.rglob("*") if each.is_file()}
    kept = {name: text for name, text in files.items() if not name.endswith(("gateway.yaml", "requests.har"))}
    kept |= {"stdout": ended.stdout, "stderr": ended.stderr}
    assert {"junit.xml", "probes.yaml", "index.html", "new.json"} <= {Path(each).name for each in kept}
    shown = {kind: [name for name, text in kept.items() if token in text] for kind, token in tokens.items()}
    assert {kind: names for kind, names in shown.items() if names} == {}


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_what_is_kept_stays_and_nothing_of_one_that_is_killed(tmp_path: Path, by: signal.Signals) -> None:
    file = written(tmp_path, listener("web", 8000, HOME), clusters=())
    with subprocess.Popen(
        [*TAKEOVER, "check", file.name, "--keep"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "kept until Ctrl-C" in line:
                break
        assert left(tmp_path) != [], "".join(said)
        process.send_signal(by)
        said_at_the_end, _ = process.communicate(timeout=300)
    assert process.returncode == (0 if by == signal.SIGINT else -signal.SIGKILL)
    if by == signal.SIGINT:
        [folder] = left(tmp_path)
        assert f"kept in {folder}" in said_at_the_end
        assert (folder / "gateway/envoy.yaml").is_file()
    else:
        assert waited_for(lambda: "it is still there" * bool(left(tmp_path)), 300) == ""


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["nowhere.yaml"], "takeover check: nowhere.yaml: "),
        (["gateway.yaml", "--files", "x"], "takeover check: --files x: give it as PATH=LOCAL"),
        (["gateway.yaml", "--envoy", "0.0.1"], "takeover check: "),
        (["gateway.yaml", "--within", "0"], "takeover check: --within 0: give a number of more than 0"),
        (["gateway.yaml", "--within", "inf"], "takeover check: --within inf: give a number of more than 0"),
        (["gateway.yaml", "--fail-on", "x"], "takeover check: --fail-on: no kind 'x'"),
        (["gateway.yaml"], "takeover check: gateway.yaml"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, options: list[str], line: str) -> None:
    (tmp_path / "gateway.yaml").write_text("a: &a [b]\nc: *a\n")
    command = [*TAKEOVER, "check", *options]
    surroundings = environment(tmp_path)
    ended = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=600)
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    [told] = ended.stderr.splitlines()
    assert told.startswith(line)
    assert left(tmp_path) == []
