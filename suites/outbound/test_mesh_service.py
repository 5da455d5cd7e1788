"""2.3 Outbound, a Service of the mesh: what goes to its address and port, and only that, gets `myage: 18` added."""

import pytest

from fixtures.interception import assert_caught
from fixtures.verdicts import OF_ENVOY, REDIRECTED, assert_passed_on
from takeover.evidence.observed import ObservedTraffic
from takeover.scene import Scene
from takeover.suite.echo import echo, server_of
from takeover.suite.verdicts import assert_past_envoy, assert_routed

pytestmark = [pytest.mark.outbound, pytest.mark.headers, pytest.mark.scenario("outbound-mesh-service")]

REQUEST = b"GET / HTTP/1.1\r\nHost: website\r\nConnection: close\r\n\r\n"
OF_EVERY_ANSWER = {"server", "date", "content-type", "content-length", "connection", "x-envoy-upstream-service-time"}


def assert_routed_to_the_service(scene: Scene, observed: ObservedTraffic) -> None:
    """Straight to the listener of the Service's address: virtualOutbound hands connections over uncounted."""
    address = scene.service_ip("myngxsvc")
    of_envoy = [f"listener {address}_80", "http outbound|10.107.42.16_80", "cluster outbound|myngxsvc"]
    assert_routed(observed, [REDIRECTED, *of_envoy, "destination myngxsvc/nginx"])
    assert observed.envoy.original_destination == f"{address}:80"
    arrival = observed.arrival("myngxsvc")
    assert (arrival.client_ip, arrival.server) == (scene.pod("outpod").ip, scene.pod("myngxsvc").ip + ":80")
    assert observed.rule("REDIRECT") == 1
    assert observed.rule("RETURN") == observed.counter("cluster.outbound|myngxsvc.upstream_cx_total")


@pytest.mark.parametrize(
    ("method", "path", "status", "myage"),
    [
        ("GET", "/", 200, ["18"]),
        ("HEAD", "/", 200, ["18"]),
        *(("GET", f"/status/{status}", status, ["18"]) for status in (204, 304, 403, 404, 500, 503)),
        # A header of the application's own is kept beside it.
        ("GET", "/myage", 200, ["from-the-upstream", "18"]),
    ],
)
def test_every_answer_of_the_service_has_the_header(
    scene: Scene, method: str, path: str, status: int, myage: list[str]
) -> None:
    with scene.watched() as observed:
        response = scene.ask("outpod", f"http://{scene.host_name('myngxsvc')}{path}", "nginx", method)

    # First which way it took: that tells more of what is wrong than what came back.
    assert_caught(observed, OF_ENVOY)
    assert observed.trace[1:2] == [f"listener {scene.service_ip('myngxsvc')}_80"]
    assert (response.status_code, server_of(response)) == (status, "envoy")
    assert echo(response).get("myage", "") == ""  # Only the answer is marked.
    marks = [each for each in response.headers.multi_items() if each[0] not in OF_EVERY_ANSWER]
    assert marks == [("myage", value) for value in myage]
    assert_routed_to_the_service(scene, observed)


def test_the_services_address_is_as_good_as_its_name(scene: Scene) -> None:
    with scene.watched() as observed:
        response = scene.ask("outpod", f"http://{scene.service_ip('myngxsvc')}/", "nginx")

    assert echo(response)["backend"] == "myngxsvc"
    assert response.headers.get_list("myage") == ["18"]
    assert_routed_to_the_service(scene, observed)


@pytest.mark.parametrize(
    ("to", "port"), [("the Service, another port", 81), ("the Pod behind it", 80), ("another Service", 80)]
)
def test_elsewhere_the_header_is_not_added(scene: Scene, to: str, port: int) -> None:
    address, destination = {
        "the Service, another port": (scene.service_ip("myngxsvc"), "myngxsvc/nginx"),
        "the Pod behind it": (scene.pod("myngxsvc").ip, "myngxsvc/nginx"),
        "another Service": (scene.service_ip("internet/website"), "internet/website/nginx"),
    }[to]
    with scene.watched() as observed:
        response = scene.ask("outpod", f"http://{address}:{port}/", "nginx")

    assert response.status_code == 200
    assert "myage" not in response.headers
    assert server_of(response) == "nginx"
    assert_passed_on(observed, f"{address}:{port}", destination)


def test_envoys_own_user_goes_past_the_listener(scene: Scene) -> None:
    with scene.watched() as observed:
        response = scene.ask("outpod", f"http://{scene.service_ip('myngxsvc')}/", "envoyproxy")

    assert response.status_code == 200
    assert "myage" not in response.headers
    assert_past_envoy(observed, "myngxsvc/nginx")
    assert (observed.rule("RETURN"), observed.rule("REDIRECT")) == (1, 0)
