"""The test's side of a control plane: against one that runs on loopback, where a Pod's would be."""

import socket
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from takeover.base.errors import BadInputError
from takeover.evidence.control_plane_record import in_force
from takeover.node.stream import SocketStream
from takeover.peers.control_plane.discovery import url_of
from takeover.scenario.places import control_planes
from takeover.scene import Scene
from takeover.scene.control_planes import control_planes_of, record_of
from takeover.suite.control_plane import ControlPlane, Rule
from tests.peers.control_plane import LOOPBACK, Plane, client, cluster, endpoints, named, running


def pod(name: str, *command: str) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "main", "command": list(command)}]},
    }


class StandIn:
    """As much of a scene, its deployment and its Pods as is asked for."""

    name = "stand-in"

    def __init__(self, plane: Plane | None) -> None:
        self.deployment = self.scenario = self
        self._plane = plane

    def objects(self) -> list[dict[str, Any]]:
        command = ("takeover", "control-plane", "/etc/control-plane")
        return [pod("app", "nginx"), *([pod("control-plane", *command)] if self._plane else [])]

    def pod(self, name: str) -> "StandIn":
        assert name == "control-plane"
        return self

    def forward(self, port: int) -> SocketStream:
        assert port == 18001
        assert self._plane is not None
        return SocketStream(socket.create_connection((LOOPBACK, self._plane.api.base_url.port or 0)))


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running(tmp_path_factory.mktemp("empty")) as started:
        yield started


@pytest.fixture
def scene(plane: Plane) -> Scene:
    return cast("Scene", StandIn(plane))


@pytest.fixture
def control_plane(scene: Scene, plane: Plane) -> Iterator[ControlPlane]:
    plane.left()
    with ControlPlane(scene) as opened:
        opened.behave()
        opened.back()
        opened.publish([])
        yield opened


def test_where_one_runs_is_found_in_the_manifests() -> None:
    other = pod("mine", "takeover", "control-plane", "/x", "--api-port", "7")
    other["metadata"]["namespace"] = "away"
    found = control_planes([pod("app", "nginx"), other, {"kind": "Service", "metadata": {}, "spec": {}}])
    assert [(each.name, each.api_port) for each in found] == [("away/mine/main", 7)]


@pytest.mark.parametrize(
    ("options", "port"), [([], 18001), (["--api-port", "7"], 7), (["--api-port=8"], 8), (["--mesh", "--api-p", "9"], 9)]
)
def test_its_api_is_where_its_options_say(options: list[str], port: int) -> None:
    [found] = control_planes([pod("mine", "takeover", "control-plane", "/x", *options)])
    assert found.api_port == port


@pytest.mark.parametrize("options", [["--api-port", "first"], ["--api-port"], ["--api-port=$(PORT)"]])
def test_a_port_that_is_none_is_told_with_the_pod(options: list[str]) -> None:
    with pytest.raises(BadInputError, match=r"^Pod mine: takeover control-plane: argument --api-port: "):
        control_planes([pod("mine", "takeover", "control-plane", "/x", *options)])


def test_a_scenario_without_one_says_so() -> None:
    without = cast("Scene", StandIn(None))
    assert control_planes_of(without.deployment) == []
    with pytest.raises(BadInputError, match=r"^scenario stand-in has no Pod that runs `takeover control-plane`$"):
        ControlPlane(without)


def test_a_snapshot_is_published_changed_and_told(control_plane: ControlPlane) -> None:
    assert control_plane.publish([cluster("a"), endpoints("a", 1)], version="one") == "one"
    assert control_plane.change(set=[cluster("b")], remove=[("eds", "a")], version="two") == "two"
    told = control_plane.snapshot()
    assert told.version == "two"
    assert told.types[url_of("cds")].resources == {"a": "one", "b": "two"}
    assert told.types[url_of("eds")].version == "two"
    assert told.types[url_of("eds")].resources == {}
    found = control_plane.resources()
    assert found.keys() == {(url_of("cds"), "a"), (url_of("cds"), "b")}
    control_plane.publish(found.values(), version="three")
    assert control_plane.snapshot().types[url_of("cds")].version == "two", "what is the same has its version"


