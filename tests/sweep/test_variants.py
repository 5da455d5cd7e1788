"""Which values a base's fields are set to, and where."""

from typing import Any

import pytest
from google.protobuf import json_format

from takeover.peers.control_plane.protos import message_class
from takeover.sweep.smallest import smallest
from takeover.sweep.variants import Fields, Variant, fields_of
from tests.sweep.bases_of_tests import cluster, listener

HTTP = "HttpConnectionManager"


@pytest.fixture(scope="module")
def fields() -> Fields:
    return fields_of([listener(), cluster()])


def texts(fields: Fields, name: str) -> list[str]:
    return [each.value.text for each in fields.known[name]]


def http_of(variant: Variant) -> dict[str, Any]:
    written = json_format.MessageToDict(variant.message(), preserving_proto_field_name=True)
    found: dict[str, Any] = written["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def test_a_number_is_at_its_bounds_and_one_beyond(fields: Fields) -> None:
    # gt 0, lte 8192; 60 in the base.
    assert texts(fields, f"{HTTP}.max_request_headers_kb") == ["absent", "8192", "8193", "0", "1", "4294967295"]


def test_an_enum_has_each_value_and_one_that_nobody_knows(fields: Fields) -> None:
    assert texts(fields, f"{HTTP}.codec_type") == ["HTTP1", "HTTP2", "HTTP3", "4"]


def test_a_time_is_around_zero_and_beyond_all_bounds(fields: Fields) -> None:
    found = texts(fields, "Cluster.connect_timeout")
    assert {"0s", "0.000000001s", "-1s", "0.001000000s", "absent", "315576000001s"} <= {*found}
    assert "1s" not in found  # as it is in the base


def test_a_wrapper_is_absent_false_and_true(fields: Fields) -> None:
    assert texts(fields, f"{HTTP}.use_remote_address") == ["True", "False"]


def test_each_alternative_is_chosen(fields: Fields) -> None:
    choices = ["prefix", "path", "safe_regex", "connect_matcher", "path_separated_prefix"]
    assert [each for each in choices if f"Route.match.{each}" in fields.known] == choices
    [variant] = [each for each in fields.known["Route.match.safe_regex"] if each.value.text == "there"]
    [host] = http_of(variant)["route_config"]["virtual_hosts"]
    assert host["routes"][0]["match"] == {"safe_regex": {"regex": "a"}}


def test_a_list_is_empty_and_has_the_same_twice(fields: Fields) -> None:
    assert texts(fields, f"{HTTP}.route_config.virtual_hosts") == ["none", "the first twice"]
    assert texts(fields, "Listener.listener_filters") == ["one", "twice the same"]


def test_one_field_is_changed_and_no_other(fields: Fields) -> None:
    [base] = {id(each.base): each.base for each in fields.known[f"{HTTP}.merge_slashes"]}.values()
    [variant] = fields.known[f"{HTTP}.merge_slashes"]
    before = json_format.MessageToDict(base.message, preserving_proto_field_name=True)
    changed = http_of(variant)
    assert changed.pop("merge_slashes") is True
    assert changed == before["filter_chains"][0]["filters"][0]["typed_config"]


def test_what_is_not_in_the_base_is_reached_through_what_is_made(fields: Fields) -> None:
    [variant] = [
        each for each in fields.known["RouteAction.retry_policy.num_retries"] if each.value.text == "4294967295"
    ]
    [host] = http_of(variant)["route_config"]["virtual_hosts"]
    assert host["routes"][0]["route"]["retry_policy"] == {"num_retries": 4294967295}


def test_the_first_ones_are_spread_over_the_fields_and_always_the_same(fields: Fields) -> None:
    ordered = [each.name for each in fields.ordered()]
    first = [each.field for each in fields.ordered()[: len(fields.known)]]
    assert len({*first}) == len(fields.known)
    assert ordered == [each.name for each in fields_of([listener(), cluster()]).ordered()]
    fewer = {each.field: None for each in fields_of([cluster()]).ordered()}
    assert [each for each in dict.fromkeys(first) if each in fewer] == [*fewer]  # whatever there is besides


def test_a_field_is_swept_once_however_many_bases_have_it() -> None:
    one, two = fields_of([listener()]), fields_of([listener(), listener(name="another")])
    assert [each.name for each in one.ordered()] == [each.name for each in two.ordered()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("envoy.config.route.v3.RouteAction.HashPolicy", {"header": {"header_name": "a"}}),
        ("envoy.config.route.v3.RetryPolicy.RetryBackOff", {"base_interval": "1s"}),
        ("envoy.config.core.v3.TypedExtensionConfig", None),
    ],
)
def test_the_smallest_message_has_what_must_be_there(name: str, expected: dict[str, Any] | None) -> None:
    descriptor: Any = message_class(name).DESCRIPTOR
    made = smallest(descriptor)
    written = None if made is None else json_format.MessageToDict(made, preserving_proto_field_name=True)
    assert written == expected
