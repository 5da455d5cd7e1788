"""xDS, message by message: what is away, by state of the world and by delta."""

import pytest

from fixtures.xds import V1, Managed
from takeover.suite.control_plane import ControlPlane, Rule

pytestmark = [pytest.mark.xds, pytest.mark.scenario("xds-protocol")]

STATE_OF_THE_WORLD = pytest.mark.parametrize("envoy", ["sotw"], indirect=True)
DELTA = pytest.mark.parametrize("envoy", ["delta"], indirect=True)


def test_what_is_no_longer_served_is_deleted(envoy: Managed) -> None:
    more = [
        envoy.cluster("other"),
        envoy.endpoints("other"),
        envoy.listener("other", 8081),
        envoy.routes("other", "other"),
    ]
    envoy.take(*more)
    envoy.await_answer(V1, 8081)
    assert envoy.counter("cluster_manager.active_clusters") == 3
    envoy.take()

    for of in ("cds", "lds"):
        sent = envoy.said("response", of)[-1]
        assert (sent.names, sent.removed) == (([], ["other"]) if envoy.is_delta else ([ORIGINAL[of]], []))
    envoy.await_answer("refused", 8081)
    envoy.await_counter("cluster_manager.active_clusters", 2)
    assert envoy.answer() == V1


ORIGINAL = {"cds": "app", "lds": "web"}


def test_where_nothing_is_served_nothing_is_left(envoy: Managed) -> None:
    envoy.take(resources=[])
    envoy.await_answer("refused")
    envoy.await_counter("cluster_manager.active_clusters", 1)
    assert envoy.counter("listener_manager.total_listeners_active") == 0
    for of in ("cds", "lds"):
        sent = envoy.said("response", of)[-1]
        assert (sent.names, sent.removed) == ([], [ORIGINAL[of]] if envoy.is_delta else [])


@pytest.mark.parametrize("of", ["eds", "rds"])
def test_of_what_has_a_name_an_empty_response_deletes_nothing(envoy: Managed, plane: ControlPlane, of: str) -> None:
    plane.behave(Rule("empty", of, times=1, node=envoy.name))
    other = {"eds": envoy.endpoints("app", 2), "rds": envoy.routes("web", says="other")}[of]
    envoy.publish(other)
    [ack] = envoy.await_said("ack", of)
    assert ack.error == ""
    assert envoy.answer() == V1


@DELTA
def test_by_delta_only_what_changed_is_sent_and_the_rest_stays(envoy: Managed) -> None:
    more = [envoy.listener("other", 8081, routes="other"), envoy.routes("other", says="other")]
    envoy.take(*more)
    assert [(each.kind, each.names, each.removed) for each in envoy.said("response")] == [
        ("lds", ["other"], []),
        ("rds", ["other"], []),
    ]
    envoy.await_answer("other", 8081)
    assert envoy.answer() == V1


@STATE_OF_THE_WORLD
def test_by_state_of_the_world_all_clusters_and_listeners_are_sent_each_time(envoy: Managed) -> None:
    envoy.take(envoy.listener("other", 8081), envoy.routes("other", says="other"))
    assert [sorted(each.names) for each in envoy.said("response", "lds")] == [["other", "web"]]
    assert envoy.said("response", "cds") == []