def test_what_is_refused_is_told_in_one_line(control_plane: ControlPlane) -> None:
    expected = r"^the control plane control-plane/main refuses PUT /snapshot: resources\[0\] \(cds a\): .*\"nonsense\""
    with pytest.raises(BadInputError, match=expected):
        control_plane.publish([cluster("a", nonsense=1)])


def test_acknowledged_waits_for_the_ack(control_plane: ControlPlane, plane: Plane) -> None:
    before = control_plane.last_number()
    with client(plane, node="patient") as xds:
        xds.subscribed("cds")
        opened = control_plane.wait_for(lambda each: each.event == "opened", before)
        version = control_plane.publish([cluster("a")])
        response = xds.next()
        with pytest.raises(
            AssertionError, match=rf"^version {version} is not acknowledged after 0\.1 s; recorded last:\n"
        ):
            control_plane.acknowledged(version, deadline=0.1)
        xds.ack("cds", response)
        control_plane.acknowledged(version)
        last = control_plane.record()[-1]
        assert (last.event, last.kind, last.version, last.nonce) == ("ack", "cds", version, response.nonce)
        assert in_force(control_plane.record(), "patient", last.time)["cds"].version == version
        assert in_force(control_plane.record(), "patient", opened.time) == {}


def test_acknowledged_fails_at_once_for_a_nack_and_for_another_version(
    control_plane: ControlPlane, plane: Plane
) -> None:
    with client(plane) as xds:
        xds.subscribed("cds")
        version = control_plane.publish([cluster("a")])
        xds.ask("cds", nonce=xds.next().nonce, error="not this one")
        with pytest.raises(AssertionError, match=f"^client NACKed cds {version}: not this one; recorded last"):
            control_plane.acknowledged(version)
        with pytest.raises(AssertionError, match=f"^other is not in force for client: {version} is"):
            control_plane.acknowledged("other")


def test_what_was_refused_before_says_nothing_of_what_is_sent_next(control_plane: ControlPlane, plane: Plane) -> None:
    with client(plane) as xds:
        xds.subscribed("cds")
        control_plane.publish([cluster("a", connect_timeout="0s")])
        xds.ask("cds", nonce=xds.next().nonce, error="not this one")
        control_plane.wait_for(lambda each: each.event == "nack", control_plane.last_number() - 1)
        good = control_plane.publish([cluster("a")])
        response = xds.next()
        with pytest.raises(AssertionError, match=rf"^version {good} is not acknowledged"):
            control_plane.acknowledged(good, deadline=0.05)
        xds.ack("cds", response)
        control_plane.acknowledged(good)


def test_wait_for_takes_what_came_before_and_what_comes(control_plane: ControlPlane, plane: Plane) -> None:
    before = control_plane.last_number()
    with client(plane, "delta-cds", "late") as xds:
        xds.ask("cds")
        found = control_plane.wait_for(lambda each: each.event == "response" and each.node == "late", before)
        assert found.number > before
        with pytest.raises(
            AssertionError, match=r"^no end within 0\.1 s; recorded last:\n.* late stream \d+ delta-cds"
        ):
            control_plane.wait_for(lambda each: each.event == "closed", found.number - 1, deadline=0.1, what="end")


def test_rules_and_resending(control_plane: ControlPlane, plane: Plane) -> None:
    with client(plane) as xds:
        first = xds.subscribed("cds")
        control_plane.behave(Rule("as-given", "cds", times=1, version="x", nonce="y", resources=[cluster("given")]))
        control_plane.resend("cds")
        given = xds.next()
        assert (given.version_info, given.nonce, named(given.resources[0])) == ("x", "y", "given")
        control_plane.resend()
        assert xds.next().version_info == first.version_info


@pytest.mark.parametrize("leave", [ControlPlane.end_streams, ControlPlane.away], ids=["streams end", "away"])
def test_streams_end(control_plane: ControlPlane, plane: Plane, leave: Callable[[ControlPlane], object]) -> None:
    with client(plane) as xds:
        xds.subscribed("cds")
        leave(control_plane)
        assert xds.ended()[0] == "UNAVAILABLE"


def test_its_record_is_read_as_diagnostics_read_it(control_plane: ControlPlane, scene: Scene) -> None:
    version = control_plane.publish([], version="told-in-a-failure")
    [place] = control_planes_of(scene.deployment)
    last = record_of(scene.deployment, place)[-1]
    assert str(last) == f"{last.time:.3f} #{last.number} published version {version} by api"
