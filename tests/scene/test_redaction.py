"""No value of Envoy's API that may be a secret leaves a lab: every field of its own descriptors is tried."""

import importlib
import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import envoy
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from udpa.annotations import sensitive_pb2

from takeover.scene import harmless_fields
from takeover.scene.redaction import REMOVED, without_secrets, without_values

STAYING = Path(__file__).with_name("fields_that_stay.txt")
# Written as words, as numbers, durations and enumerations are.
SECRETS = ("s3cret-value", "48151623", "4815s", "SECRET_VALUE")
ANYTHING = "anything"  # a key of a map, or the name of a field that holds any message

# Messages that hold texts of anybody's: of these nothing stays, but for where a text is kept.
TEXTS = (
    "envoy.config.core.v3.DataSource",
    "envoy.config.core.v3.SubstitutionFormatString",
    "envoy.extensions.filters.http.api_key_auth.v3.Credential",
    "envoy.extensions.filters.http.lua.v3.Lua",
    "envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys",
    "envoy.type.matcher.v3.StringMatcher",
    "xds.type.matcher.v3.StringMatcher",
    "google.protobuf.Struct",
    "google.protobuf.Value",
)
WHERE_A_TEXT_IS = {"envoy.config.core.v3.DataSource.filename", "envoy.extensions.filters.http.lua.v3.Lua.stat_prefix"}


@cache
def messages() -> dict[str, Descriptor]:
    """Every message of the API, and those of others that it uses, by their whole names."""
    found: dict[str, Descriptor] = {}

    def add(message: Descriptor) -> None:
        if message.full_name in found:
            return
        found[message.full_name] = message
        for field in message.fields:
            if field.message_type is not None:
                add(field.message_type)
        for nested in message.nested_types:
            add(nested)

    [root] = [Path(each) for each in envoy.__path__ if any(Path(each).rglob("*_pb2.py"))]
    for file in sorted(root.rglob("*_pb2.py")):
        module = importlib.import_module(".".join(file.relative_to(root.parent).with_suffix("").parts))
        for message in module.DESCRIPTOR.message_types_by_name.values():
            add(message)
    return {name: each for name, each in found.items() if not each.GetOptions().map_entry}


@cache
def holders() -> dict[str, set[str]]:
    """Message → the names that stand before it in JSON."""
    found: dict[str, set[str]] = defaultdict(lambda: {ANYTHING})
    for message in messages().values():
        for field in message.fields:
            kind = field.message_type
            if kind is not None and not kind.GetOptions().map_entry:
                found[kind.full_name].add(field.name)
    return found


