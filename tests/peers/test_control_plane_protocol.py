"""What the control plane sends to whom and when, and how it takes what comes back: asked by clients of our own."""

import pytest

from tests.peers.control_plane import (
    Plane,
    client,
    cluster,
    endpoints,
    listener,
    names,
    routes,
)

BOTH = pytest.mark.parametrize("label", ["ads", "delta-ads"])


@BOTH
def test_who_asks_for_no_name_gets_every_cluster_and_listener(plane: Plane, label: str) -> None:
    version = plane.publish(cluster("a"), cluster("b"), listener("l", 1), endpoints("a", 1))
    with client(plane, label) as xds:
        for kind, expected in (("cds", ["a", "b"]), ("lds", ["l"])):
            xds.ask(kind)
            response = xds.next()
            assert sorted(names(response)) == expected
            assert (response.system_version_info if xds.is_delta else response.version_info) == version


@BOTH
def test_an_empty_answer_where_there_is_nothing_so_that_nobody_waits(plane: Plane, label: str) -> None:
    with client(plane, label) as xds:
        assert names(xds.subscribed("cds")) == []


@BOTH
def test_a_change_is_sent_to_who_subscribed_to_it_and_to_nobody_else(plane: Plane, label: str) -> None:
    before = plane.last()
    plane.publish(endpoints("a", 1), endpoints("b", 1))
    with client(plane, label) as xds, client(plane, label, "other") as other:
        assert names(xds.subscribed("eds", ["a"])) == ["a"]
        assert names(other.subscribed("eds", ["b"])) == ["b"]
        plane.change(endpoints("a", 2))
        assert names(xds.took("eds", ["a"])) == ["a"]
        plane.change(endpoints("b", 2))
        assert names(other.took("eds", ["b"])) == ["b"]
    sent = [(each["node"], each["names"]) for each in plane.record(before) if each["event"] == "response"]
    assert sent == [("client", ["a"]), ("other", ["b"]), ("client", ["a"]), ("other", ["b"])]


@BOTH
def test_the_record_tells_ack_from_nack_from_request(plane: Plane, label: str) -> None:
    before = plane.last()
    version = plane.publish(cluster("a"))
    with client(plane, label) as xds:
        first = xds.subscribed("cds")
        plane.record(before + 4, wait=60)
        plane.change(cluster("a", connect_timeout="2s"))
        second = xds.next()
        also = {} if xds.is_delta else {"version_info": version}
        xds.ask("cds", nonce=second.nonce, error="I will not", **also)
        xds.ask("eds", ["none"])
        while len(entries := plane.record(before)) < 9 + xds.is_delta:
            plane.record(entries[-1]["number"], wait=60)
    told = [(each["event"], each.get("nonce"), each.get("error")) for each in entries]
    assert told == [
        ("published", None, None),
        ("opened", None, None),
        ("request", None, None),
        ("response", first.nonce, None),
        ("ack", first.nonce, None),
        ("published", None, None),
        ("response", second.nonce, None),
        ("nack", second.nonce, "I will not"),
        ("request", None, None),
        *[("response", entries[-1].get("nonce"), None)] * xds.is_delta,  # of what does not exist, delta says so
    ]
    assert first.nonce != second.nonce
    assert [each["has_node"] for each in entries if "has_node" in each] == [True, False, False, False]


@BOTH
def test_versions_are_those_of_the_last_snapshot_that_changed_the_type(plane: Plane, label: str) -> None:
    plane.publish(cluster("a"), routes("r", "a"), version="one")
    plane.change(routes("r", "b"), version="two")
    with client(plane, label) as xds:
        xds.ask("cds")
        xds.ask("rds", ["r"])
        found = [xds.next(), xds.next()]
    versions = [each.system_version_info if xds.is_delta else each.version_info for each in found]
    assert versions == ["one", "two"]
    if xds.is_delta:
        assert [each.resources[0].version for each in found] == ["one", "two"]


@BOTH
def test_the_node_may_be_named_once_and_has_its_own_snapshot(plane: Plane, label: str) -> None:
    plane.publish(cluster("for-all"))
    plane.publish(cluster("for-one"), node="special")
    with client(plane, label, "special") as special, client(plane, label) as usual:
        assert names(special.subscribed("cds")) == ["for-one"]
        assert names(usual.subscribed("cds")) == ["for-all"]
        plane.change(cluster("more"), node="special")
        assert "more" in names(special.took("cds"))
    assert plane.api.get("/snapshot", params={"node": "special"}).json()["types"][cluster("a")["@type"]][
        "resources"
    ].keys() == {"for-one", "more"}


def test_who_polls_gets_what_it_names_or_all_of_a_type_that_is_told_whole(plane: Plane) -> None:
    version = plane.publish(cluster("a"), cluster("b"), routes("r", "a"), routes("s", "a"))

    def polled(kind: str, *wanted: str) -> list[str]:
        answer = plane.api.post(f"/v3/discovery:{kind}", json={"node": {"id": "n"}, "resource_names": wanted})
        assert (answer.status_code, answer.json()["version_info"]) == (200, version)
        return [each["name"] for each in answer.json()["resources"]]

    assert (polled("clusters"), polled("clusters", "b"), polled("routes")) == (["a", "b"], ["b"], [])
    assert polled("routes", "s", "never") == ["s"]
    assert "no DiscoveryRequest" in plane.api.post("/v3/discovery:routes", json={"resource_names": 1}).json()["error"]
