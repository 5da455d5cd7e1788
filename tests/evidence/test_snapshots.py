"""The witnesses of a real scenario on the local engine: what they wait for, and what they say when it does not come."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from fixtures.verdicts import assert_blocked, assert_passed_on
from takeover.engines import choose
from takeover.envoy.releases import resolve
from takeover.evidence import snapshots as witnesses
from takeover.evidence.snapshots import UnrestError
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scene import NoAnswerError, Scene
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
def deploy() -> Iterator[Callable[[Scenario], Scene]]:
    release = resolve(None)[0]
    with contextlib.ExitStack() as closing:
        engine = choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)
        closing.callback(engine.close)

        def deployed(scenario: Scenario) -> Scene:
            scene = Scene.deploy(engine, release, scenario)
            closing.callback(scene.close)
            return scene

        yield deployed


@pytest.fixture(scope="module")
def inbound(deploy: Callable[[Scenario], Scene]) -> Scene:
    return deploy(Library.bundled().scenario("inbound-interception"))


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
    assert (observed.trace, observed.moved, observed.entries) == ([], {}, [])
    assert observed.rule("REDIRECT") == 0


def test_a_connection_that_stays_open_must_be_announced(inbound: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with inbound.new_http("client/client") as client:
        with pytest.raises(UnrestError, match="Envoy has 1 connections with clients, not 0"), inbound.watched():  # noqa: PT012
            client.get(url(inbound))
            monkeypatch.setattr(witnesses, "DEADLINE", 2.0)
        monkeypatch.undo()
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


def test_a_block_that_raises_keeps_its_evidence_and_its_exception(inbound: Scene) -> None:
    with contextlib.suppress(ZeroDivisionError), inbound.watched() as observed:
        inbound.ask("client/client", url(inbound, "/evidence"))
        raise ZeroDivisionError
    assert_routed(observed, TRACE)
    assert inbound.watched_blocks[-1] is observed
    with pytest.raises(pytest.skip.Exception, match="its own"), inbound.watched():
        pytest.skip("its own")


def test_a_block_that_raises_with_something_under_way_tells_what_there_is(
    inbound: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "DEADLINE", 120.0)
    began = time.monotonic()
    with inbound.new_http("client/client") as client:
        with contextlib.suppress(ZeroDivisionError), inbound.watched() as observed:
            client.get(url(inbound, "/still-open"))
            raise ZeroDivisionError
        assert time.monotonic() - began < witnesses.DEADLINE
    assert [each.path for each in observed.entries] == ["/still-open"]
    assert observed.trace == TRACE


def test_of_a_block_under_which_envoy_ended_the_others_tell(
    deploy: Callable[[Scenario], Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "DEADLINE", 120.0)
    scene = deploy(Library.bundled().scenario("inbound-interception"))
    began = time.monotonic()
    with pytest.raises(NoAnswerError), scene.watched() as observed:  # noqa: PT012
        scene.ask("client/client", url(scene, "/before"))
        scene.ask(POD, "http://127.0.0.1:15000/quitquitquit", "nginx", method="POST")
        while True:  # until nobody listens there
            scene.ask("client/client", url(scene, "/after"))
    assert time.monotonic() - began < witnesses.DEADLINE
    assert observed.entries[0].path == "/before"
    assert observed.destination(POD)[0].uri == "/before"
    assert observed.rule("REDIRECT") >= 2
    assert observed.moved == {}  # nobody could say


def test_a_cluster_whose_requests_no_destination_logs_is_not_waited_for_twice(
    deploy: Callable[[Scenario], Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway, of which scenario.yaml names no destination."""
    monkeypatch.setattr(witnesses, "_UNTIL_LOGGED", 0.5)
    scene = deploy(replace(Library.bundled().scenario("gateway-header-match"), destinations=()))
    address = f"http://{scene.service_ip('gateway')}:8080/"
    began = time.monotonic()
    for number in range(3):
        with scene.watched() as observed:
            scene.ask("client/client", address, headers={"host": "app.shadow.com"})
        assert observed.envoy.status == 200
        assert observed.trace[-1].startswith("cluster ")
        if not number:
            assert time.monotonic() - began > 0.5
        monkeypatch.setattr(witnesses, "_UNTIL_LOGGED", 2 * witnesses.DEADLINE)  # who waits now is not at rest in time
