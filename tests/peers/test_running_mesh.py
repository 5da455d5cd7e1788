"""A mini mesh that is served: who is told what, when, by clients of xDS that say they are its Envoys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from envoy.config.endpoint.v3 import endpoint_pb2

from takeover.peers.mini_mesh.wishes import read_data
from tests.peers.control_plane import Client, Json, Plane, client, names, running
from tests.peers.test_mini_mesh import BACK, FRONT, POD, SERVICE, WAY_IN, WISHES, write_mesh

IDENTITY = "spiffe://mesh.example/ns/default/sa/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mesh(tmp_path_factory.mktemp("mesh"))


@pytest.fixture(scope="module")
def process(folder: Path) -> Iterator[Plane]:
    with running(folder, "--mesh") as started:
        yield started


@pytest.fixture
def plane(process: Plane) -> Plane:
    """With the wishes that are written, and nobody there."""
    assert process.api.put("/mesh", json=read_data(WISHES)).status_code == 200
    wait_for_envoys(process, {})
    return process


def take_part(xds: Client, account: str) -> None:
    """Does what a sidecar does until others are sent to its Pod."""
    xds.subscribed("cds")
    xds.subscribed("sds", [f"{IDENTITY}{account}", "authority"])
    xds.subscribed("lds")


def addresses(response: Any) -> list[str]:
    """Of the one ClusterLoadAssignment in a response by delta."""
    [resource] = response.resources
    assignment = endpoint_pb2.ClusterLoadAssignment.FromString(resource.resource.value)
    found = [each.endpoint for locality in assignment.endpoints for each in locality.lb_endpoints]
    return [each.address.socket_address.address for each in found]


def wait_for_envoys(plane: Plane, wanted: dict[str, bool]) -> None:
    """Waits until these are there; what is told of them else is the last that was heard."""
    seen = 0
    while envoys(plane) != wanted:
        entries = plane.record(seen, wait=60)
        assert entries, f"{envoys(plane)}, not {wanted}"
        seen = entries[-1]["number"]


def envoys(plane: Plane) -> dict[str, bool]:
    """Node → whether others are sent to its Pod."""
    told: Json = plane.api.get("/mesh").json()
    return {each["node"]: each["can_be_asked"] for each in told["envoys"]}


def test_an_envoy_is_told_all_at_once_when_it_comes(plane: Plane) -> None:
    with client(plane, "delta-ads", FRONT) as xds:
        assert len(names(xds.subscribed("cds"))) == 5
        assert names(xds.subscribed("lds")) == ["virtualOutbound", "10.1.0.2_80", "10.1.0.1_80", "virtualInbound"]
    with client(plane, "delta-ads", WAY_IN) as xds:
        assert names(xds.subscribed("lds")) == ["0.0.0.0_8080"]
        assert names(xds.subscribed("rds", ["gateway"])) == ["gateway"]


def test_who_is_nobody_of_the_mesh_is_told_nothing(plane: Plane) -> None:
    with client(plane, "delta-ads", "sidecar~10.0.0.7~stranger.default") as xds:
        assert names(xds.subscribed("cds")) == []
    assert envoys(plane) == {}


STRANGERS = [
    ("sidecar~10.0.0.7~late.default", "no manifest has its Pod"),
    ("sidecar~$(POD_IP)~front.default", "its id is not sidecar~IP~POD.NAMESPACE or gateway~IP~POD.NAMESPACE"),
    ("front", "its id is not sidecar~IP~POD.NAMESPACE or gateway~IP~POD.NAMESPACE"),
]


@pytest.mark.parametrize(("node", "why"), STRANGERS)
def test_a_line_says_why_somebody_is_told_nothing(plane: Plane, node: str, why: str) -> None:
    before = plane.last()
    with client(plane, "delta-ads", node) as xds:
        assert names(xds.subscribed("cds")) == []
    told = [(each["node"], each["error"]) for each in plane.record(before) if each["event"] == "told"]
    assert told == [(node, f"{node} is told nothing of the mesh: {why}")]


def test_a_pod_that_was_there_before_its_manifest_is_told_all_as_soon_as_that_is_there(tmp_path: Path) -> None:
    folder, node = write_mesh(tmp_path), "sidecar~10.0.0.7~late.default"
    with running(folder, "--mesh", patience=300) as plane, client(plane, "delta-ads", node) as late:
        for kind in ("cds", "lds"):
            assert names(late.subscribed(kind)) == []
        write(folder / "late.yaml", f"{POD.format('late')}---\n{SERVICE.format('late', '10.1.0.7')}")
        assert "outbound|late|80" in names(late.took("cds"))
        late.subscribed("sds", [f"{IDENTITY}late", "authority"])
        late.subscribed("eds", [f"outbound|{each}|80" for each in ("back", "front", "late")])
        assert envoys(plane) == {node: False}, "the listeners that it has taken are those of before"
        assert "virtualInbound" in names(late.took("lds"))
        wait_for_envoys(plane, {node: True})


def test_others_learn_of_a_pod_once_it_can_be_asked_and_when_it_is_gone(plane: Plane) -> None:
    with client(plane, "delta-ads", FRONT) as front:
        front.subscribed("cds")
        assert addresses(front.subscribed("eds", ["outbound|back|80"])) == []
        with client(plane, "delta-ads", BACK) as back:
            take_part(back, "back")
            assert addresses(front.took("eds")) == ["10.0.0.2"]
            wait_for_envoys(plane, {FRONT: False, BACK: True})
        assert addresses(front.took("eds")) == []
        wait_for_envoys(plane, {FRONT: False})


def test_nobody_is_sent_to_a_pod_that_is_retired_though_it_is_there(plane: Plane) -> None:
    with client(plane, "delta-ads", FRONT) as front, client(plane, "delta-ads", BACK) as back:
        take_part(back, "back")
        wait_for_envoys(plane, {BACK: True})
        front.subscribed("cds")
        assert addresses(front.subscribed("eds", ["outbound|back|80"])) == ["10.0.0.2"]
        assert plane.api.post("/mesh/retire", json={"pod": "back-abc-x1"}).status_code == 200
        assert addresses(front.took("eds")) == []
        assert envoys(plane) == {FRONT: False, BACK: False}


def test_a_pod_stays_known_whose_stream_the_control_plane_ends(tmp_path: Path) -> None:
    with running(write_mesh(tmp_path), "--mesh", patience=300) as plane:
        cut_off(plane)


def cut_off(plane: Plane) -> None:
    with client(plane, "delta-ads", BACK) as back:
        take_part(back, "back")
        wait_for_envoys(plane, {BACK: True})
        plane.api.post("/streams/end", json={"status": "UNAVAILABLE"})
        assert back.ended()[0] == "UNAVAILABLE"
    with client(plane, "delta-ads", FRONT) as front:
        front.subscribed("cds")
        assert addresses(front.subscribed("eds", ["outbound|back|80"])) == ["10.0.0.2"]
        wait_for_envoys(plane, {BACK: True, FRONT: False})
        plane.api.put("/listening", json={"xds": False})
        assert front.ended()[0] in ("UNAVAILABLE", "CANCELLED")
    assert envoys(plane) == {BACK: True, FRONT: False}


def test_a_second_stream_that_ends_takes_nobody_away(plane: Plane) -> None:
    with client(plane, "delta-ads", BACK) as back:
        take_part(back, "back")
        start = plane.last()
        with client(plane, "delta-ads", BACK) as again:
            again.subscribed("cds")
        while "closed" not in (found := plane.events(after=start)):
            assert plane.record(start + len(found), wait=60)
        assert envoys(plane) == {BACK: True}


def test_a_wish_changes_what_it_is_about_alone(plane: Plane) -> None:
    with client(plane, "delta-ads", FRONT) as xds:
        xds.subscribed("cds")
        xds.subscribed("lds")
        version = plane.api.patch("/mesh", json={"outbound": "block"}).json()["version"]
        response = xds.took("lds")
        assert (response.system_version_info, names(response)) == (version, ["virtualOutbound"])
        settled = plane.api.get("/acknowledged", params={"version": version, "wait": 60}).json()
        assert settled["acknowledged"], settled
    assert plane.api.get("/mesh").json()["mesh"]["outbound"] == "block"


def test_a_rotation_sends_the_new_certificate_alone(plane: Plane) -> None:
    with client(plane, "delta-ads", FRONT) as front, client(plane, "delta-ads", BACK) as back:
        for xds, account in ((front, "front"), (back, "back")):
            take_part(xds, account)
        before = certificates(plane)
        assert plane.api.post("/mesh/rotate", json={"account": "back"}).json()["nodes"] == [BACK]
        assert names(back.took("sds")) == [f"{IDENTITY}back"]
        now = certificates(plane)
        assert {node for node in now if now[node] != before[node]} == {BACK}
        assert plane.api.post("/mesh/rotate").json()["nodes"] == [FRONT, BACK]
        assert names(front.took("sds")) == [f"{IDENTITY}front"]


def certificates(plane: Plane) -> dict[str, str]:
    return {each["node"]: each["certificate"] for each in plane.api.get("/mesh").json()["envoys"]}


def test_no_key_is_told(plane: Plane) -> None:
    with client(plane, "delta-ads", FRONT) as front:
        take_part(front, "front")
        for path in ("/mesh", "/snapshot", f"/snapshot?node={FRONT}", "/record", "/clients"):
            assert "PRIVATE KEY" not in plane.api.get(path).text


REFUSED: list[tuple[str, str, Any, str]] = [
    ("PATCH", "/mesh", {"outbound": "maybe"}, "mesh.yaml: outbound must be allow or block"),
    ("PUT", "/mesh", [], "mesh.yaml: the file must be a mapping"),
    ("PATCH", "/mesh", {"gateway": {"routes": [{"to": {"nobody": 1}}]}}, "no Service nobody; there are back, front"),
    ("POST", "/mesh/rotate", {"account": "nobody"}, "nobody here has the service account nobody"),
    ("POST", "/mesh/rotate", {"acount": "back"}, 'the body is {"account": NAME}'),
    ("POST", "/mesh/retire", {"pod": "nobody"}, "no Pod nobody is here"),
    ("POST", "/mesh/retire", None, 'the body is {"pod": NAME}'),
    ("POST", "/mesh/rotate", {"account": 1}, 'the body is {"account": NAME}'),
]


def test_what_cannot_be_is_refused_in_a_line_and_changes_nothing(plane: Plane) -> None:
    before = plane.api.get("/mesh").json()
    for method, path, body, told in REFUSED:
        answer = plane.api.request(method, path, json=body)
        assert (answer.status_code, told in answer.json()["error"]) == (400, True), answer.text
        assert "\n" not in answer.json()["error"]
    assert plane.api.get("/mesh").json() == before


def write(file: Path, text: str) -> None:
    """Whole: who reads it at any time finds what it was or what it becomes."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def test_a_change_of_the_folder_is_followed_and_a_wrong_one_told(plane: Plane, folder: Path) -> None:
    with client(plane, "delta-ads", FRONT) as xds:
        xds.subscribed("lds")
        wishes = folder / "mesh.yaml"
        good = wishes.read_text()
        write(wishes, good + "outbound: block\n")
        assert names(xds.took("lds")) == ["virtualOutbound"]
        seen = plane.record()[-1]["number"]
        write(wishes, "outbound: maybe")
        while not (told := [each for each in plane.record(seen, wait=60) if each["event"] == "told"]):
            pass
        assert "mesh.yaml: outbound must be allow or block" in told[0]["error"]
        write(wishes, good)
        assert names(xds.took("lds")) == ["virtualOutbound"]


def test_what_cannot_be_sent_is_not_in_force_and_who_comes_later_is_served(plane: Plane) -> None:
    before = plane.api.get("/mesh").json()
    no_text = b'{"gateway": {"hosts": ["\\ud800"]}}'  # half a character: JSON has it, Protobuf does not
    answer = plane.api.request("PATCH", "/mesh", content=no_text)
    assert (answer.status_code, "(rds gateway)" in answer.json()["error"]) == (400, True), answer.text
    assert plane.api.get("/mesh").json() == before
    with client(plane, "delta-ads", WAY_IN) as xds:
        assert names(xds.subscribed("lds")) == ["0.0.0.0_8080"]


def test_a_folder_that_is_wrong_from_the_start_ends_it_in_a_line(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match=r"takeover control-plane: .* has no mesh.yaml") as told,
        running(tmp_path, "--mesh"),
    ):
        pass
    assert "Traceback" not in str(told.value)
