"""What a client subscribes to and leaves, what is there no more, and what is known after a reconnect."""

import pytest

from tests.peers.control_plane import Client, Plane, client, cluster, endpoints, names

BOTH = pytest.mark.parametrize("label", ["ads", "delta-ads"])
QUIET = 0.2
"""Seconds in which what must not come would have come."""


def nothing_is_sent(plane: Plane, after: int) -> bool:
    """Whether no response was sent, a question to another type having been answered since."""
    plane.record(plane.last(), wait=QUIET)
    return not [kind for kind, _, _ in plane.sent(after) if kind != "lds"]


def test_the_whole_state_without_what_is_gone_and_none_at_all(plane: Plane) -> None:
    plane.publish(cluster("a"), cluster("b"))
    with client(plane) as xds:
        assert sorted(names(xds.subscribed("cds"))) == ["a", "b"]
        plane.change(remove=[{"type": "cds", "name": "a"}])
        assert names(xds.took("cds")) == ["b"]
        plane.publish()
        assert names(xds.took("cds")) == []


def test_endpoints_that_are_gone_are_no_answer_by_state_of_the_world(plane: Plane) -> None:
    plane.publish(endpoints("a", 1), endpoints("b", 1))
    with client(plane) as xds:
        xds.subscribed("eds", ["a", "b"])
        before = plane.last()
        plane.change(remove=[{"type": "eds", "name": "a"}])
        assert nothing_is_sent(plane, before)


def test_by_delta_what_changed_alone_and_what_is_gone_by_its_name(plane: Plane) -> None:
    plane.publish(endpoints("a", 1), endpoints("b", 1))
    with client(plane, "delta-ads") as xds:
        assert sorted(names(xds.subscribed("eds", ["a", "b", "never"]))) == ["a", "b"]
        plane.change(endpoints("b", 2))
        changed = xds.took("eds")
        assert (names(changed), list(changed.removed_resources)) == (["b"], [])
        plane.change(remove=[{"type": "eds", "name": "a"}])
        gone = xds.took("eds")
        assert (names(gone), list(gone.removed_resources)) == ([], ["a"])


def test_by_delta_what_does_not_exist_is_said_at_once(plane: Plane) -> None:
    with client(plane, "delta-ads") as xds:
        assert list(xds.subscribed("eds", ["never"]).removed_resources) == ["never"]


@BOTH
def test_who_leaves_a_name_gets_it_no_more_and_who_asks_again_gets_it_again(plane: Plane, label: str) -> None:
    plane.publish(endpoints("a", 1), endpoints("b", 1))
    with client(plane, label) as xds:
        response = xds.subscribed("eds", ["a", "b"])
        before = plane.last()
        if xds.is_delta:
            xds.ask("eds", resource_names_unsubscribe=["a"])
        else:
            xds.ask("eds", ["b"], response.nonce, version_info=response.version_info)
        plane.record(before + 1, wait=5)
        plane.change(endpoints("a", 2))
        assert nothing_is_sent(plane, before)
        if xds.is_delta:
            xds.ask("eds", ["a"])
            assert names(xds.took("eds")) == ["a"]
        else:
            xds.ask("eds", ["a", "b"], response.nonce, version_info=response.version_info)
            assert sorted(names(xds.took("eds", ["a", "b"]))) == ["a", "b"]


def test_who_asks_for_the_same_once_more_gets_it_once_more(plane: Plane) -> None:
    """A cluster that warms again waits for its endpoints again."""
    plane.publish(endpoints("a", 1))
    with client(plane) as xds:
        response = xds.subscribed("eds", ["a"])
        xds.ask("eds", ["a"], response.nonce, version_info=response.version_info)
        assert names(xds.took("eds", ["a"])) == ["a"]
    with client(plane, "delta-ads") as xds:
        xds.subscribed("eds", ["a"])
        xds.ask("eds", ["a"])
        assert names(xds.took("eds")) == ["a"]


def test_an_answer_to_an_old_response_changes_no_subscription(plane: Plane) -> None:
    plane.publish(endpoints("a", 1), endpoints("b", 1))
    with client(plane) as xds:
        xds.ask("eds", ["a"])
        first = xds.next()
        plane.change(endpoints("a", 2))
        second = xds.next()
        before = plane.last()
        xds.ask("eds", ["a", "b"], first.nonce, version_info=first.version_info)
        xds.ack("eds", second, ["a"])
        while len(entries := plane.record(before)) < 2:
            plane.record(before + len(entries), wait=60)
        assert [(each["event"], each.get("is_stale", False)) for each in entries] == [("ack", True), ("ack", False)]
        assert nothing_is_sent(plane, before)


@BOTH
def test_wildcard_by_its_name_and_a_name_beside_it(plane: Plane, label: str) -> None:
    plane.publish(cluster("a"), cluster("b"))
    with client(plane, label) as xds:
        assert names(xds.subscribed("cds", ["a"])) == ["a"]
        xds.ask("cds", ["*", "a"] if label == "ads" else ["*"])
        assert "b" in names(xds.took("cds", ["*", "a"]))


def reconnected(xds: Client, version: str) -> None:
    """Says what Envoy says after a reconnect: it has the cluster "a" of that version."""
    if xds.is_delta:
        xds.ask("cds", initial_resource_versions={"a": version})
    else:
        xds.ask("cds", version_info=version)
    xds.ask("lds")
    xds.took("lds")


