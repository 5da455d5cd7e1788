"""The folder that the control plane serves, resources that are wrong, and how the program starts and ends."""

import base64
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from takeover.engines.images import PEERS_FOLDER
from takeover.peers.control_plane.discovery import url_of
from tests.peers.control_plane import LOOPBACK, Json, Plane, client, cluster, listener, running, start

PROGRAM = [sys.executable, "-B", str(PEERS_FOLDER / "control_plane")]


def write(file: Path, *resources: Json, **also: str) -> None:
    """As whoever writes a file whole: it is there at once."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"resources": resources, **also}))
    new.replace(file)


def in_force(plane: Plane) -> tuple[str, list[str]]:
    told = plane.api.get("/snapshot").json()
    return told["version"], sorted(name for each in told["types"].values() for name in each["resources"])


def published(plane: Plane, after: int) -> None:
    while "published" not in (found := plane.events(after=after)):
        assert plane.record(after + len(found), wait=60), "no publication"


def test_all_files_are_one_snapshot_and_a_change_is_the_next_one(tmp_path: Path) -> None:
    write(tmp_path / "cds.yaml", cluster("a"))
    write(tmp_path / "more.json", cluster("b"), listener("l", 1))
    (tmp_path / "notes.txt").write_text("no resource")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    with running(tmp_path) as plane:
        assert in_force(plane) == ("1", ["a", "b", "l"])
        before = plane.last()
        write(tmp_path / "cds.yaml", cluster("c"), version_info="by-hand")
        published(plane, before)
        assert in_force(plane) == ("by-hand", ["b", "c", "l"])
        before = plane.last()
        (tmp_path / "cds.yaml").unlink()
        published(plane, before)
        assert in_force(plane)[1] == ["b", "l"]


def test_a_config_map_that_is_swapped_is_followed(tmp_path: Path) -> None:
    """As the kubelet does it: `..data` becomes a link to another folder, in one step."""
    folder = tmp_path / "mounted"
    for name, resource in (("..one", cluster("a")), ("..two", cluster("b"))):
        (folder / name).mkdir(parents=True)
        write(folder / name / "cds.yaml", resource)
    (folder / "..data").symlink_to("..one")
    (folder / "cds.yaml").symlink_to("..data/cds.yaml")
    with running(folder) as plane:
        assert in_force(plane)[1] == ["a"]
        before = plane.last()
        (folder / "..next").symlink_to("..two")
        (folder / "..next").replace(folder / "..data")
        published(plane, before)
        assert in_force(plane)[1] == ["b"]


def test_a_file_that_becomes_wrong_is_told_and_the_last_good_snapshot_stays(tmp_path: Path) -> None:
    write(tmp_path / "cds.yaml", cluster("a"))
    with running(tmp_path) as plane:
        before = plane.last()
        write(tmp_path / "cds.yaml", cluster("b", nonsense=1))
        [told] = plane.record(before, wait=60)
        assert told["event"] == "told"
        assert told["error"].startswith(f"{tmp_path}/cds.yaml: resources[0] (cds b): ")
        assert '"nonsense"' in told["error"]
        assert in_force(plane) == ("1", ["a"])
        write(tmp_path / "cds.yaml", cluster("b"))
        published(plane, before)
        assert in_force(plane)[1] == ["b"]


@pytest.mark.parametrize(
    "text",
    [
        "{resources: [], version_info: 2024-99-99}",
        "resources: [&itself {'@type': cds, name: a, load_assignment: *itself}]",
    ],
)
def test_the_folder_is_still_watched_after_a_mistake_of_any_kind(tmp_path: Path, text: str) -> None:
    write(tmp_path / "cds.yaml", cluster("a"))
    with running(tmp_path) as plane:
        before = plane.last()
        new = tmp_path / "cds.new"
        new.write_text(text)
        new.replace(tmp_path / "cds.yaml")
        [told] = plane.record(before, wait=60)
        assert (told["event"], in_force(plane)) == ("told", ("1", ["a"]))
        write(tmp_path / "cds.yaml", cluster("b"))
        published(plane, before)
        assert in_force(plane)[1] == ["b"]


def test_a_file_that_is_served_when_asked_is_served_as_it_is_then(tmp_path: Path) -> None:
    write(tmp_path / "cds.yaml", cluster("a"))
    with running(tmp_path) as plane:
        for name in ("b", "c"):
            write(tmp_path / "later.yaml", cluster(name), served="when-asked")
            assert plane.api.patch("/snapshot", json={"files": ["later.yaml"]}).status_code == 200
        assert in_force(plane)[1] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "cds.yaml: line 2: while parsing"),
        ("[]", "cds.yaml: no object with resources"),
        ("{}", "cds.yaml: resources is no list"),
        ("resources: [{name: a}]", 'cds.yaml: resources[0] has no "@type"'),
        ("resources: [{'@type': nds, name: a}]", "resources[0]: no type nds; there are rtds, sds, cds"),
        ("resources: [{'@type': cds}]", "resources[0] (cds) has no name"),
        ("resources: [{'@type': cds, name: a}, {'@type': cds, name: a}]", "a is there twice"),
        (
            "resources: [{'@type': envoy.foo.v3.Bar, name: a}]",
            "no message envoy.foo.v3.Bar in the installed xds-protos",
        ),
        ("{resources: [], served: later}", "cds.yaml: served is when-asked, or is left out, not later"),
        ("{resources: [], version_info: 2024-99-99}", "cds.yaml: month must be in 1..12"),
        (
            "resources: [&itself {'@type': cds, name: a, load_assignment: *itself}]",
            "cds.yaml: line 1: alias *itself stands for nothing that is complete before it",
        ),
        ("resources: " + "[" * 100_000, "cds.yaml: line 1: nested more than 100 levels deep: write it flatter"),
        ("resources: []\n---\nresources: []", "cds.yaml: must hold one YAML document, not 2"),
        (None, "No such file or directory"),
    ],
)
def test_what_is_wrong_at_the_start_ends_it_with_a_line(tmp_path: Path, text: str | None, said: str) -> None:
    folder = tmp_path / "folder"
    if text is not None:
        folder.mkdir()
        (folder / "cds.yaml").write_text(text)
    ended = subprocess.run([*PROGRAM, str(folder)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"takeover control-plane: {folder}")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_told_in_a_line(tmp_path: Path, plane: Plane) -> None:
    for option, port in (("--xds-port", plane.xds.rpartition(":")[2]), ("--api-port", str(plane.api.base_url.port))):
        other = "--api-port" if option == "--xds-port" else "--xds-port"
        command = [*PROGRAM, str(tmp_path), "--address", LOOPBACK, option, port, other, "0"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 2
        assert port in ended.stderr
        assert "Traceback" not in ended.stderr


WRONG: list[tuple[dict[str, Any], str]] = [
    (cluster("a", nonsense=1), '(cds a): Message type "envoy.config.cluster.v3.Cluster" has no field named "nonsense"'),
    (cluster("a", lb_policy="NONE"), "Invalid enum value NONE"),
    (cluster("a", load_assignment={"endpoints": [{"oops": 1}]}), 'at "Cluster.load_assignment.endpoints[0]"'),
    (
        cluster("a", transport_socket={"name": "x", "typed_config": {"@type": "t/envoy.no.v3.Such"}}),
        "Can not find message descriptor by type_url: t/envoy.no.v3.Such at Cluster.transport_socket.typed_config",
    ),
    (cluster("a", connect_timeout={}), "(cds a): "),
    ({"@type": url_of("cds"), "@bytes": "no base64!"}, "@bytes is no base64"),
    ({"@type": "a.b.v3.C", "@bytes": ""}, 'say its "name" beside @bytes'),
]


@pytest.mark.parametrize(("resource", "said"), WRONG, ids=range(len(WRONG)))
def test_a_resource_that_is_wrong_is_refused_with_the_place(plane: Plane, resource: Json, said: str) -> None:
    answer = plane.api.put("/snapshot", json={"resources": [cluster("right"), resource]})
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["error"]
    assert "resources[1]" in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert in_force(plane)[1] == []


def test_raw_bytes_are_sent_as_they_are(plane: Plane) -> None:
    raw = b"\x0a\x01a\xfa\xff\x7f\x01x"  # name: "a", and a field that nobody knows
    plane.publish({"@type": "cds", "@bytes": base64.b64encode(raw).decode()})
    [resource] = plane.api.get("/resources").json()["resources"]
    assert base64.b64decode(resource["@bytes"]) == raw
    plane.publish(resource)
    assert in_force(plane)[1] == ["a"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_in_order_while_somebody_is_connected(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process, plane = start(tmp_path)
    with process, plane.api, client(plane) as xds:
        xds.subscribed("cds")
        assert plane.api.get("/ready").status_code == 200
        process.send_signal(number)
        assert process.wait(60) == code
        assert xds.ended()[0] in ("UNAVAILABLE", "CANCELLED")
        assert process.communicate()[1] == ""
