"""Requests of somebody's own become probes, whatever form they have; each once, and what is secret in them is known."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takeover.base.errors import BadInputError
from takeover.check.given import read
from takeover.check.given.requests import MAX_REQUESTS, Requests, read_requests
from takeover.check.given.secrets import redacted, secret_values
from takeover.check.records import Asked
from takeover.probes.protocols.contract import named


def requests(folder: Path, text: str) -> Requests:
    path = folder / "requests.txt"
    path.write_text(text)
    found = read_requests(path)
    for each in found.asked:  # all are entries of probes.yaml
        msgspec.convert(each.entry, named(each.entry.get("protocol", "http1")).entry)
    return found


def one(folder: Path, text: str) -> Asked:
    [asked] = requests(folder, text).asked
    return asked


def entry(folder: Path, text: str) -> dict[str, Any]:
    return {key: value for key, value in one(folder, text).entry.items() if key != "name"}


def refused(folder: Path, text: str) -> str:
    with pytest.raises(BadInputError) as caught:
        requests(folder, text)
    return str(caught.value).partition("requests.txt")[2]


def test_a_curl_line_is_what_curl_would_send(tmp_path: Path) -> None:
    asked = one(
        tmp_path,
        "$ curl -sSkXPUT https://api.example:8443/a/../b%20c?x=1#top -H 'X-Mine: a \"b\"' \\\n"
        "  --data-binary '{\"k\": \"ü\"}' --http2 -H 'content-type:application/json' -H 'Accept:'\n",
    )
    assert asked.entry == {
        "name": asked.entry["name"],
        "protocol": "http2",
        "method": "PUT",
        "path": "/b%20c?x=1",
        "host": "api.example:8443",
        "headers": ["user-agent: curl", 'x-mine: a "b"', "content-type: application/json"],
        "body": '{"k": "\u00c3\u00bc"}',
        "tls": {"server_name": "api.example", "alpn": ["h2", "http/1.1"]},
    }
    assert (asked.host, asked.port, asked.is_tls, asked.place.line) == ("api.example", 8443, True, 1)


def test_what_curl_adds_or_leaves_out_is_as_with_curl(tmp_path: Path) -> None:
    agent = ["User-Agent: curl", "Accept: */*"]
    assert entry(tmp_path, "curl a.example") == {"path": "/", "host": "a.example", "headers": agent}
    form = "Content-Type: application/x-www-form-urlencoded"
    assert entry(tmp_path, "curl a.example -d a=1 --data b=2 -A me") == {
        "method": "POST", "path": "/", "host": "a.example", "headers": ["Accept: */*", form, "User-Agent: me"],
        "body": "a=1&b=2",
    }  # fmt: skip
    assert entry(tmp_path, "curl -G 'http://a.example/x?a=1' -d b=2")["path"] == "/x?a=1&b=2"
    assert entry(tmp_path, "curl -I a.example")["method"] == "HEAD"
    assert entry(tmp_path, "curl -u me:pw a.example")["headers"][-1] == "Authorization: Basic bWU6cHc="
    assert entry(tmp_path, "curl -H 'Host: b.example' http://10.0.0.1:81/")["host"] == "b.example"
    assert one(tmp_path, "curl -H 'Host: b.example' http://10.0.0.1:81/").port == 81
    assert one(tmp_path, "curl --connect-to ::127.0.0.1:10443 https://a.example/").port == 10443
    assert one(tmp_path, "curl --resolve a.example:443:127.0.0.1 https://a.example/").port == 443
    assert one(tmp_path, "curl 'http://[2001:db8::1]:82/'").host == "2001:db8::1"
    assert entry(tmp_path, r"curl a.example -H $'x-a: it\'s \u0041'")["headers"][-1] == "x-a: it's A"


def test_a_script_has_more_than_curl(tmp_path: Path) -> None:
    found = requests(
        tmp_path, "#!/bin/sh\nset -e\n# first\ncurl -s a.example/1 | jq . && curl a.example/2 a.example/3\n"
    )
    assert [each.entry["path"] for each in found.asked] == ["/1", "/2", "/3"]
    assert found.left_out == {"commands other than curl": 2}
    assert {each.place.line for each in found.asked} == {4}


@pytest.mark.parametrize("what", ["$1", "$?", "$name", "$(x)", "{a,b}", "[1-3]"])
def test_what_would_be_several_or_another_url_is_refused(what: str, tmp_path: Path) -> None:
    told = refused(tmp_path, f'curl "http://a.example/{what}"\n')
    assert told.startswith(":1: ")
    assert "write it out" in told or "write each out" in told


def test_what_curl_lines_cannot_say_here_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path, "curl a\ncurl --proxy p a") == ":2: curl's --proxy is not known here: leave it out"
    assert refused(tmp_path, "curl -F a=b a") == ":1: curl's -F is not known here: leave it out"
    assert refused(tmp_path, "curl -d @/etc/passwd a") == ":1: curl's --data names a file: write the data out"
    assert refused(tmp_path, "curl -H @/etc/passwd a") == ":1: curl's --header names a file: write the headers out"
    assert refused(tmp_path, 'curl "http://$HOST/"') == ":1: $HOST is for a shell to expand: write it out"
    assert refused(tmp_path, "curl `cat x`") == ":1: ` is for a shell to expand: write it out"
    assert refused(tmp_path, "curl 'a") == ":1: a quote without its end"
    assert refused(tmp_path, "curl -H") == ":1: curl's --header needs a value"
    assert refused(tmp_path, "curl -s") == ":1: curl without a URL"
    assert refused(tmp_path, "curl ftp://a/") == ":1: no URL of HTTP: ftp://a/"
    assert one(tmp_path, "curl a -d '{\"$ref\": 1}'").entry["body"] == '{"$ref": 1}'


@pytest.mark.parametrize(
    ("line", "path", "host"),
    [
        ("curl -s http://a.example/x 2>/dev/null", "/x", "a.example"),
        ("curl > out.txt 2>&1 http://a.example/x", "/x", "a.example"),
        ("curl -m 5 'http://a.example/2>1' < in", "/2>1", "a.example"),
        ("curl http://[2001:db8::1]/x", "/x", "[2001:db8::1]"),
        ("curl -g 'http://a.example/{x,y}[1-3]'", "/{x,y}[1-3]", "a.example"),
        ("curl 'http://a.example/?ids[]=1&ids[]=2'", "/?ids[]=1&ids[]=2", "a.example"),
        ("curl http://u:p@[2001:db8::1]/x", "/x", "[2001:db8::1]"),
        ("curl http://a.example/x # costs $5", "/x", "a.example"),
    ],
)
def test_where_a_command_reads_and_writes_is_no_part_of_it(line: str, path: str, host: str, tmp_path: Path) -> None:
    asked = one(tmp_path, f"{line}\n")
    assert (asked.entry["path"], asked.entry["host"]) == (path, host)


def test_who_asks_may_stand_in_the_url(tmp_path: Path) -> None:
    anna, bob = requests(tmp_path, "curl http://anna:a%40b@a.example/\ncurl -u bob:b http://anna:a@a.example/\n").asked
    assert "Authorization: Basic YW5uYTphQGI=" in anna.entry["headers"]  # anna:a@b
    assert [each for each in bob.entry["headers"] if "Basic" in each] == ["Authorization: Basic Ym9iOmI="]
    assert anna.entry["host"] == "a.example"
    one_, other = requests(tmp_path, "curl http://token@a.example/ http://b.example/\n").asked
    assert "Authorization: Basic dG9rZW46" in one_.entry["headers"]  # token:
    assert not [each for each in other.entry["headers"] if "Basic" in each]


def test_two_halves_of_a_character_are_one(tmp_path: Path) -> None:
    asked = one(tmp_path, "curl http://a.example/ -u $'a:\\ud83d\\ude00' --data-raw $'\\ud83d\\ude00 \\ud83d'\n")
    assert asked.entry["body"].encode("latin-1").decode() == "\U0001f600 \ufffd"


def test_a_har_is_read(tmp_path: Path) -> None:
    request = {
        "method": "POST",
        "url": "https://shop.example/cart?id=7",
        "httpVersion": "h2",
        "headers": [
            {"name": ":authority", "value": "shop.example"},
            {"name": "Authorization", "value": "Bearer abc-123-def"},
            {"name": "Content-Length", "value": "7"},
            {"name": "Cookie", "value": "sid=deep-inside; theme=dark"},
        ],
        "postData": {"mimeType": "application/x-www-form-urlencoded", "text": "pass=hunter-22"},
    }
    entries = [{"request": request}, {"request": request}, {"request": {"method": "GET", "url": "data:text/plain,x"}}]
    found = requests(tmp_path, json.dumps({"log": {"version": "1.2", "entries": entries}}))
    [asked] = found.asked

    assert asked.entry == {
        "name": asked.entry["name"],
        "protocol": "http2",
        "method": "POST",
        "path": "/cart?id=7",
        "host": "shop.example",
        "headers": ["authorization: Bearer abc-123-def", "cookie: sid=deep-inside; theme=dark"],
        "body": "pass=hunter-22",
        "tls": {"server_name": "shop.example", "alpn": ["h2", "http/1.1"]},
    }
    assert (asked.host, asked.port) == ("shop.example", 443)
    assert found.left_out == {"requests that are not HTTP's": 1}
    assert {"abc-123-def", "deep-inside", "hunter-22"} <= asked.secrets


def test_an_access_log_is_read_by_the_usual_keys(tmp_path: Path) -> None:
    lines = [
        {"method": "GET", "path": "/b", "x_envoy_original_path": "/a?q=1", "authority": "a.example",
         "protocol": "HTTP/1.1",
         "downstream_local_address": "10.1.2.3:8080", "user_agent": "me", "x_forwarded_for": "-", "x_tenant": "gold"},
        {":METHOD": "POST", "req": {"path": "/c"}, "host": "b.example:81", "protocol": "HTTP/2",
         "requested_server_name": "b.example"},
        {"http": {"request": {"method": "GET"}}, "url": "https://c.example/d?e", "response_code": 200},
        {"protocol": None, "bytes_sent": 4, "method": "-", "path": "-"},
    ]  # fmt: skip
    found = requests(tmp_path, "[2026-01-01] starting\n" + "\n".join(map(json.dumps, [*lines, lines[0]])))
    first, second, third = found.asked

    assert first.entry | {"name": ""} == {
        "name": "", "path": "/a?q=1", "host": "a.example", "headers": ["user-agent: me", "x-tenant: gold"]}  # fmt: skip
    assert (first.host, first.port, first.is_tls, first.place.line) == ("a.example", 8080, False, 2)
    assert (second.entry["method"], second.entry["protocol"], second.port) == ("POST", "http2", 81)
    assert second.entry["tls"] == {"server_name": "b.example", "alpn": ["h2", "http/1.1"]}
    assert (third.entry["path"], third.host, third.is_tls) == ("/d?e", "c.example", True)
    assert found.left_out == {"lines that are no objects of JSON": 1, "lines without method and path": 1}


def test_over_tls_an_address_is_no_server_name(tmp_path: Path) -> None:
    line = {"method": "GET", "path": "/", "authority": "[2001:db8::1]:443", "scheme": "https"}
    assert one(tmp_path, f"{json.dumps(line)}\n").entry["tls"] == {"alpn": ["http/1.1"]}


def test_own_probe_files_are_read_groups_and_sets(tmp_path: Path) -> None:
    groups = """\
