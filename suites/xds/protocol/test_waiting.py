"""xDS, message by message: who waits for what, and in which order it is sent."""

import pytest

from fixtures.xds import GET, V1, V2, Managed, client, silent
from takeover.suite.control_plane import ControlPlane

pytestmark = [pytest.mark.xds, pytest.mark.scenario("xds-protocol")]


def test_a_cluster_is_warm_when_its_endpoints_come_and_not_before(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("eds", envoy=envoy))
    served = [envoy.endpoints("slow", 2), envoy.routes("web", to="slow")]
    envoy.publish(envoy.cluster("slow", patience="0s"), *served)
    envoy.await_counter("cluster_manager.warming_clusters", 1)
    assert envoy.dump("dynamic_warming_clusters", "slow") != {}
    assert envoy.said("ack", "cds") == []
    # An update of one that is not warm yet takes its place.
    envoy.publish(envoy.cluster("slow", patience="0s", connect_timeout="2s"), *served)
    envoy.await_said("response", "cds")
    envoy.until(lambda: "" if timeout_of(envoy, "dynamic_warming_clusters", "slow") == "2s" else "not updated")
    assert envoy.counter("cluster_manager.warming_clusters") == 1

    plane.behave()
    plane.resend("eds", node=envoy.name)
    envoy.await_counter("cluster_manager.warming_clusters", 0)
    envoy.await_answer(V2)
    assert timeout_of(envoy, "dynamic_active_clusters", "slow") == "2s"
    last = envoy.said("response", "cds")[-1].nonce
    envoy.until(lambda: "" if last in [each.nonce for each in envoy.said("ack", "cds")] else f"no ACK of {last}")


def timeout_of(envoy: Managed, section: str, cluster: str) -> str:
    """The time in which connections of a cluster must be there; empty if the config dump has none there."""
    return str(envoy.dump(section, cluster).get("cluster", {}).get("connect_timeout", ""))


def test_a_cluster_without_endpoints_is_empty_after_a_while_if_it_has_one(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("eds", envoy=envoy), wait=False)
    envoy.publish(
        envoy.cluster("brief", patience="0.1s"),
        envoy.cluster("endless", patience="0s"),
        envoy.endpoints("endless"),
        envoy.routes("web", to="brief"),
    )
    envoy.await_counter("cluster.brief.init_fetch_timeout", 1)
    envoy.await_counter("cluster_manager.warming_clusters", 1)
    assert envoy.dump("dynamic_warming_clusters", "endless") != {}
    assert envoy.dump("dynamic_active_clusters", "brief") != {}
    envoy.await_answer("no healthy upstream")
    plane.behave()
    plane.resend("eds", node=envoy.name)
    envoy.await_counter("cluster_manager.warming_clusters", 0)


def test_clusters_wait_for_a_secret_that_they_share(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("sds", envoy=envoy))
    tls = {
        "name": "tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {
                "validation_context_sds_secret_config": {
                    "name": "trusted",
                    "sds_config": {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"},
                }
            },
        },
    }
    secure = [envoy.cluster(each, transport_socket=tls) for each in ("first", "second")]
    envoy.publish(*secure, *(envoy.endpoints(each) for each in ("first", "second")))
    envoy.await_counter("cluster_manager.warming_clusters", 2)
    assert [each.names for each in envoy.await_said("request", "sds")] == [["trusted"]]
    plane.behave()
    plane.resend("sds", node=envoy.name)
    envoy.await_counter("cluster_manager.warming_clusters", 0)


def test_a_listener_opens_when_its_routes_come_and_not_before(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("rds", envoy=envoy))
    envoy.publish(envoy.listener("slow", 8081, patience="0s"), envoy.routes("slow", says="slow"))
    envoy.await_counter("listener_manager.total_listeners_warming", 1)
    assert envoy.answer(8081) == "refused"
    envoy.until(lambda: "" if (asked := envoy.asked_for("rds")) == ["slow"] else f"asked for {asked}")
    plane.behave()
    plane.resend("rds", node=envoy.name)
    envoy.await_answer("slow", 8081)
    assert envoy.counter("listener_manager.total_listeners_warming") == 0


def test_a_listener_without_routes_opens_after_a_while_and_knows_none(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("rds", envoy=envoy))
    envoy.publish(envoy.listener("brief", 8081, patience="0.1s"), envoy.listener("endless", 8082, patience="0s"))
    envoy.await_counter("http.brief.rds.brief.init_fetch_timeout", 1)
    envoy.await_answer("404", 8081)
    assert envoy.answer(8082) == "refused"
    assert envoy.counter("listener_manager.total_listeners_warming") == 1


def test_routes_that_are_known_are_not_asked_for_again(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("rds", envoy=envoy))
    envoy.publish(envoy.listener("other", 8081, patience="0s", routes="web"))
    envoy.await_answer(V1, 8081)
    assert envoy.asked_for("rds") == []


def test_a_changed_cluster_keeps_its_endpoints_until_it_is_told_anew(envoy: Managed, plane: ControlPlane) -> None:
    """Those that it had serve on while the changed one waits for its own."""
    plane.behave(*silent("eds", envoy=envoy))
    envoy.publish(envoy.cluster("app", patience="0s", connect_timeout="2s"))
    envoy.await_counter("cluster_manager.warming_clusters", 1)
    assert envoy.answer() == V1
    plane.behave()
    plane.resend("eds", node=envoy.name)
    envoy.await_counter("cluster_manager.warming_clusters", 0)
    assert envoy.answer() == V1


def test_what_is_made_comes_before_what_breaks(envoy: Managed) -> None:
    other = [envoy.cluster("other"), envoy.endpoints("other", 2), envoy.routes("web", to="other")]
    envoy.take(*other, envoy.listener("other", 8081, routes="web"), without=["cds app", "eds app"])
    sent = [each for each in envoy.said("response") if each.names]
    assert [each.kind for each in sent[:4]] == ["cds", "eds", "lds", "rds"]
    # The cluster that nobody needs any more is the last to go.
    assert envoy.said("response")[-1].kind == "cds"
    envoy.await_answer(V2, 8081)


def test_routes_wait_for_no_cluster(envoy: Managed, plane: ControlPlane) -> None:
    """The other order costs requests: until the cluster comes, there is none."""
    plane.behave(hold=["cds"])
    with client(envoy) as held:
        assert held.ask(GET).status == 200
        envoy.publish(envoy.cluster("other"), envoy.endpoints("other", 2), envoy.routes("web", to="other"))
        envoy.await_said("ack", "rds")
        envoy.await_answer("503")
        plane.behave()
        envoy.await_answer(V2)
        # A connection that is open is in no way bound to what was.
        assert V2.encode() in held.ask(GET).body
