"""xDS without its control plane: at the start, in the middle, when it is back, and where a part never comes."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from fixtures.magnitude import EARLY
from fixtures.updates import REFUSED, Told, Way, control_plane, newcomer, regular, resources, under_way, visitor
from takeover.envoy.admin import Admin
from takeover.evidence.control_plane_record import XdsEntry
from takeover.evidence.quiescence import waited_for
from takeover.net import http
from takeover.scenario.edits import replace
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane, Rule

SCENARIO = "xds-control-plane-away"
pytestmark = [pytest.mark.xds, pytest.mark.scenario(SCENARIO)]

PLAIN, UNROUTED, UNCERTIFIED = Way(8080), Way(8081), Way(8443, "any.example")
WAYS = {"plain": PLAIN}
FIRST, SECOND = "first 8080", "second 80"
TO_SECOND = replace("rds.yaml", "$.resources[0].virtual_hosts[0].routes[1].route.cluster", "second")
PATIENCE = 30.0


@pytest.fixture
def plane(scene: Scene) -> Iterator[ControlPlane]:
    """The control plane, which has given Envoy its configuration; and is there again in the end, as it was at first."""
    with regular(scene, PLAIN) as steady:
        steady.until(FIRST)
    with control_plane(scene) as made:
        yield made


def connected(scene: Scene) -> int:
    """Whether Envoy has its stream: 1 or 0."""
    return scene.envoy.stats(r"^control_plane\.connected_state$")["control_plane.connected_state"]


def wait_until_connected(scene: Scene, *, wanted: bool) -> None:
    """Until Envoy has its stream, or has none."""
    assert waited_for(lambda: "" if connected(scene) == wanted else "not yet", PATIENCE) == ""


def test_configuration_stays_while_the_control_plane_is_away_and_changes_when_it_is_back(
    scene: Scene, plane: ControlPlane
) -> None:
    """What is changed meanwhile arrives. No request is lost, nobody is told to leave."""
    in_force = {kind: each.accepted for kind, each in plane.streams()[0].types.items()}
    before = scene.envoy.stats(r"^(listener|cluster)_manager\.(listener|cluster)_(added|modified|removed)$")
    with (
        scene.watched() as observed,
        under_way(scene, WAYS, ["plain"]) as held,
        regular(scene, PLAIN) as steady,
    ):
        steady.ask(5)
        last = plane.last_number()
        plane.away()
        wait_until_connected(scene, wanted=False)
        steady.ask(5)
        assert newcomer(scene, PLAIN) == Told(FIRST, "plain")
        failed = scene.envoy.stats(r"^cluster_manager\.cds\.update_failure$")
        version = plane.publish(resources(scene, TO_SECOND))
        steady.ask(5)
        plane.back()
        steady.until(SECOND)
        plane.acknowledged(version)
        steady.ask(5)
        assert held["plain"].end() == Told(FIRST, "plain")
        assert connected(scene) == 1

    assert (steady.turns, {each.closes for each in steady.answers}) == ([FIRST, SECOND], {False})
    assert {(each.status, each.flags) for each in observed.entries} == {(200, "-")}
    assert len(observed.entries) == len(observed.destination("hostile/upstream")) == len(steady.answers) + 2
    assert sum(failed.values()) > 0
    asked = first_requests(plane, last)
    assert {kind: (each.version, each.nonce, each.has_node) for kind, each in asked.items()} == {
        kind: (version, "", kind == "cds") for kind, version in in_force.items()
    }
    assert scene.envoy.stats(r"^(listener|cluster)_manager\.(listener|cluster)_(added|modified|removed)$") == before


def first_requests(plane: ControlPlane, after: int) -> dict[str, XdsEntry]:
    """The first one of each type on the stream that was opened since."""
    entries = plane.record(after)
    opened = next(each for each in entries if each.event == "opened")
    of_stream = [each for each in entries if each.stream == opened.stream and each.event == "request"]
    return {each.kind: each for each in reversed(of_stream)}


@pytest.mark.parametrize("status", ["OK", "UNAVAILABLE", "PERMISSION_DENIED"])
def test_a_stream_that_ends_is_opened_again_and_nothing_is_sent_twice(
    scene: Scene, plane: ControlPlane, status: str
) -> None:
    """Whatever its status: Envoy says what it has, and the control plane has nothing newer."""
    with scene.watched(), under_way(scene, WAYS, ["plain"]) as held, regular(scene, PLAIN) as steady:
        steady.ask(5)
        last = plane.last_number()
        assert plane.end_streams(status) == 1
        opened = plane.wait_for(lambda each: each.event == "opened", last)
        plane.wait_for(lambda each: each.event == "request" and each.kind == "rds", opened.number)
        steady.ask(5)
        assert held["plain"].end() == Told(FIRST, "plain")
        # What it is told next holds.
        plane.acknowledged(plane.publish(resources(scene, TO_SECOND)))
        steady.ask(5)

    assert steady.turns == [FIRST, SECOND]
    answered = {each.kind for each in plane.record(opened.number) if each.event == "response"}
    assert "rds" in answered
    assert not answered & {"cds", "lds"}


@dataclass(frozen=True)
class Start:
    """What was seen of a start.

    Args:
        states: what Envoy said that it is, in order.
        seconds: from its beginning until it was ready, by its own log.
        newcomer: what a client was told then.
        timeouts: what was waited for in vain, by the counters' names.
        served: what a client was told once the control plane spoke.
    """

    states: list[str]
    seconds: float
    newcomer: Told
    timeouts: set[str]
    served: Told


def starts(scene: Scene) -> dict[str, Start]:
    """Starts Envoy anew: once while its control plane is away, once while it is there and silent."""
    with ControlPlane(scene) as plane:
        plane.away()
        absent = start(scene, plane.back)
        plane.behave(Rule("silent"))
        return {"absent": absent, "silent": start(scene, lambda: speak(plane))}


def speak(plane: ControlPlane) -> None:
    """Has it send what it has not sent."""
    plane.behave()
    plane.resend()


def start(scene: Scene, come: Callable[[], None]) -> Start:
    """Starts Envoy anew; `come`: its control plane does, once Envoy is ready."""
    scene.pod("gateway").restart()
    states: list[str] = []
    with admin(scene) as api:

        def look() -> str:
            state = state_of(api)
            if state not in states[-1:]:
                states.append(state)
            return "" if state == "LIVE" else state

        assert waited_for(look, PATIENCE, 0.01) == ""
        counted = api.stats(r"\.init_fetch_timeout$")
    told = newcomer(scene, PLAIN)
    come()
    with regular(scene, PLAIN) as steady:
        steady.until(FIRST)
        timeouts = {name.removesuffix(".init_fetch_timeout") for name, value in counted.items() if value}
        return Start(states, seconds_until_ready(scene), told, timeouts, steady.answers[-1])


def seconds_until_ready(scene: Scene) -> float:
    """From the first line of Envoy's log until it says that it has all that it waited for."""

    def look() -> list[datetime] | str:
        log = scene.pod("gateway").container("envoyproxy").logs()
        lines = re.findall(r"^\[([\d-]+ [\d:.]+)\](.*)", log, re.MULTILINE)
        ready = [at for at, line in lines if "all dependencies initialized. starting workers" in line]
        return [datetime.fromisoformat(each) for each in (lines[0][0], ready[0])] if ready else "not said yet"

    found = waited_for(look, PATIENCE)
    assert not isinstance(found, str), found
    return (found[1] - found[0]).total_seconds()


