"""xDS under traffic: what an update does to requests that are under way, to connections that are open, and to new ones.

Each update is a few edits of what the control plane sent first. Every request is counted: by the client that asked,
in Envoy's log, and at the application.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fixtures.exchange import connect
from fixtures.first_snapshot import (
    ANOTHER_ROUTE,
    CLUSTER,
    ENDPOINTS,
    FIRST,
    PAGES,
    PLAIN,
    THIRD,
    TO_THIRD,
    WAYS,
    WITHOUT_FIRST,
    leaves,
)
from fixtures.speaking import Call, WebSocket
from fixtures.updates import (
    HOST,
    Told,
    Visitor,
    Way,
    newcomer,
    regular,
    resources,
    under_way,
    visitor,
)
from takeover.evidence.quiescence import waited_for
from takeover.net.websocket import frame
from takeover.scenario.edits import Edit, add, remove, replace
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane

SCENARIO = "xds-under-traffic"
pytestmark = [pytest.mark.xds, pytest.mark.scenario(SCENARIO)]

TEXT, CLOSE = 1, 8
BYE = frame(CLOSE, b"\x03\xe8bye")


@contextlib.contextmanager
def used(scene: Scene, way: Way) -> Iterator[Visitor]:
    """A connection on which one request has been answered."""
    with visitor(scene, way) as made:
        assert made.ask().by == FIRST
        yield made


@contextlib.contextmanager
def talk(scene: Scene) -> Iterator[Call]:
    """A call in the middle of its answer: the application has said one thing, and will say another."""
    with contextlib.closing(connect(scene, "client/client", "", scene.host_name("gateway"), PLAIN.port)) as stream:
        call = Call(stream, HOST, "/talk.Talk/Echo")
        call.send(b"before")
        assert call.messages(1) == [b"before"]
        yield call


@contextlib.contextmanager
def chat(scene: Scene) -> Iterator[WebSocket]:
    """A WebSocket that has been used."""
    with contextlib.closing(connect(scene, "client/client", "", scene.host_name("gateway"), PLAIN.port)) as stream:
        socket = WebSocket(stream, HOST, "/chat")
        socket.send(frame(TEXT, b"before"))
        assert socket.frames(1) == ["text 'before'"]
        yield socket


@dataclass(frozen=True)
class Update:
    """An update of routes, clusters or endpoints.

    Args:
        edits: what is otherwise than it was.
        then: who answers from then on: a cluster and its port, or a status with the flags of Envoy's log.
    """

    edits: tuple[Edit, ...]
    then: str


UPDATES = {
    "another-route": Update((ANOTHER_ROUTE,), "second 80"),
    "route-that-answers-itself": Update(
        (remove("rds.yaml", f"{PAGES}.route"), add("rds.yaml", PAGES, "direct_response", {"status": 410})), "410 -"
    ),
    "routes-gone": Update((replace("rds.yaml", "$.resources[0].virtual_hosts", []),), "404 NR"),
    "endpoint-leaves": Update(leaves("first", "calls"), "first 80"),
    "all-endpoints-leave": Update(
        (replace("eds.yaml", ENDPOINTS.format("first"), []), replace("eds.yaml", ENDPOINTS.format("calls"), [])),
        "503 UH",
    ),
    "cluster-changed": Update(
        (
            replace("cds.yaml", f"{CLUSTER.format('first')}.connect_timeout", "2s"),
            replace("cds.yaml", f"{CLUSTER.format('calls')}.connect_timeout", "2s"),
        ),
        FIRST,
    ),
    "cluster-removed": Update(
        (
            remove("cds.yaml", CLUSTER.format("first")),
            remove("cds.yaml", CLUSTER.format("calls")),
        ),
        "503 NC",
    ),
}


@pytest.mark.parametrize("name", UPDATES)
def test_what_is_under_way_ends_by_the_old_and_the_next_request_follows_the_new(
    scene: Scene, plane: ControlPlane, name: str
) -> None:
    update = UPDATES[name]
    then, _, flags = update.then.partition(" ") if update.then[:1].isdigit() else (update.then, "", "-")
    with (
        scene.watched() as observed,
        used(scene, PLAIN) as idle,
        under_way(scene, WAYS, ["plain"]) as held,
        talk(scene) as call,
        chat(scene) as socket,
        regular(scene, PLAIN) as steady,
    ):
        steady.ask(5)
        version = plane.publish(resources(scene, *update.edits))
        steady.ask(10)
        plane.acknowledged(version)
        assert idle.ask() == Told(then, "plain")
        assert newcomer(scene, PLAIN) == Told(then, "plain")
        steady.ask(5)
        assert held["plain"].end() == Told(FIRST, "plain")
        assert held["plain"].ask() == Told(then, "plain")
        call.send(b"after", ends=True)
        assert call.answer().messages == [b"before", b"after"]
        socket.send(frame(TEXT, b"after"), BYE)
        assert socket.frames(3) == ["text 'before'", "text 'after'", "close 1000 'bye'"]

    assert steady.turns == ([FIRST, then] if then != FIRST else [FIRST])
    assert len(observed.entries) == 20 + 2 + 1 + 2 + 2
    after = [each.flags for each in observed.entries if each.status not in (200, 101)]
    assert set(after) <= {flags}
    assert len(observed.destination("hostile/upstream")) == len(observed.entries) - len(after)


def test_make_before_break_loses_nothing(scene: Scene, plane: ControlPlane) -> None:
    """One snapshot: a new cluster, its endpoints, the route to it, and the old one gone. What is new is sent first."""
    with (
        scene.watched() as observed,
        under_way(scene, WAYS, ["plain"]) as held,
        regular(scene, PLAIN) as steady,
    ):
        steady.ask(5)
        version = plane.publish(resources(scene, *THIRD, TO_THIRD, *WITHOUT_FIRST))
        steady.ask(20)
        plane.acknowledged(version)
        steady.ask(5)
        assert held["plain"].end() == Told(FIRST, "plain")
        # Envoy forgets it once its last request is over, and then counts no more of it.
        assert waited_for(lambda: " ".join(scene.envoy.stats("^cluster.first.")), 10.0) == ""

    assert steady.turns == [FIRST, "third 80"]
    assert [each.flags for each in observed.entries] == ["-"] * 31
    assert len(observed.destination("hostile/upstream")) == 31


def test_a_route_that_comes_before_its_cluster_costs_every_request_until_that_is_there(
    scene: Scene, plane: ControlPlane
) -> None:
    """Routes wait for nobody; a cluster whose endpoints have not come yet is none."""
    with (
        scene.watched() as observed,
        under_way(scene, WAYS, ["plain"]) as held,
        regular(scene, PLAIN) as steady,
    ):
        steady.ask(5)
        plane.behave(hold=["cds", "eds"])
        plane.publish(resources(scene, *THIRD, TO_THIRD))
        steady.until("503")
        steady.ask(4)
        plane.behave(hold=["eds"])
        wait_until_warming(scene)
        steady.ask(5)
        plane.behave()
        steady.until("third 80")
        assert held["plain"].end() == Told(FIRST, "plain")

    assert steady.turns == [FIRST, "503", "third 80"]
    lost = [each for each in observed.entries if each.status != 200]
    assert {(each.status, each.flags, each.details) for each in lost} == {(503, "NC", "cluster_not_found")}
    assert len(lost) == [each.by for each in steady.answers].count("503") >= 10
    assert len(observed.destination("hostile/upstream")) == len(observed.entries) - len(lost)


def wait_until_warming(scene: Scene) -> None:
    """Until there is a cluster that waits for its endpoints."""

    def look() -> str:
        found = scene.envoy.stats(r"^cluster_manager\.warming_clusters$")
        return "" if list(found.values()) == [1] else f"{found}"

    assert waited_for(look, 10.0) == ""


def test_a_cluster_that_goes_before_the_route_to_it_costs_every_request_until_that_leads_elsewhere(
    scene: Scene, plane: ControlPlane
) -> None:
    with (
        scene.watched() as observed,
        under_way(scene, WAYS, ["plain"]) as held,
        regular(scene, PLAIN) as steady,
    ):
        steady.ask(5)
        plane.behave(order=["cds", "eds", "lds"], hold=["rds"])
        plane.publish(resources(scene, ANOTHER_ROUTE, *WITHOUT_FIRST))
        steady.until("503")
        steady.ask(5)
        plane.behave()
        steady.until("second 80")
        assert held["plain"].end() == Told(FIRST, "plain")

    assert steady.turns == [FIRST, "503", "second 80"]
    lost = [each for each in observed.entries if each.status != 200]
    assert {(each.status, each.flags) for each in lost} == {(503, "NC")}
    assert len(lost) == [each.by for each in steady.answers].count("503")


def test_a_hundred_updates_in_a_row_lose_nothing(scene: Scene, plane: ControlPlane) -> None:
    """A route to and fro, faster than Envoy is asked."""
    there = (ANOTHER_ROUTE,)
    to = [[each for each in resources(scene, *edits) if each.get("name") == "routes"] for edits in (there, ())]
    with scene.watched() as observed, under_way(scene, WAYS, ["plain"]) as held, regular(scene, PLAIN) as steady:
        for _ in range(50):
            for routes in to:
                version = plane.change(routes)
                steady.ask(1)
        plane.acknowledged(version)
        steady.ask(1)
        assert held["plain"].end() == Told(FIRST, "plain")

    assert {each.by for each in steady.answers} <= {FIRST, "second 80"}
    assert steady.answers[-1].by == FIRST
    assert [(each.status, each.flags) for each in observed.entries] == [(200, "-")] * 102
    assert len(observed.destination("hostile/upstream")) == 102
