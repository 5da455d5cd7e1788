"""xDS, message by message: what an Envoy refuses, and what stays then."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from fixtures.xds import V1, V2, Managed, Resource
from takeover.evidence.control_plane_record import XdsEntry
from takeover.suite.control_plane import ControlPlane, Rule

pytestmark = [pytest.mark.xds, pytest.mark.scenario("xds-protocol")]


@dataclass(frozen=True)
class Bad:
    """An update that no Envoy takes.

    Args:
        of: its type.
        counter: what counts it.
        why: what the NACK says.
        made: makes the resource.
        dumped: where the config dump has it, and its name there.
    """

    of: str
    counter: str
    why: str
    made: Callable[[Managed], Resource]
    dumped: tuple[str, str] = ("", "")


def without_match(envoy: Managed) -> Resource:
    """Routes of which one does not say for whom it is."""
    made = envoy.routes("web", to="app")
    del made["virtual_hosts"][0]["routes"][0]["match"]
    return made


def of_too_low_priority(envoy: Managed) -> Resource:
    """Endpoints of a priority that there is not."""
    made = envoy.endpoints("app", 2)
    made["endpoints"][0]["priority"] = 129
    return made


def of_another_filter(envoy: Managed) -> Resource:
    """A filter of a type that the listener does not take."""
    buffer = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer"
    return envoy.resource("ecds", "mark") | {"typed_config": {"@type": buffer, "max_request_bytes": 1}}


BAD = [
    Bad(
        "lds",
        "listener_manager.lds.update_rejected",
        "duplicate address",
        lambda envoy: envoy.listener("other", 8080),
        ("dynamic_listeners", "other"),
    ),
    Bad(
        "cds",
        "cluster_manager.cds.update_rejected",
        "ConnectTimeout",
        lambda envoy: envoy.cluster("app", connect_timeout="0s"),
    ),
    Bad(
        "rds",
        "http.web.rds.web.update_rejected",
        "Match",
        without_match,
    ),
    Bad("eds", "cluster.app.update_rejected", "Priority", of_too_low_priority),
    Bad("ecds", "extension_config_discovery.http_filter.mark.update_rejected", "type", of_another_filter),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.of)
def test_what_is_wrong_is_refused_and_what_was_there_stays_until_something_good_comes(envoy: Managed, bad: Bad) -> None:
    [accepted] = {each.version for each in envoy.said("ack", bad.of, since=0)[-1:]}
    rejected = envoy.counter(bad.counter)
    nack = envoy.refuse(bad.of, bad.made(envoy))

    assert bad.why in nack.error
    [sent] = [each for each in envoy.said("response", bad.of) if each.nonce == nack.nonce]
    if not envoy.is_delta:
        assert nack.version == accepted != sent.version
    envoy.await_counter(bad.counter, rejected + 1)
    if bad.dumped[0]:
        assert bad.why in envoy.dump(*bad.dumped).get("error_state", {}).get("details", "")
    assert envoy.answer() == V1

    envoy.take(envoy.endpoints("app", 2))
    envoy.await_answer(V2)
    assert envoy.counter(bad.counter) == rejected + 1


@pytest.mark.parametrize(
    ("does", "why"), [("wrong-type", "does not match"), ("duplicate-names", "duplicate")], ids=["type", "names"]
)
def test_a_response_that_contradicts_itself_is_refused(
    envoy: Managed, plane: ControlPlane, does: str, why: str
) -> None:
    plane.behave(Rule(does, "cds", times=1, node=envoy.name))
    rejected = envoy.counter("cluster_manager.cds.update_rejected")
    nack = envoy.refuse("cds", envoy.cluster("other"), envoy.endpoints("other"))

    assert why in nack.error
    envoy.await_counter("cluster_manager.cds.update_rejected", rejected + 1)
    assert envoy.answer() == V1


def test_what_nobody_asked_for_is_taken_and_ignored(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(Rule("unasked", "rds", times=1, node=envoy.name))
    envoy.take(envoy.routes("web", says="asked"), envoy.routes("nobody", says="not asked"))

    [sent] = envoy.said("response", "rds")
    assert sorted(sent.names) == ["nobody", "web"]
    assert envoy.answer() == "asked"
    assert envoy.dump("dynamic_route_configs", "nobody") == {}


@pytest.mark.parametrize("does", ["stale-nonce", "no-nonce"])
def test_a_nonce_says_nothing_of_what_it_comes_with(envoy: Managed, plane: ControlPlane, does: str) -> None:
    """Whatever it is, the response is taken, and answered by it."""
    plane.behave(Rule(does, "rds", times=1, node=envoy.name))
    envoy.publish(envoy.routes("web", says="other"))
    envoy.await_answer("other")
    sent, *_ = envoy.said("response", "rds")
    # Traffic may follow before the control plane has heard of it.
    envoy.until(lambda: "" if sent.nonce in [each.nonce for each in answers(envoy)] else f"no answer to {sent.nonce}")
    assert {each.error for each in answers(envoy)} == {""}


def answers(envoy: Managed) -> list[XdsEntry]:
    """What came of routes since the last publication; without a nonce it looks like a request."""
    said = [each for each in envoy.said(of="rds") if each.event in ("ack", "nack", "request")]
    return [each for each in said if not each.unsubscribed]


def test_bytes_that_are_no_message_end_the_stream_and_nothing_else(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(Rule("garbage", "rds", times=1, node=envoy.name))
    envoy.publish(envoy.routes("web", says="other"))
    [closed] = envoy.await_said("closed")
    assert closed.stream == envoy.said("told")[0].stream
    envoy.await_answer("other")
    anew = envoy.said("request", since=closed.number)[0]
    assert {each.stream for each in envoy.said("response", "rds")} == {anew.stream}
