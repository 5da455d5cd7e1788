"""What the control plane does wrong when it is told to, and that it does all right again afterwards."""

import re
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import DecodeError

from takeover.peers.control_plane.behaviour import DOES
from takeover.peers.control_plane.discovery import url_of
from tests.peers.control_plane import Plane, client, cluster, endpoints, names

BOTH = pytest.mark.parametrize("label", ["ads", "delta-ads"])


def rule(does: str, **also: object) -> dict[str, object]:
    return {"type": "cds", "does": does, "times": 1, **also}


def test_what_it_can_do_is_tested_here() -> None:
    tested = {"silent", "end", "garbage", "wrong-type", "duplicate-names", "stale-nonce", "no-nonce", "empty"}
    assert set(DOES) == tested | {"unasked", "as-given"}


def test_the_documentation_has_all_that_it_does_and_is_asked(plane: Plane) -> None:
    text = (Path(__file__).parents[2] / "docs/control-plane.md").read_text()
    assert [each for each in DOES if f"`{each}`" not in text] == []
    there = re.search("; there is (.*)", plane.api.get("/nowhere").json()["error"])
    assert there
    assert [each for each in there[1].split(", ") if each not in text] == []


@BOTH
def test_no_answer(plane: Plane, label: str) -> None:
    plane.publish(cluster("a"), version="one")
    plane.behave(rule("silent"))
    before = plane.last()
    with client(plane, label) as xds:
        xds.ask("cds")
        plane.record(before + 2, wait=60)
        version = plane.change(cluster("b"), version="two")
        response = xds.took("cds")
        assert "b" in names(response), "what was lost is not sent again, what comes after it is"
        assert plane.acknowledged(version)
    told = [(each["event"], each.get("version"), each.get("does")) for each in plane.record(before)]
    assert ("told", "one", "silent") in told
    assert [version for _, version, _ in plane.sent(before)] == ["two"]


@BOTH
def test_the_stream_ends_instead(plane: Plane, label: str) -> None:
    plane.behave(rule("end", status="RESOURCE_EXHAUSTED"))
    with client(plane, label) as xds:
        xds.ask("cds")
        assert xds.ended() == ("RESOURCE_EXHAUSTED", "ended as a rule says")
    with client(plane, label) as xds:
        xds.subscribed("cds")


def test_bytes_that_are_no_message(plane: Plane) -> None:
    plane.behave(rule("garbage"))
    with client(plane) as xds:
        xds.ask("cds")
        with pytest.raises(DecodeError):
            xds.next()


@BOTH
def test_resources_of_another_type(plane: Plane, label: str) -> None:
    plane.publish(cluster("a"))
    plane.behave(rule("wrong-type"))
    with client(plane, label) as xds:
        response = xds.subscribed("cds")
        [resource] = response.resources
        packed = resource.resource if xds.is_delta else resource
        assert (response.type_url, packed.type_url) == (url_of("cds"), url_of("lds"))


@BOTH
def test_a_name_twice(plane: Plane, label: str) -> None:
    plane.publish(cluster("a"), cluster("b"))
    plane.behave(rule("duplicate-names"))
    with client(plane, label) as xds:
        assert names(xds.subscribed("cds")) == ["a", "a", "b"]


@BOTH
def test_an_old_nonce_and_none(plane: Plane, label: str) -> None:
    with client(plane, label) as xds:
        first = xds.subscribed("cds")
        plane.behave(rule("stale-nonce"), rule("no-nonce"))
        plane.publish(cluster("a"))
        assert xds.next().nonce == first.nonce
        plane.publish(cluster("b"))
        assert xds.next().nonce == ""
        plane.publish(cluster("c"))
        assert xds.next().nonce not in ("", first.nonce)


@BOTH
def test_no_resources_and_those_that_nobody_asked_for(plane: Plane, label: str) -> None:
    plane.publish(endpoints("a", 1), endpoints("b", 1))
    plane.behave(rule("empty", type="eds"), rule("unasked", type="eds"))
    with client(plane, label) as xds:
        assert names(xds.subscribed("eds", ["a"])) == []
        plane.change(endpoints("a", 2))
        assert sorted(names(xds.took("eds", ["a"]))) == ["a", "b"]


@BOTH
def test_a_response_as_given(plane: Plane, label: str) -> None:
    given = {"version": "v", "nonce": "n", "type_url": "lds", "resources": [cluster("given")], "removed": ["gone"]}
    plane.behave(rule("as-given", **given))
    with client(plane, label) as xds:
        xds.ask("cds")
        response = xds.next()
        assert (response.nonce, response.type_url, names(response)) == ("n", url_of("lds"), ["given"])
        assert (list(response.removed_resources) if xds.is_delta else response.version_info) == (
            ["gone"] if xds.is_delta else "v"
        )


def test_a_rule_concerns_its_type_its_node_and_so_many_responses(plane: Plane) -> None:
    plane.publish(cluster("a"), endpoints("a", 1))
    plane.behave(rule("empty", times=2, node="one"))
    with client(plane, node="one") as one, client(plane, node="other") as other:
        assert names(one.subscribed("eds", ["a"])) == ["a"]
        assert names(other.subscribed("cds")) == ["a"]
        assert names(one.subscribed("cds")) == []
        for expected in ([], ["a"]):
            plane.api.post("/resend", json={"types": ["cds"], "node": "one"})
            assert names(one.took("cds")) == expected
    assert [each["does"] for each in plane.record() if "does" in each][-2:] == ["empty", "empty"]


@BOTH
@pytest.mark.parametrize("status", ["UNAVAILABLE", "INTERNAL", "OK"])
def test_all_streams_end_with_a_status(plane: Plane, label: str, status: str) -> None:
    with client(plane, label) as xds:
        xds.subscribed("cds")
        own = [each["stream"] for each in plane.record() if each["event"] == "response"][-1]
        ended = plane.api.post("/streams/end", json={"status": status, "details": "enough"}).json()["ended"]
        assert ended >= 1, "and those of clients that have just gone"
        assert xds.ended() == (status, "" if status == "OK" else "enough")
    assert plane.first("closed", own)["error"] == status  # the client may know of it before the record does


def test_away_refuses_connections_and_its_api_goes_on(plane: Plane) -> None:
    with client(plane) as xds:
        xds.subscribed("cds")
        assert plane.api.put("/listening", json={"xds": False}).json() == {"xds": False}
        assert xds.ended()[0] == "UNAVAILABLE"
        with client(plane) as refused:
            refused.ask("cds")
            status, details = refused.ended()
            assert status == "UNAVAILABLE"
            assert "Connection refused" in details
        plane.publish(cluster("meanwhile"))
        plane.api.put("/listening", json={"xds": True})
    with client(plane) as again:
        grpc.channel_ready_future(grpc.insecure_channel(plane.xds)).result(10)
        assert names(again.subscribed("cds")) == ["meanwhile"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rules": [{"does": "nonsense"}]}, "a rule does one of silent, end,"),
        ({"rulez": []}, "the behaviour has no rulez; it has rules, order, wait, hold"),
        ([], "the behaviour is no object"),
        ({"rules": 3}, "rules is no list"),
        ({"hold": ["cds", "nds"]}, "nds"),
        ({"rules": [{"does": "silent", "times": "often"}]}, "times"),
        ({"rules": [{"does": "end", "status": "BAD"}]}, "no gRPC status BAD"),
    ],
)
def test_what_it_cannot_do_is_told_in_one_line(plane: Plane, wrong: object, said: str) -> None:
    answer = plane.api.put("/behaviour", json=wrong)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
