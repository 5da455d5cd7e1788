"""In which order an update is sent: what others refer to comes first, and goes last."""

from collections.abc import Iterator

import pytest

from tests.peers.control_plane import (
    Client,
    Plane,
    client,
    cluster,
    eds_cluster,
    endpoints,
    listener,
    names,
    routes,
    running,
)

BOTH = pytest.mark.parametrize("label", ["ads", "delta-ads"])
NAMES = {"cds": (), "eds": ("a",), "lds": (), "rds": ("routes",)}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running(tmp_path_factory.mktemp("empty"), patience=300) as started:
        yield started


@pytest.fixture
def plane(patient: Plane) -> Plane:
    """One that goes on only when it may: a client that is slow is none that never ACKs."""
    patient.left()
    patient.behave()
    patient.publish()
    return patient


def everything(plane: Plane, xds: Client) -> None:
    """Subscribes to a first snapshot."""
    plane.publish(eds_cluster("a"), endpoints("a", 1), listener("l", 1), routes("routes", "a"), version="old")
    for kind, wanted in NAMES.items():
        xds.subscribed(kind, wanted)
    assert plane.acknowledged("old")


@BOTH
def test_each_type_waits_until_the_one_before_it_is_acked(plane: Plane, label: str) -> None:
    with client(plane, label) as xds:
        everything(plane, xds)
        before = plane.last()
        plane.publish(
            routes("routes", "b"),
            listener("l", 2),
            eds_cluster("a", connect_timeout="2s"),
            endpoints("a", 2),
            version="new",
        )
        for number, (kind, wanted) in enumerate(NAMES.items(), 1):
            response = xds.next()
            assert [each[:2] for each in plane.sent(before)][number - 1 :] == [(kind, "new")]
            xds.ack(kind, response, wanted if label == "ads" else ())
        assert plane.acknowledged("new")


@BOTH
def test_a_nack_holds_up_nothing(plane: Plane, label: str) -> None:
    with client(plane, label) as xds:
        everything(plane, xds)
        plane.publish(
            eds_cluster("a", connect_timeout="2s"), endpoints("a", 1), listener("l", 1), routes("routes", "b")
        )
        xds.ask("cds", nonce=xds.next().nonce, error="no")
        xds.took("rds", NAMES["rds"])


@BOTH
def test_routes_wait_until_the_endpoints_of_a_new_cluster_are_asked_for_and_taken(plane: Plane, label: str) -> None:
    with client(plane, label) as xds:
        everything(plane, xds)
        before = plane.last()
        plane.change(eds_cluster("b"), endpoints("b", 1), routes("routes", "b"), version="new")
        xds.took("cds")
        xds.ask("eds", ["a", "b"] if label == "ads" else ["b"])
        assert "b" in names(xds.took("eds", ["a", "b"]))
        xds.took("rds", NAMES["rds"])
        assert [kind for kind, _, _ in plane.sent(before)] == ["cds", "eds", "rds"]


@BOTH
def test_a_cluster_is_removed_when_nobody_needs_it_any_more(plane: Plane, label: str) -> None:
    with client(plane, label) as xds:
        everything(plane, xds)
        before = plane.last()
        plane.publish(cluster("b"), listener("l", 1), routes("routes", "b"), version="new")
        first = xds.took("cds")
        if label == "ads":
            assert sorted(names(first)) == ["a", "b"]
        else:
            assert (names(first), list(first.removed_resources)) == (["b"], [])
        if label == "delta-ads":
            assert list(xds.took("eds").removed_resources) == ["a"]
        xds.took("rds", NAMES["rds"])
        last = xds.took("cds")
        if label == "ads":
            assert names(last) == ["b"]
        else:
            assert (names(last), list(last.removed_resources)) == ([], ["a"])
        assert plane.acknowledged("new")
        versions = [(kind, version) for kind, version, _ in plane.sent(before) if kind != "eds"]
        assert versions == [("cds", "new-adding"), ("rds", "new"), ("cds", "new")]


def test_a_removal_alone_is_sent_at_once(plane: Plane) -> None:
    with client(plane) as xds:
        everything(plane, xds)
        plane.api.patch("/snapshot", json={"remove": [{"type": "cds", "name": "a"}]})
        assert names(xds.took("cds")) == []


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "at once"])
def test_another_order(plane: Plane, waits: bool) -> None:
    with client(plane) as xds:
        everything(plane, xds)
        before = plane.last()
        plane.behave(order=["rds", "lds", "cds"], wait=waits)
        plane.publish(cluster("b"), listener("l", 2), routes("routes", "b"))
        if waits:
            for kind in ("rds", "lds", "cds"):
                xds.took(kind, NAMES[kind])
        assert [each[0] for each in plane.sent(before)] == ["rds", "lds", "cds"]
        assert plane.sent(before)[-1][2] == ["b"], "the order is as it was told: nothing is kept for later"


@BOTH
def test_what_is_held_is_sent_when_it_is_released(plane: Plane, label: str) -> None:
    with client(plane, label) as xds:
        everything(plane, xds)
        plane.behave(hold=["cds"])
        plane.change(cluster("b"), routes("routes", "b"), version="new")
        xds.took("rds", NAMES["rds"])
        assert not plane.acknowledged("new", wait=0.1)
        plane.behave()
        assert "b" in names(xds.took("cds"))
        assert plane.acknowledged("new")


def test_who_never_acks_holds_up_the_rest_for_a_second_only(control_plane_process: Plane) -> None:
    plane = control_plane_process
    plane.left()
    plane.behave()
    with client(plane) as xds:
        everything(plane, xds)
        plane.change(cluster("b"), routes("routes", "b"))
        assert len(xds.next().resources) == 2
        xds.took("rds", NAMES["rds"])


def test_separate_streams_of_one_node_keep_the_order_too(plane: Plane) -> None:
    plane.publish(cluster("a"), routes("routes", "a"))
    with client(plane, "cds") as clusters, client(plane, "rds") as routing:
        clusters.subscribed("cds")
        routing.subscribed("rds", ["routes"])
        before = plane.last()
        plane.publish(cluster("b"), routes("routes", "b"))
        first = clusters.next()
        assert [each[0] for each in plane.sent(before)] == ["cds"]
        clusters.ack("cds", first)
        routing.took("rds", ["routes"])
        assert names(clusters.took("cds")) == ["b"]
