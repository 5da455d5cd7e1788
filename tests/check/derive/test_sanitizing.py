"""Headers that Envoy sets itself before routes see a request."""

from typing import Any

import pytest

from takeover.check.derive import Bounds, probes
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.sanitizing import sanitizing
from tests.check.derive.by_hand import given_of, world_of
from tests.check.derive.sanitized import exact, gateway, present

EDGE: dict[str, Any] = {"use_remote_address": True}
NONE = "it is not there"


@pytest.mark.parametrize(
    ("manager", "sent", "name", "seen"),
    [
        ({}, {}, "x-forwarded-proto", "http"),
        ({}, {"x-forwarded-proto": "https"}, "x-forwarded-proto", "https"),
        ({}, {"x-forwarded-proto": "https"}, ":scheme", "https"),
        ({}, {"x-forwarded-proto": "htt"}, ":scheme", "http"),
        (EDGE, {"x-forwarded-proto": "https"}, "x-forwarded-proto", "http"),
        (EDGE, {"x-forwarded-proto": "https"}, ":scheme", "http"),
        (EDGE | {"xff_num_trusted_hops": 1}, {"x-forwarded-proto": "https"}, "x-forwarded-proto", "https"),
        ({"scheme_header_transformation": {"scheme_to_overwrite": "https"}}, {}, "x-forwarded-proto", "https"),
        ({"generate_request_id": False}, {}, "x-request-id", NONE),
        ({}, {"x-request-id": "ours"}, "x-request-id", "ours"),
        (EDGE | {"preserve_external_request_id": True}, {"x-request-id": "ours"}, "x-request-id", "ours"),
        ({}, {"x-envoy-internal": "true"}, "x-envoy-internal", NONE),
        ({}, {"x-envoy-retry-on": "5xx"}, "x-envoy-retry-on", NONE),
        ({}, {"x-forwarded-for": "203.0.113.1"}, "x-forwarded-for", "203.0.113.1"),
        ({}, {"x-forwarded-client-cert": "Hash=a"}, "x-forwarded-client-cert", NONE),
        ({"forward_client_cert_details": "APPEND_FORWARD"}, {"x-forwarded-client-cert": "Hash=a"},
         "x-forwarded-client-cert", NONE),
        ({"forward_client_cert_details": "ALWAYS_FORWARD_ONLY"}, {"x-forwarded-client-cert": "Hash=a"},
         "x-forwarded-client-cert", "Hash=a"),
    ],
)  # fmt: skip
def test_routes_see_what_envoy_makes_of_a_header(
    manager: dict[str, Any], sent: dict[str, str], name: str, seen: str
) -> None:
    ask = Ask(host="a.example", headers=tuple(sent.items()), sanitizing=sanitizing(manager))

    assert ask.values(name) == (None if seen == NONE else seen,)


@pytest.mark.parametrize(
    ("manager", "matcher", "fits"),
    [
        ({}, present("x-request-id"), True),
        ({}, exact("x-request-id", "ours"), False),
        ({}, {"name": "x-request-id", "string_match": {"safe_regex": {"regex": "[0-9a-f-]{36}"}}}, True),
        ({}, {"name": "x-request-id", "string_match": {"prefix": "a"}}, None),
        (EDGE, present("x-forwarded-for"), True),
        (EDGE, exact("x-forwarded-for", "203.0.113.1"), False),
        (EDGE, {"name": "x-forwarded-for", "string_match": {"prefix": "10."}}, None),
        (EDGE, present("x-envoy-internal"), None),
    ],
)
def test_of_what_envoy_says_itself_only_what_is_certain_is_known(
    manager: dict[str, Any], matcher: dict[str, Any], fits: bool | None
) -> None:
    ask, header = Ask(host="a.example", sanitizing=sanitizing(manager)), Header(matcher)

    if fits is None:
        with pytest.raises(UnsureError) as unsure:
            header.fits(ask)
        assert unsure.value.chance is (header.name == "x-request-id")
    else:
        assert header.fits(ask) is fits


def test_a_header_that_the_client_may_say_is_sent() -> None:
    header = Header({"name": "x-forwarded-for", "string_match": {"prefix": "10."}})

    assert header.made(Ask(host="a", sanitizing=sanitizing(EDGE))).sent("x-forwarded-for") == "10."
    with pytest.raises(CannotMakeError, match="Envoy says itself how the client came"):
        Header(exact("x-forwarded-proto", "https")).made(Ask(host="a", sanitizing=sanitizing(EDGE)))


def test_a_route_behind_a_redirect_to_https_is_asked_for_as_a_load_balancer_does_or_said() -> None:
    given = given_of(gateway())
    derived = probes(given, world_of(given), Bounds(probes_per_route=1))

    behind = {each.listener for each in derived.targets if each.expects == "app" and each.host == "all"}
    assert behind == {"behind", "second", "https", "forwards"}
    of_edge = {place: why for place, why in derived.unasked.items() if "listeners[1]" in place}
    [reason] = [why for place, why in of_edge.items() if place.endswith("hosts[1].routes[11]")]
    assert reason == "no request was found that to-https does not take: Envoy says itself how the client came"
    to_tls = [each for each in derived.targets if each.host == "tls" and each.condition == "matches"]
    tls = {each.listener: each.expects for each in to_tls}
    assert tls == dict.fromkeys(behind, "app")


def test_a_header_is_sent_twice_only_where_the_client_says_it() -> None:
    given = given_of(gateway())
    derived = probes(given, world_of(given), Bounds(probes_per_route=1000))

    twice = {each.listener for each in derived.targets if "to-https-header-x-forwarded-proto-twice" in each.probe}
    assert twice == {"behind", "second", "forwards"}
