"""The witnesses of a real scenario on the local engine: what they wait for, and what they say when it does not come."""

import contextlib
from collections.abc import Iterator

import pytest

from fixtures.verdicts import assert_blocked, assert_passed_on
from takeover.engines import choose
from takeover.envoy.releases import resolve
from takeover.evidence import snapshots as witnesses
from takeover.evidence.snapshots import UnrestError
from takeover.scenario.library import Library
from takeover.scene import Scene
from takeover.suite.verdicts import assert_past_envoy, assert_routed

POD = "envoy-traffic-mock"
TRACE = [
    "rule PREROUTING REDIRECT --to-ports 15006",
    "listener 0.0.0.0_15006",
    "http ingress_http",
    "cluster shadow_cluster_config",
    f"destination {POD}/nginx",
]


@pytest.fixture(scope="module")
def inbound() -> Iterator[Scene]:
    release = resolve(None)[0]
    with contextlib.ExitStack() as closing:
        engine = choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)
        closing.callback(engine.close)
        scene = Scene.deploy(engine, release, Library.bundled().scenario("inbound-interception"))
        closing.callback(scene.close)
        yield scene


def url(scene: Scene, path: str = "/") -> str:
    return f"http://{scene.pod(POD).ip}{path}"


def test_one_request_is_counted_exactly_once_by_everybody(inbound: Scene) -> None:
    for _ in range(20):
        with inbound.watched() as observed:
            inbound.ask("client/client", url(inbound))
        assert_routed(observed, TRACE)
        assert observed.rule("REDIRECT") == 1
        assert observed.counter("http.ingress_http.downstream_rq_2xx") == 1


def test_what_happened_before_the_block_is_not_counted(inbound: Scene) -> None:
    inbound.ask("client/client", url(inbound))
    with inbound.watched() as observed:
        pass
    assert_past_envoy(observed)
    assert observed.rule("REDIRECT") == 0


def test_a_connection_that_stays_open_must_be_announced(inbound: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "DEADLINE", 0.3)
    with inbound.new_http("client/client") as client:
        with pytest.raises(UnrestError, match="Envoy has 1 connections with clients, not 0"), inbound.watched():
            client.get(url(inbound))
        with inbound.watched() as observed:
            client.get(url(inbound))
        assert observed.counter("listener.0.0.0.0_15006.downstream_cx_total") == 0
    with inbound.new_http("client/client") as client, inbound.watched(held=1) as observed:
        client.get(url(inbound))
    assert_routed(observed, TRACE)


def test_a_verdict_fails_when_something_else_happened(inbound: Scene) -> None:
    with inbound.watched() as observed:
        inbound.ask("client/client", url(inbound))
    with pytest.raises(AssertionError):
        assert_past_envoy(observed)
    with pytest.raises(AssertionError):
        assert_blocked(observed, f"{inbound.pod(POD).ip}:80")
    with pytest.raises(AssertionError):
        assert_passed_on(observed, f"{inbound.pod(POD).ip}:80")
    with pytest.raises(AssertionError):
        assert_routed(observed, [*TRACE[:-1], "destination other/nginx"])


def test_a_destination_that_was_not_asked_saw_nothing_and_one_asked_directly_did(inbound: Scene) -> None:
    with inbound.watched() as observed:
        inbound.ask(POD, "http://127.0.0.1/any/path", "nginx")
    assert_past_envoy(observed, f"{POD}/nginx")
    assert (observed.arrival(POD).uri, observed.arrival(POD).client_ip) == ("/any/path", "127.0.0.1")
