"""xDS, message by message: who speaks, of what, and what is said again on a new stream."""

import pytest

from fixtures.xds import V1, V2, Managed
from takeover.evidence.control_plane_record import XdsEntry
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane

pytestmark = [pytest.mark.xds, pytest.mark.scenario("xds-protocol")]


def first_stream(envoy: Managed) -> list[XdsEntry]:
    """All that was said on the Envoy's first stream until its routes were there."""
    said = envoy.said(since=0)
    said = [each for each in said if each.stream == said[0].stream]
    ends = [number for number, each in enumerate(said) if (each.event, each.kind) == ("ack", "rds")]
    assert ends, f"{envoy} took no routes on its first stream, only {sorted({each.kind for each in said} - {''})}"
    return said[: ends[0] + 1]


def test_the_first_message_says_who_asks_for_what_and_answers_nothing(envoy: Managed) -> None:
    first = next(each for each in first_stream(envoy) if each.event == "request")
    assert first.method == ("delta-ads" if envoy.is_delta else "ads")
    assert (first.event, first.has_node, first.kind != "") == ("request", True, True)
    assert (first.nonce, first.version, first.initial_versions) == ("", "", {})


def test_the_messages_that_follow_do_not_say_it_again(envoy: Managed) -> None:
    """As they are told to (set_node_on_first_message_only)."""
    _, *others = [each for each in first_stream(envoy) if each.event in ("request", "ack")]
    assert [each.kind for each in others if each.has_node] == []


def test_what_others_need_is_asked_for_first(envoy: Managed) -> None:
    """The runtime before all; the listeners only when every cluster has its endpoints."""
    requests = [each for each in first_stream(envoy) if each.event == "request"]
    assert [each.kind for each in requests if each.kind != "ecds"] == ["rtds", "cds", "eds", "lds", "rds"]
    said = [(each.event, each.kind) for each in first_stream(envoy)]
    assert said.index(("response", "eds")) < said.index(("request", "lds"))


def test_clusters_and_listeners_are_asked_for_as_a_whole_and_all_else_by_name(envoy: Managed) -> None:
    requests = {each.kind: each.names for each in first_stream(envoy) if each.event == "request"}
    assert requests == {
        "cds": [], "lds": [], "eds": ["app"], "rds": ["web"], "rtds": ["switches"], "ecds": ["mark"]
    }  # fmt: skip


def test_every_response_is_answered_once_by_its_nonce(envoy: Managed) -> None:
    envoy.mark()
    begun = envoy.said_last
    for update in (envoy.endpoints("app", 2), envoy.routes("web", says="other"), envoy.listener("other", 8081)):
        envoy.take(update)
    entries = envoy.said(since=begun)
    sent = [each.nonce for each in entries if each.event == "response"]
    assert len(set(sent)) == len(sent) > 3
    assert sorted(each.nonce for each in entries if each.event in ("ack", "nack")) == sorted(sent)


def test_an_update_is_taken_and_its_ack_says_so(envoy: Managed) -> None:
    version = envoy.take(envoy.endpoints("app", 2))
    [sent], [ack] = envoy.said("response"), envoy.said("ack")
    assert (sent.kind, ack.kind) == ("eds", "eds")
    # By delta there is no version but that which goes with the nonce.
    assert (ack.nonce, ack.version, ack.error) == (sent.nonce, version, "")
    envoy.await_answer(V2)


def test_versions_are_of_each_type_alone(envoy: Managed) -> None:
    before = {each.kind: each.version for each in envoy.said("ack", since=0)}
    version = envoy.take(envoy.routes("web", says="other"))
    after = {each.kind: each.version for each in envoy.said("ack", since=0)}
    assert after == {**before, "rds": version}
    assert envoy.answer() == "other"


def test_what_was_served_is_what_traffic_goes_through(envoy: Managed) -> None:
    with envoy.scene.watched() as observed:
        assert envoy.answer() == V1
    names = ("listener", "0.0.0.0_8080"), ("http", "web"), ("cluster", "app")
    through = [f"{kind} {envoy}/envoyproxy {name}" for kind, name in names]
    assert observed.trace == [*through, "destination v1/app-v1/nginx"]
    assert (observed.of(envoy.name).envoy.route, observed.arrival("v1/app-v1").uri) == ("to-app", "/")


def test_on_a_new_stream_it_says_who_it_is_and_what_it_has(envoy: Managed, plane: ControlPlane) -> None:
    version = envoy.take(envoy.routes("web", says="other"))
    had = {each.kind: each.version for each in envoy.said("ack", since=0)}
    envoy.mark()
    plane.end_streams()
    envoy.mark(envoy.await_said("closed")[0])  # an Envoy that lets go of something late may say so until then

    requests = envoy.await_said("request", number=6)
    assert requests[0].has_node
    assert {each.nonce for each in requests} == {""}
    if envoy.is_delta:
        of_routes = next(each for each in requests if each.kind == "rds")
        assert of_routes.initial_versions == {"web": version}
        assert {name for each in requests for name in each.initial_versions} >= {"app", "web"}
    else:
        assert [each.kind for each in requests if each.version != had[each.kind]] == []
    # What it has need not be sent again, and nothing of it was lost meanwhile.
    assert envoy.answer() == "other"
    assert not any("web" in each.names for each in envoy.said("response", "rds"))
    # The other one's stream was ended, too: until it has asked again, all seems to be acknowledged.
    kinds = {each.kind for each in requests}
    envoy.until(lambda: " ".join(each.node for each in plane.streams() if not kinds <= each.types.keys()))


def test_where_nobody_is_all_stays_as_it_is(scene: Scene, plane: ControlPlane) -> None:
    both = [Managed(scene, plane, name) for name in ("sotw", "delta")]
    for envoy in both:
        envoy.take(envoy.routes("web", says="before"))
    plane.away()
    try:
        for envoy in both:
            envoy.await_counter("control_plane.connected_state", 0)
            assert envoy.answer() == "before"
            envoy.publish(envoy.routes("web", says="after"))
    finally:
        plane.back()
    for envoy in both:
        envoy.await_answer("after")
        assert envoy.counter("control_plane.connected_state") == 1
        assert ["web"] in [each.names for each in envoy.said("response", "rds")]
