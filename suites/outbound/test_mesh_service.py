"""2.3 Outbound, a Service of the mesh: what goes to its address and port, and only that, gets `myage: 18` added."""

import pytest

from takeover.scene import Scene
from takeover.traffic.answers import told

pytestmark = [pytest.mark.outbound, pytest.mark.headers, pytest.mark.scenario("outbound-mesh-service")]


def test_the_service_is_answered_through_envoy(scene: Scene) -> None:
    response = scene.http("outpod", "nginx").get(f"http://{scene.service_ip('myngxsvc')}/")

    assert response.status_code == 200
    assert response.headers["server"] == "envoy"
    assert response.headers.get_list("myage") == ["18"]
    assert told(response)["backend"] == "myngxsvc"


@pytest.mark.parametrize("status", [204, 304, 403, 404, 500, 503])
def test_every_answer_has_the_header_once(scene: Scene, status: int) -> None:
    response = scene.http("outpod", "nginx").get(f"http://{scene.host_name('myngxsvc')}/status/{status}")

    assert response.status_code == status
    assert response.headers.get_list("myage") == ["18"]


def test_head_has_it_too(scene: Scene) -> None:
    response = scene.http("outpod", "nginx").head(f"http://{scene.service_ip('myngxsvc')}/")

    assert (response.status_code, response.headers.get_list("myage"), response.content) == (200, ["18"], b"")


def test_a_header_of_the_applications_own_is_kept_beside_it(scene: Scene) -> None:
    response = scene.http("outpod", "nginx").get(f"http://{scene.service_ip('myngxsvc')}/myage")

    assert response.headers.get_list("myage") == ["from-the-upstream", "18"]


@pytest.mark.parametrize(
    ("what", "url"),
    [
        ("the same address, another port", "http://{service}:81/"),
        ("the Pod behind the Service", "http://{pod}/"),
        ("another Service", "http://{website}/"),
    ],
)
def test_elsewhere_the_header_is_not_added(scene: Scene, what: str, url: str) -> None:
    target = url.format(
        service=scene.service_ip("myngxsvc"),
        pod=scene.pod("myngxsvc").ip,
        website=scene.service_ip("internet/website"),
    )
    response = scene.http("outpod", "nginx").get(target)

    assert response.status_code == 200, what
    assert "myage" not in response.headers, what
    assert response.headers["server"].startswith("nginx"), what


def test_envoys_own_user_goes_past_the_listener(scene: Scene) -> None:
    response = scene.http("outpod", "envoyproxy").get(f"http://{scene.service_ip('myngxsvc')}/")

    assert response.status_code == 200
    assert "myage" not in response.headers