@contextlib.contextmanager
def admin(scene: Scene) -> Iterator[Admin]:
    """The admin API over a connection of its own: a scene's own is one with an Envoy that is gone."""
    with http.client(lambda *_: scene.connect_to_admin(), base_url="http://envoy.admin") as client:
        yield Admin(client)


def state_of(api: Admin) -> str:
    """What Envoy says that it is."""
    try:
        return api.ready()
    except (httpx.HTTPError, OSError):
        return "not there"


@pytest.mark.scenario(SCENARIO, apart="starts", begin=starts)
def test_an_envoy_starts_without_its_control_plane_and_is_ready_without_configuration(scene: Scene) -> None:
    """Be that away or silent: it waits first for clusters, then for listeners, for each as long as it is told to."""
    for how, found in scene.begun(starts).items():
        order = iter(["not there", "PRE_INITIALIZING", "INITIALIZING", "LIVE"])  # each look may miss some
        assert all(each in order for each in found.states), how
        assert found.states[-1] == "LIVE", how
        assert 2 * 0.3 - EARLY <= found.seconds < 2 * 0.3 + PATIENCE, how
        assert found.timeouts == {"cluster_manager.cds", "listener_manager.lds"}, how
        assert (found.newcomer, found.served) == (REFUSED, Told(FIRST, "plain")), how