- group: mine
  why: because
  from: client
  to: { host: 10.0.0.1, port: 8080 }
  protocol: http2
  host: b.example:82
  prefix: /api
  probes:
  - { name: first, path: /a }
  - { name: second, protocol: tcp, steps: [{ send: x }] }
"""
    first, second = requests(tmp_path, groups).asked
    assert first.entry == {"protocol": "http2", "name": "first", "path": "/api/a", "host": "b.example:82"}
    assert (first.host, first.port, first.place.line) == ("b.example", 8080, 9)
    assert second.entry == {"protocol": "tcp", "name": "second", "steps": [{"send": "x"}]}
    assert (second.host, second.port) == ("10.0.0.1", 8080)
    assert ":2: " in refused(tmp_path, "\n- { name: a, protocol: none-such }\n")
    assert one(tmp_path, "- { name: alone, path: /x, host: a.example }\n").entry["name"] == "alone"
    assert refused(tmp_path, "- { name: a, headers: null }\n").startswith(":1: headers ")
    assert refused(tmp_path, "- name: a\n  path: /x\n  pth: /y\n").startswith(":3: pth is not supported")
    assert refused(tmp_path, groups.replace("path: /a", "method: 5")).startswith(":9: method ")
    assert refused(tmp_path, "- { path: /x }\n") == ":1: a probe is a mapping with a name"
    assert refused(tmp_path, "hello: world\n").startswith(":1: a mapping: give probes, curl lines, a HAR")
    assert refused(tmp_path, "[1]").endswith("lines of JSON of an access log")
    assert refused(tmp_path, '{"a": 1}\n') == ": has no request (1: lines without method and path)"


def test_names_are_those_of_what_is_asked_and_tell_no_secret(tmp_path: Path) -> None:
    lines = "curl a.example/users/8f3a9c77/reset-password?token=abcdef\ncurl a.example/users/x\n"
    first, second = requests(tmp_path, lines).asked
    again = requests(tmp_path, "".join(reversed(lines.splitlines(keepends=True)))).asked
    assert {first.entry["name"], second.entry["name"]} == {each.entry["name"] for each in again}
    assert first.entry["name"].startswith("get-users-reset-password-")
    assert "8f3a" not in first.entry["name"]


def test_how_many_are_asked_is_bounded_and_counted(tmp_path: Path) -> None:
    lines = "".join(f'{{"method": "GET", "path": "/{each}"}}\n' for each in range(MAX_REQUESTS + 5))
    found = requests(tmp_path, lines)
    assert len(found.asked) == MAX_REQUESTS
    assert found.left_out == {f"more than {MAX_REQUESTS} different requests": 5}


def test_what_is_secret_in_requests_is_cleaned_but_not_what_the_configuration_tells(tmp_path: Path) -> None:
    config = tmp_path / "envoy.yaml"
    config.write_text("static_resources: { clusters: [{ name: gold-customers }] }\n")
    headers = "-H 'x-tenant: gold-customers' -H 'x-any: deep-1-side' -b 'sid=c00kie'"
    line = f"curl 'http://a.example/x?api_key=k3y-of-mine' {headers}"
    asked = requests(tmp_path, line).asked
    text = redacted(f"{line} k3y-of-mine c00kie deep-1-side", secret_values(read(config, {}), asked))

    for secret in ("k3y-of-mine", "c00kie", "deep-1-side"):
        assert secret not in text
    assert "x-tenant: gold-customers" in text