def shapes(field: FieldDescriptor, secret: str) -> list[Any]:
    """What `field` looks like in JSON with `secret` in it; nothing for one that can hold none."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return [{"name": each, "timeout": each} for each in shapes(kind.fields_by_name["value"], secret)]
    free: list[Any] = [
        {"name": secret, "cluster": 48151623, "timeout": secret},
        {"list": [{"name": secret, "@type": secret}], "deep": {"header": {"key": secret}}},
    ]
    found: list[Any] = []
    if kind is None:
        found = [secret] if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES) else []
    elif kind.full_name in ("google.protobuf.StringValue", "google.protobuf.BytesValue"):
        found = [secret]
    elif kind.full_name == "google.protobuf.Struct":
        found = free
    elif kind.full_name == "google.protobuf.Value":
        found = [secret, 48151623, free, *free]
    elif kind.full_name == "google.protobuf.ListValue":
        found = [[secret, 48151623], free]
    elif kind.full_name == "google.protobuf.Any":  # of a type that the API does not know
        found = [{"@type": "type.googleapis.com/mine.v1.Filter", "name": secret}]
        found += [{"@type": "type.googleapis.com/google.protobuf.Struct", "value": each} for each in free]
        found += [{"@type": "type.googleapis.com/xds.type.v3.TypedStruct", "value": each} for each in free]
    return [[each] for each in found] if field.is_repeated else found


def tried(name: str, message: Descriptor) -> Iterator[tuple[FieldDescriptor, Any]]:
    for field in message.fields:
        for secret in SECRETS:
            for shape in shapes(field, secret):
                held = {field.name: shape}
                typed = {"@type": f"type.googleapis.com/{name}"} | held
                yield field, {"typed_config": typed}
                for holder in holders()[name]:
                    yield field, {holder: held}
                    yield field, {holder: [held]}


def stays(config: Any) -> bool:
    text = json.dumps(without_secrets(config))
    return any(secret in text for secret in SECRETS)


@pytest.fixture(scope="module")
def staying() -> set[str]:
    return {
        f"{name}.{field.name}"
        for name, message in messages().items()
        for field, config in tried(name, message)
        if stays(config)
    }


def test_the_fields_of_the_api_whose_values_stay_are_those_that_were_looked_at(staying: set[str]) -> None:
    assert len(messages()) > 1500
    # One that is new here holds only what things are called, or its name may not stand in harmless_fields.
    assert sorted(staying) == STAYING.read_text().split()


def test_nothing_stays_that_the_api_itself_calls_sensitive_nor_of_texts_of_anybodys(staying: set[str]) -> None:
    sensitive = {
        field.full_name
        for message in messages().values()
        for field in message.fields
        if field.GetOptions().Extensions[sensitive_pb2.sensitive]
    }
    assert len(sensitive) > 10
    assert not staying & sensitive
    assert {each for each in staying if each.startswith(tuple(f"{text}." for text in TEXTS))} <= WHERE_A_TEXT_IS
    assert not [each for each in staying if each.endswith(("HeaderValue.value", "Header.value"))]


def test_each_name_that_is_called_harmless_is_a_field_of_the_api() -> None:
    fields = {field.name for message in messages().values() for field in message.fields}
    pairs = harmless_fields.NAMES_WITHIN | harmless_fields.MESSAGE_WITHIN
    named = {each for pair in pairs for each in pair} | harmless_fields.NAMES
    named |= {each for names in harmless_fields.WRITTEN.values() for each in names}
    assert named | harmless_fields.FREE_FORM | harmless_fields.ANY_VALUE <= fields


def test_shape_and_names_stay_and_values_go() -> None:
    route = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    lua = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
    secret, pin = "s3cret", 4711
    config = {
        "@type": route,
        "stat_prefix": "inbound",
        "codec_type": "AUTO",
        "stream_idle_timeout": "0.250s",
        "max_connections": "1024",
        "use_remote_address": True,
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{
            "match": {"prefix": "/", "headers": [{"name": "x-token", "string_match": {"exact": secret}}]},
            "route": {"cluster": "next", "timeout": "3s"},
            "metadata": {"filter_metadata": {"mine": {"name": secret, "pin": pin, "deep": [{"cluster": secret}]}}},
            "request_headers_to_add": [{"header": {"key": "X-Vault-Token", "value": secret}}],
        }]}],
        "http_filters": [{"name": "lua", "typed_config": {
            "@type": lua, "default_source_code": {"inline_string": secret}}}],
        "health_checks": [{"http_health_check": {"host": secret, "path": "/", "request_headers_to_add": [
            {"header": {"key": "x-auth-token", "value": secret}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}]}}],
        "node": {"id": "one", "metadata": {"config_id": secret}},
        "name": {"@type": "type.googleapis.com/mine.v1.Filter", "name": secret, "number": pin},
        "a_field_of_tomorrow": secret,
    }  # fmt: skip
    expected = json.loads(
        json.dumps(config).replace(f'"{secret}"', json.dumps(REMOVED)).replace("4711", json.dumps(REMOVED))
    )
    assert without_secrets(config) == expected
    assert REMOVED in json.dumps(expected)


@pytest.mark.parametrize("nothing", [{}, [], None, True, 3, 0.5, "", {"headers": None}, {"values": []}])
def test_what_holds_nothing_stays(nothing: Any) -> None:
    assert without_secrets(nothing) == nothing


def test_lines_of_secrets_are_removed_from_texts() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYD\nshort\n"
    told = without_values("a MC4CAQAwBQYD\\nshort b correct horse\nBEGIN", [key, "correct horse", "x"])
    assert told == f"a {REMOVED}\\nshort b {REMOVED}\nBEGIN"
    assert without_values("nothing", []) == "nothing"


def test_the_keys_of_a_trees_maps_are_values_that_may_be_secrets() -> None:
    ends = {"a-token": {"action": {"name": "one"}}, "/": {"action": {"name": "two"}}}
    tree = {"matcher_tree": {"exact_match_map": {"map": ends}}}

    told = without_secrets({"filters": [{"typed_config": {"matcher": tree}}]})
    made = told["filters"][0]["typed_config"]["matcher"]["matcher_tree"]["exact_match_map"]["map"]
    assert made == {f"{REMOVED} 1": ends["a-token"], f"{REMOVED} 2": ends["/"]}