FOR_EVER = replace("envoy.yaml", "$.dynamic_resources.lds_config.initial_fetch_timeout", "0s")


def start_for_ever(scene: Scene) -> list[tuple[str, Told]]:
    """Starts Envoy anew, its control plane away: what it and a client say before that is back, and after."""
    with ControlPlane(scene) as plane, admin(scene) as api:
        plane.away()
        scene.pod("gateway").restart()

        def failed() -> str:
            if state_of(api) == "not there":
                return "not there"
            counted = api.stats(r"^(cluster_manager\.cds\.init_fetch_timeout|listener_manager\.lds\.update_failure)$")
            return "" if len(counted) == 2 and min(counted.values()) and max(counted.values()) >= 5 else f"{counted}"

        assert waited_for(failed, PATIENCE) == ""
        before = (state_of(api), newcomer(scene, PLAIN))
        plane.back()
        assert waited_for(lambda: "" if state_of(api) == "LIVE" else "not yet", PATIENCE) == ""
        return [before, (state_of(api), newcomer(scene, PLAIN))]


@pytest.mark.scenario(SCENARIO, FOR_EVER, begin=start_for_ever)
def test_an_envoy_that_waits_for_ever_is_ready_when_the_control_plane_has_come(scene: Scene) -> None:
    assert scene.begun(start_for_ever) == [("INITIALIZING", REFUSED), ("LIVE", Told(FIRST, "plain"))]


def later(scene: Scene) -> list[Any]:
    """What was waited for in vain: endpoints, routes, a certificate."""
    by_name = {each.get("name") or each["cluster_name"]: each for each in resources(scene)}
    [*_, certificate] = scene.deployment.scenario.library.scenario("xds-under-traffic").config("sds.yaml")["resources"]
    return [
        {**by_name["second"], "cluster_name": "later"},
        {**by_name["routes"], "name": "later"},
        {**certificate, "name": "later"},
    ]


def test_what_never_comes_is_waited_for_only_so_long_and_holds_when_it_comes(scene: Scene, plane: ControlPlane) -> None:
    """Without endpoints, routes, a certificate, what needs them is there all the same, and of no use."""
    timeouts = scene.envoy.stats(r"\.init_fetch_timeout$")
    with scene.watched() as observed:
        with visitor(scene, PLAIN) as one:
            assert one.ask("/later") == Told("503", "plain")
        assert newcomer(scene, UNROUTED) == Told("404", "unrouted")
        assert newcomer(scene, UNCERTIFIED) == REFUSED
        plane.acknowledged(plane.change(later(scene)))
        with visitor(scene, PLAIN) as one:
            assert one.ask("/later") == Told("later 80", "plain")
        assert newcomer(scene, UNROUTED) == Told(FIRST, "unrouted")
        assert newcomer(scene, UNCERTIFIED) == Told(FIRST, "uncertified")

    assert [each.flags for each in observed.entries] == ["UH", "NR", "-", "-", "-"]
    waited = ("cluster.later", "http.gateway_http.rds.later", "sds.later")
    assert [timeouts[f"{each}.init_fetch_timeout"] for each in waited] == [1, 1, 1]
