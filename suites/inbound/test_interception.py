"""1. Inbound: what comes to port 80 from outside of the Pod goes through Envoy; what is asked from inside does not."""

import pytest

from takeover.scene import Scene
from takeover.traffic.answers import told

pytestmark = [pytest.mark.inbound, pytest.mark.scenario("inbound-interception")]

POD = "envoy-traffic-mock"


def address(scene: Scene, by: str) -> str:
    return {"Pod IP": scene.pod(POD).ip, "ClusterIP": scene.service_ip(POD), "name": scene.host_name(POD)}[by]


@pytest.mark.parametrize("by", ["Pod IP", "ClusterIP", "name"])
def test_from_another_pod_envoy_answers(scene: Scene, by: str) -> None:
    response = scene.http("client/client").get(f"http://{address(scene, by)}/")

    assert response.status_code == 200
    assert response.headers["server"] == "envoy"
    assert response.headers["x-envoy-upstream-service-time"].isdigit()
    # Envoy passed the request on to the application, over a connection of its own inside the Pod.
    assert told(response)["backend"] == POD
    assert told(response)["client"].startswith("127.0.0.1:")


def test_the_pod_that_asks_is_seen_by_envoy_alone(scene: Scene) -> None:
    client = scene.pod("client/client")
    before = scene.envoy.stats("http.ingress_http.downstream_cx_total")
    response = scene.new_http("client/client").get(f"http://{scene.pod(POD).ip}/")

    assert client.ip not in told(response)["client"]
    assert scene.envoy.stats("http.ingress_http.downstream_cx_total") == {name: n + 1 for name, n in before.items()}


def test_from_inside_the_pod_nginx_itself_answers(scene: Scene) -> None:
    response = scene.http(POD, "nginx").get("http://127.0.0.1/")

    assert response.status_code == 200
    assert response.headers["server"].startswith("nginx")
    assert "x-envoy-upstream-service-time" not in response.headers


def test_another_port_is_not_intercepted(scene: Scene) -> None:
    response = scene.http("client/client").get(f"http://{scene.pod(POD).ip}:81/")

    assert response.headers["server"].startswith("nginx")
    assert told(response)["client"].startswith(scene.pod("client/client").ip)


@pytest.mark.parametrize("status", [204, 304, 404, 500, 503])
def test_the_applications_status_comes_through(scene: Scene, status: int) -> None:
    response = scene.http("client/client").get(f"http://{scene.pod(POD).ip}/status/{status}")

    assert (response.status_code, response.headers["server"]) == (status, "envoy")