@BOTH
def test_after_a_reconnect_what_it_has_already_is_not_sent_again(plane: Plane, label: str) -> None:
    version = plane.publish(cluster("a"), version="known")
    with client(plane, label) as xds:
        xds.subscribed("cds")
        assert plane.acknowledged(version)
    before = plane.last()
    with client(plane, label) as again:
        reconnected(again, version)
        assert nothing_is_sent(plane, before)
        plane.change(cluster("b"))
        assert "b" in names(again.took("cds"))


@BOTH
def test_after_a_reconnect_what_only_claims_to_be_known_is_sent(plane: Plane, label: str) -> None:
    """Another control plane counted its versions from 1, too."""
    version = plane.publish(cluster("a"), version="1")
    with client(plane, label, node="never-seen") as again:
        if again.is_delta:
            again.ask("cds", initial_resource_versions={"a": version})
        else:
            again.ask("cds", version_info=version)
        assert names(again.took("cds")) == ["a"]


@pytest.mark.parametrize("kind", ["cds", "lds", "srds"])
def test_after_a_reconnect_to_another_control_plane_what_it_has_not_is_gone(plane: Plane, kind: str) -> None:
    """It counted its versions from 1, too, and has nothing of that type: who is told nothing would keep what was."""
    version = plane.publish(version="1")
    with client(plane, node=f"never-seen-{kind}") as again:
        again.ask(kind, version_info=version)
        assert names(again.took(kind)) == []


def test_after_a_reconnect_what_went_meanwhile_is_gone_though_the_version_is_the_same(plane: Plane) -> None:
    version = plane.publish(cluster("a"), cluster("b"), version="by-hand")
    with client(plane) as xds:
        xds.subscribed("cds")
        assert plane.acknowledged(version)
    plane.publish(cluster("a"), version=version)
    with client(plane) as again:
        again.ask("cds", version_info=version)
        assert names(again.took("cds")) == ["a"]


def test_after_a_reconnect_by_delta_nothing_is_sent_again_of_what_came_by_several_responses(plane: Plane) -> None:
    plane.publish(cluster("a"), version="first")
    with client(plane, "delta-ads") as xds:
        xds.subscribed("cds")
        version = plane.change(cluster("b"), version="second")
        assert names(xds.took("cds")) == ["b"]
        assert plane.acknowledged(version)
    before = plane.last()
    with client(plane, "delta-ads") as again:
        again.ask("cds", initial_resource_versions={"a": "first", "b": "second"})
        again.ask("lds")
        again.took("lds")
        assert nothing_is_sent(plane, before)


def test_after_a_reconnect_by_delta_what_is_gone_is_removed(plane: Plane) -> None:
    plane.publish(cluster("b"))
    with client(plane, "delta-ads") as again:
        again.ask("cds", initial_resource_versions={"a": "old"})
        response = again.took("cds")
        assert (names(response), list(response.removed_resources)) == (["b"], ["a"])


def test_time_to_live(plane: Plane) -> None:
    wrapper = {
        "@type": "type.googleapis.com/envoy.service.discovery.v3.Resource",
        "ttl": "1.5s",
        "resource": endpoints("a", 1),
    }
    plane.publish(wrapper)
    with client(plane) as xds:
        [packed] = xds.subscribed("eds", ["a"]).resources
        assert packed.type_url == wrapper["@type"]
    with client(plane, "delta-ads") as xds:
        [resource] = xds.subscribed("eds", ["a"]).resources
        assert (resource.name, resource.ttl.ToMilliseconds()) == ("a", 1500)


def test_a_collection_has_all_whose_urls_are_directly_below_its_own(plane: Plane) -> None:
    place = "xdstp://fleet.test/envoy.config.cluster.v3.Cluster/edge"
    plane.publish(cluster(f"{place}/a?zone=z"), cluster(f"{place}/b"), cluster(f"{place}/deep/c?zone=z"), cluster("d"))
    with client(plane, "delta-ads") as xds:
        assert names(xds.subscribed("cds", [f"{place}/*?zone=z"])) == [f"{place}/a?zone=z"]
        plane.change(cluster(f"{place}/e?zone=z"), remove=[{"type": "cds", "name": f"{place}/a?zone=z"}])
        changed = xds.took("cds")
        assert (names(changed), list(changed.removed_resources)) == ([f"{place}/e?zone=z"], [f"{place}/a?zone=z"])
        before = plane.last()
        xds.ask("cds", resource_names_unsubscribe=[f"{place}/*?zone=z"])
        xds.subscribed("lds")  # by then it has taken what was asked before
        plane.change(cluster(f"{place}/f?zone=z"))
        assert nothing_is_sent(plane, before)
    with client(plane, "delta-ads") as xds:
        assert names(xds.subscribed("cds")) == ["d"]
        assert list(xds.subscribed("eds", [f"{place}/*"]).removed_resources) == [f"{place}/*"]


def test_what_has_no_name_of_its_own_has_that_of_the_resource_around_it(plane: Plane) -> None:
    kind, place = "envoy.config.endpoint.v3.LbEndpoint", "xdstp://fleet.test/envoy.config.endpoint.v3.LbEndpoint/app"
    outer = {"@type": "envoy.service.discovery.v3.Resource", "resource": {"@type": kind, "endpoint": {}}}
    plane.publish({**outer, "name": f"{place}/a"})
    with client(plane, "delta-ads") as xds:
        response = xds.subscribed(kind, [f"{place}/*"])
        assert [each.name for each in response.resources] == [f"{place}/a"]
    assert "has no name" in plane.api.put("/snapshot", json={"resources": [outer]}).json()["error"]
