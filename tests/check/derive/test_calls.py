"""Commands of Redis and calls of Thrift are made for each route, with what lets a client in."""

from typing import Any

import pytest
import yaml

from takeover.check.derive.calls import calls
from takeover.check.derive.chain_match import chains_of
from takeover.check.derive.draft import Draft
from takeover.check.derive.writing import written

PROXIES = "type.googleapis.com/envoy.extensions.filters.network."
REDIS = f"{PROXIES}redis_proxy.v3.RedisProxy"
THRIFT = f"{PROXIES}thrift_proxy.v3.ThriftProxy"


def sent(kind: str, **config: Any) -> dict[str, str]:
    """What is sent, by the words for it."""
    filters = [{"name": "a", "typed_config": {"@type": kind, "stat_prefix": "a", **config}}]
    [chain] = chains_of({"filter_chains": [{"filters": filters}]})
    return {words: "".join(each.get("send", "") for each in entry["steps"]) for words, entry in calls(chain)}


def test_each_prefix_of_redis_is_asked_for() -> None:
    routes = {"routes": [{"prefix": "cart:", "cluster": "one"}], "catch_all_route": {"cluster": "two"}}
    made = sent(REDIS, prefix_routes=routes)
    assert made["Redis: prefix 0"] == "*2\r\n$3\r\nGET\r\n$6\r\ncart:a\r\n"
    assert made["Redis: prefix 0 in other letters"].endswith("CART:a\r\n")
    assert made["Redis: GET a"] == "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
    assert "Redis: without a password" not in made


@pytest.mark.parametrize(
    ("config", "begins"),
    [
        ({"downstream_auth_passwords": [{"inline_string": "let-me"}]}, "*2\r\n$4\r\nAUTH\r\n$6\r\nlet-me\r\n"),
        (
            {"downstream_auth_username": {"inline_string": "me"}, "downstream_auth_password": {"inline_string": "in"}},
            "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\nin\r\n",
        ),
    ],
)
def test_a_client_of_redis_says_the_password(config: dict[str, Any], begins: str) -> None:
    made = sent(REDIS, **config)
    assert made["Redis: GET a"].startswith(begins)
    assert "AUTH" not in made["Redis: without a password"]


@pytest.mark.parametrize(
    ("config", "call"),
    [
        ({}, "\0\0\0\x10\x80\x01\0\x01\0\0\0\x03add\0\0\0\x01\0"),
        ({"transport": "UNFRAMED"}, "\x80\x01\0\x01\0\0\0\x03add\0\0\0\x01\0"),
        ({"transport": "UNFRAMED", "protocol": "COMPACT"}, "\x82\x21\x01\x03add\0"),
    ],
)
def test_each_route_of_thrift_is_called(config: dict[str, Any], call: str) -> None:
    routes = [
        {"match": {"method_name": "add"}, "route": {"cluster": "one"}},
        {"match": {"service_name": "Calculator"}, "route": {"cluster": "two"}},
    ]
    made = sent(THRIFT, route_config={"routes": routes}, **config)
    assert made["Thrift: route 0"] == call
    assert "Calculator:nobody" in made["Thrift: route 1"]
    assert made.keys() == {"Thrift: route 0", "Thrift: route 1", "Thrift: no route of its own"}


def test_bytes_that_are_no_text_are_written_as_yaml_takes_them() -> None:
    every = "".join(map(chr, range(0x100))) + "\ufffe\uffff"
    entry = {"protocol": "tcp", "steps": [{"send": every}]}
    text, _ = written([Draft(subject="tcp", name="all", entry=entry, rank=0, of=("a",), listener="in")])
    assert yaml.safe_load(text)[0]["probes"][0]["steps"] == [{"send": every}]
