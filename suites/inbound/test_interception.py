"""1. Inbound: what comes to port 80 from outside of the Pod goes through Envoy; what is asked from inside does not."""

import pytest

from fixtures.interception import PORTS, Target, answered, assert_caught, dial, rules_of
from takeover.scene import Scene
from takeover.suite.echo import echo, server_of
from takeover.suite.verdicts import assert_past_envoy, assert_routed

pytestmark = [pytest.mark.inbound, pytest.mark.scenario("inbound-interception")]

POD = "envoy-traffic-mock"
THROUGH_ENVOY = [
    "rule PREROUTING REDIRECT --to-ports 15006",
    "listener 0.0.0.0_15006",
    "http ingress_http",
    "cluster shadow_cluster_config",
    f"destination {POD}/nginx",
]


def address(scene: Scene, by: str) -> str:
    return {"Pod IP": scene.pod(POD).ip, "ClusterIP": scene.service_ip(POD), "name": scene.host_name(POD)}[by]


@pytest.mark.parametrize("by", ["Pod IP", "ClusterIP", "name"])
def test_from_another_pod_envoy_answers(scene: Scene, by: str) -> None:
    with scene.watched() as observed:
        response = scene.ask("client/client", f"http://{address(scene, by)}/")

    assert_caught(observed)
    assert response.status_code == 200
    assert server_of(response) == "envoy"
    assert "x-envoy-upstream-service-time" in response.headers
    assert response.headers["x-envoy-upstream-service-time"].isdigit()
    assert echo(response)["backend"] == POD
    assert_routed(observed, THROUGH_ENVOY)
    # The Pod that asks is seen by Envoy alone; the application sees Envoy's own connection inside the Pod.
    assert observed.envoy.downstream_remote.startswith(scene.pod("client/client").ip + ":")
    assert (observed.arrival(POD).client_ip, observed.arrival(POD).server) == ("127.0.0.1", "127.0.0.1:80")


def test_from_inside_the_pod_nginx_itself_answers(scene: Scene) -> None:
    with scene.watched() as observed:
        response = scene.ask(POD, "http://127.0.0.1/", "nginx")

    assert response.status_code == 200
    assert server_of(response) == "nginx"
    assert "x-envoy-upstream-service-time" not in response.headers
    assert_past_envoy(observed, f"{POD}/nginx")
    assert observed.rule("REDIRECT") == 0


def test_another_port_is_not_intercepted(scene: Scene) -> None:
    with scene.watched() as observed:
        response = scene.ask("client/client", f"http://{scene.pod(POD).ip}:81/")

    assert server_of(response) == "nginx"
    assert_past_envoy(observed, f"{POD}/nginx")
    assert observed.rule("REDIRECT") == 0
    assert observed.arrival(POD).client_ip == scene.pod("client/client").ip


@pytest.mark.parametrize("status", [204, 304, 404, 500, 503])
def test_the_applications_status_comes_through(scene: Scene, status: int) -> None:
    with scene.watched() as observed:
        response = scene.ask("client/client", f"http://{scene.pod(POD).ip}/status/{status}")

    assert (response.status_code, server_of(response)) == (status, "envoy")
    # Not Envoy's words: the application's own, which Envoy hands on.
    assert_routed(observed, THROUGH_ENVOY)
    told = (observed.envoy.status, observed.envoy.details, observed.arrival(POD).status)
    assert told == (status, "via_upstream", status)


def test_no_port_but_80_is_intercepted(scene: Scene) -> None:
    pod = scene.pod(POD).ip
    # Envoy's own: the one that the rule names, and the admin API's, which answers whoever asks.
    dialled = [Target(pod, port, "client") for port in PORTS if port not in (80, 15000, 15006)]
    with scene.watched() as observed:
        conversations = dial(scene, "client/client", dialled)

    assert answered(conversations) == {Target(pod, 81, "client")}
    assert [str(each) for each, seen in conversations.items() if seen.end != "refused"] == [f"{pod}:81"]
    assert_past_envoy(observed, f"{POD}/nginx")
    assert rules_of(scene.pod(POD)) == [
        "-A PREROUTING ! -d 127.0.0.1/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 15006"
    ]


def test_from_every_container_of_the_pod_nginx_itself_answers(scene: Scene) -> None:
    inside = [
        Target(to, 80, container)
        for container in ("nginx", "envoyproxy")
        for to in ("127.0.0.1", "127.0.0.2", "127.255.255.254", scene.pod(POD).ip)
    ]
    with scene.watched() as observed:
        conversations = dial(scene, POD, inside)

    assert answered(conversations) == {*inside}
    assert_past_envoy(observed, f"{POD}/nginx")
    assert observed.rule("REDIRECT") == 0
