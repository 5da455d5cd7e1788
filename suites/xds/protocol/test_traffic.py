"""xDS, message by message: what it does to traffic."""

import base64
import time

import pytest

from fixtures.magnitude import EARLY
from fixtures.xds import GET, V1, Managed, client, silent
from takeover.scenario.edits import replace
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane

pytestmark = [pytest.mark.xds, pytest.mark.scenario("xds-protocol")]


# Who is on a listener that is to go has ten seconds there, which a busy cluster may take.
LONG = [replace(f"Pod/{each}", "$.spec.containers[0].args[10]", "600", was="10") for each in ("sotw", "delta")]


@pytest.mark.scenario("xds-protocol", *LONG)
def test_a_listener_that_moves_serves_who_is_there_and_nobody_new(envoy: Managed) -> None:
    envoy.take(envoy.listener("other", 8081), envoy.routes("other", says="other"))
    envoy.await_answer("other", 8081)
    with client(envoy, 8081) as held:
        assert held.ask(GET).body == b"other"
        envoy.take(envoy.listener("other", 8082), envoy.routes("other", says="other"))
        envoy.await_answer("other", 8082)
        envoy.await_answer("refused", 8081)
        assert held.ask(GET).body == b"other"


def test_the_same_again_is_taken_and_changes_nothing(envoy: Managed, plane: ControlPlane) -> None:
    counters = (
        "listener_manager.listener_modified",
        "listener_manager.listener_added",
        "cluster_manager.cluster_modified",
        "http.web.rds.web.config_reload",
    )
    with client(envoy) as held:
        assert held.ask(GET).status == 200
        before = envoy.counters(*counters)
        envoy.mark()
        plane.resend(node=envoy.name)
        envoy.await_said("ack", number=6)
        assert envoy.counters(*counters) == before
        answer = held.ask(GET)
        assert (answer.status, answer.announces_the_end) == (200, False)


def test_a_layer_of_the_runtime_overrides_what_is_below_until_it_is_gone(envoy: Managed) -> None:
    switch, layer = "xds-protocol.switch", envoy.resource("rtds", "switches")
    assert envoy.runtime(switch) == (["1", "2"], "2")
    envoy.take(layer | {"layer": {switch: 3}})
    assert envoy.runtime(switch) == (["1", "3"], "3")
    envoy.take(layer | {"layer": {}})
    assert envoy.runtime(switch) == (["1", ""], "1")


def test_a_filter_that_is_served_takes_the_place_of_itself(envoy: Managed) -> None:
    mark = envoy.resource("ecds", "mark")
    header = mark["typed_config"]["mutations"]["response_mutations"][0]["append"]["header"]
    assert header["value"] == "served"
    response = envoy.ask()
    assert response is not None
    assert response.headers["x-mark"] == "served"
    with client(envoy) as held:
        assert held.ask(GET).value("x-mark") == "served"
        header["value"] = "changed"
        envoy.take(mark)
        envoy.until(lambda: "" if held.ask(GET).value("x-mark") == "changed" else "still the old one")


@pytest.mark.parametrize("has_default", [False, True], ids=["none", "default"])
def test_a_filter_that_never_comes_is_its_default_if_there_is_one(
    envoy: Managed, plane: ControlPlane, has_default: bool
) -> None:
    """Without one, the listener opens, and answers nobody."""
    plane.behave(*silent("ecds", envoy=envoy))
    other = envoy.listener("other", 8081)
    manager = other["filter_chains"][0]["filters"][0]["typed_config"]
    discovered = manager["http_filters"][0]
    discovered["name"] = "nobody-has-it"
    discovered["config_discovery"]["config_source"]["initial_fetch_timeout"] = "0.1s"
    if has_default:
        default = envoy.resource("ecds", "mark")["typed_config"]
        discovered["config_discovery"] |= {"default_config": default, "apply_default_config_without_warming": True}
    envoy.publish(other, envoy.routes("other", says="other"))
    envoy.await_answer("other" if has_default else "500", 8081)


def test_what_has_a_time_to_live_is_gone_after_it_unless_it_is_sent_again(scene: Scene, plane: ControlPlane) -> None:
    both = [Managed(scene, plane, name) for name in ("sotw", "delta")]
    ttl = 0.5
    for envoy in both:
        other = envoy.listener("mortal", 8081, routes="web")
        mortal = {"@type": OUTER, "name": "mortal", "ttl": f"{ttl}s", "resource": other}
        envoy.take(resources=[*envoy.served(), mortal])
    began = time.monotonic()
    while time.monotonic() - began < 1.5 * ttl:
        for envoy in both:
            sent_again_in_time(envoy, plane)
    for envoy in both:
        sent = sent_again_in_time(envoy, plane)
        envoy.await_answer("refused", 8081)
        assert time.monotonic() - sent >= ttl - EARLY
        assert envoy.answer() == V1


def sent_again_in_time(envoy: Managed, plane: ControlPlane) -> float:
    """Sends the listeners again, more than once where it was gone before anybody looked. Returns when it did."""
    sent = 0.0

    def missing() -> str:
        nonlocal sent
        envoy.mark()
        sent = time.monotonic()
        plane.resend("lds", node=envoy.name)
        envoy.await_said("ack", "lds")
        return "" if envoy.answer(8081) == V1 else "it was gone before it was asked"

    envoy.until(missing)
    return sent


OUTER = "type.googleapis.com/envoy.service.discovery.v3.Resource"
"""What has a name and a time to live, and a resource in it."""


def test_a_field_that_it_does_not_know_is_counted_and_nothing_else(envoy: Managed) -> None:
    unknown = envoy.counter("server.dynamic_unknown_fields")
    # Field 900 of a cluster, which no version has; the rest is {name: "newer", type: STATIC}.
    raw = b"\x0a\x05newer" + b"\xa2\x38\x03new"
    newer = {"@type": envoy.cluster("newer")["@type"], "name": "newer", "@bytes": base64.b64encode(raw).decode()}
    envoy.take(newer)
    assert envoy.counter("server.dynamic_unknown_fields") == unknown + 1
    assert envoy.dump("dynamic_active_clusters", "newer") != {}
