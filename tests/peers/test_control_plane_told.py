"""What the control plane tells of what was said, the same lines every time; and what it waits for when asked to."""

import json
from pathlib import Path

import pytest

from takeover.peers.control_plane.telling import exchanged, without_chance
from tests.peers.control_plane import Json, Plane, client, cluster, running


def told(plane: Plane) -> list[str]:
    said: list[str] = plane.api.get("/told").json()["said"]
    return said


@pytest.mark.parametrize("label", ["ads", "delta-ads"])
def test_it_tells_what_was_said_since_it_was_asked_last(plane: Plane, label: str) -> None:
    version = plane.publish(cluster("a"))
    told(plane)
    with client(plane, label) as xds:
        xds.subscribed("cds")
        assert told(plane) == [
            f"{label} opened",
            f"{label} cds request with-node",
            f"{label} cds response {version} names=a",
            f"{label} cds ack {version}",
        ]
        changed = plane.change(cluster("a", connect_timeout="2s"))
        response = xds.next()
        also = {} if xds.is_delta else {"version_info": version}
        xds.ask("cds", nonce=response.nonce, error="I will not", **also)
        refused = changed if xds.is_delta else version  # by state of the world it names the one that it has
        assert told(plane) == [f"{label} cds response {changed} names=a", f"{label} cds nack {refused} I will not"]
        assert told(plane) == []


@pytest.mark.parametrize("mark", ["debugonly    ", "debugproto \n", "debugstr   "])
def test_a_refusal_is_told_without_what_protobuf_puts_into_it_by_chance(plane: Plane, mark: str) -> None:
    version = plane.publish(cluster("a"))
    with client(plane, "ads") as xds:
        xds.subscribed("cds")
        plane.change(cluster("a", connect_timeout="2s"))
        told(plane)
        xds.ask("cds", nonce=xds.next().nonce, version_info=version, error=f"no: goo.gle/{mark}name:  a\n  b")
        refused = [each.partition(" no: ")[2] for each in told(plane) if " nack " in each]
        assert refused == ["goo.gle/debug name: a\n  b"]


def test_what_only_looks_like_chance_stays() -> None:
    text = "goo.gle/debug is a place\n    of four blanks"
    assert without_chance(text) == text


def entry(stream: int, event: str, kind: str = "", **also: object) -> Json:
    return {"stream": stream, "method": "cds", "event": event, "type": kind, **also}


def lines(*entries: Json) -> list[str]:
    return exchanged(json.dumps(each).encode() for each in entries)


def test_streams_that_race_are_told_in_one_order() -> None:
    of_a = [entry(1, "opened"), entry(1, "request", "x/a", names=["a"])]
    of_b = [entry(2, "opened"), entry(2, "request", "x/a", names=["b"])]
    expected = ["cds opened", "cds a request names=a", "cds opened", "cds a request names=b"]
    assert lines(*of_a, *of_b) == lines(of_b[0], of_a[0], of_b[1], of_a[1]) == expected


def test_types_of_a_stream_that_race_are_told_in_one_order() -> None:
    of_types = [entry(1, "request", "x/a"), entry(1, "request", "x/b")]
    assert lines(*of_types) == lines(*reversed(of_types)) == ["cds a request", "cds b request"]


def test_messages_of_both_sides_that_race_are_told_in_one_order() -> None:
    asked, answered, taken = (entry(1, event, "x/a") for event in ("request", "response", "ack"))
    assert lines(asked, answered, taken, asked, answered, taken) == lines(
        asked, asked, answered, answered, taken, taken
    )


def test_a_loop_is_told_however_long_it_was() -> None:
    again = [entry(1, "request", "x/a"), entry(1, "ack", "x/a")]
    assert lines(*again * 100) == lines(*again * 1000)
    told = lines(*again * 100)
    assert [each for each in told if "again" in each] == [
        "cds a request (again and again)",
        "cds a ack (again and again)",
    ]


def test_a_change_that_is_waited_for_says_whether_it_was_taken(plane: Plane) -> None:
    plane.publish(cluster("a"))
    with client(plane) as xds:
        xds.subscribed("cds")
        body = {"set": [cluster("b")], "wait": 0.05}
        answer = plane.api.patch("/snapshot", json=body).json()
        assert (answer["acknowledged"], answer["error"]) == (False, "")
        xds.took("cds")
        assert plane.acknowledged(answer["version"])
        answer = plane.api.patch("/snapshot", json={"remove": [{"type": "eds", "name": "none"}], "wait": 5})
        assert answer.status_code == 400
        answer = plane.api.patch("/snapshot", json={"wait": 5}).json()
        assert answer["acknowledged"] is True


def test_a_wait_that_is_none_is_refused(plane: Plane) -> None:
    before = plane.api.get("/snapshot").json()["version"]
    for wrong in (-1, "long", True):
        answer = plane.api.patch("/snapshot", json={"set": [cluster("a")], "wait": wrong})
        assert answer.json() == {"error": f"wait is no number of seconds: {wrong}"}
    for endless in ("NaN", "Infinity", "1e999"):
        answer = plane.api.request("PATCH", "/snapshot", content=f'{{"wait": {endless}}}'.encode())
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("wait is no number of seconds: ")
    assert plane.api.get("/snapshot").json()["version"] == before


@pytest.mark.parametrize("wrong", ["-1", "nan", "inf", "1e999", "long"])
@pytest.mark.parametrize("path", ["/record?after=", "/record?wait=", "/acknowledged?version=1&wait=", "/told?within="])
def test_a_number_of_a_query_that_is_none_is_refused(plane: Plane, path: str, wrong: str) -> None:
    answer = plane.api.get(path + wrong)
    assert (answer.status_code, "is no number from 0 on: " in answer.json()["error"]) == (400, True), answer.text


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/snapshot", b"[" * 100_000, "the body is no JSON: "),
        ("/behaviour", b'{"rules": [{"does": ["silent"]}]}', "does is no text: "),
    ],
)
def test_a_body_of_another_shape_is_refused(plane: Plane, path: str, body: bytes, said: str) -> None:
    answer = plane.api.put(path, content=body)
    assert (answer.status_code, answer.json()["error"][: len(said)]) == (400, said)


def test_who_ends_streams_may_wait_until_they_are_back(plane: Plane) -> None:
    with client(plane) as first:
        first.subscribed("cds")
        assert plane.api.post("/streams/end", json={"wait": 0.05}).json() == {"ended": 1, "back": False}
        assert first.ended()[0] == "UNAVAILABLE"


def test_a_file_that_is_served_when_asked_is_not_served_before(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text(json.dumps({"resources": [cluster("a")]}))
    (tmp_path / "later.yaml").write_text(json.dumps({"served": "when-asked", "resources": [cluster("b")]}))
    with running(tmp_path) as plane:

        def names() -> list[str]:
            types = plane.api.get("/snapshot").json()["types"]
            return sorted(name for each in types.values() for name in each["resources"])

        assert names() == ["a"]
        assert plane.api.patch("/snapshot", json={"files": ["later.yaml"]}).status_code == 200
        assert names() == ["a", "b"]
        answer = plane.api.patch("/snapshot", json={"files": ["first.yaml"]})
        assert answer.json() == {"error": "no file first.yaml that is served when-asked; there are: later.yaml"}
