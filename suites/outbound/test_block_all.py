"""2.1 Outbound, block all: nothing that the application sends leaves the Pod; what Envoy's user sends does."""

import pytest

from takeover.scene import Scene
from takeover.traffic.names import ask_over_tcp, nameserver

pytestmark = [pytest.mark.outbound, pytest.mark.scenario("outbound-block-all")]

REQUEST = b"GET / HTTP/1.1\r\nHost: website\r\n\r\n"
BLOCKED = "cluster.BlockAllCluster.upstream_cx_none_healthy"


@pytest.mark.parametrize(("to", "port"), [("website", 80), ("website", 81), ("website's Pod", 80)])
def test_the_application_gets_not_a_byte(scene: Scene, to: str, port: int) -> None:
    website = scene.host_name("internet/website") if to == "website" else scene.pod("internet/website").ip
    before = scene.envoy.stats(BLOCKED)[BLOCKED]
    conversation = scene.converse("outpod", website, port, REQUEST, "nginx")

    assert conversation.received == b""
    assert conversation.end in ("closed", "reset")  # which of the two depends on whether Envoy read the request first
    assert scene.envoy.stats(BLOCKED)[BLOCKED] == before + 1


def test_envoys_own_user_still_gets_out(scene: Scene) -> None:
    response = scene.http("outpod", "envoyproxy").get(f"http://{scene.host_name('internet/website')}/")

    assert response.status_code == 200
    assert response.headers["server"].startswith("nginx")


def test_inside_the_pod_nothing_is_blocked(scene: Scene) -> None:
    assert scene.http("outpod", "nginx").get("http://127.0.0.1/").status_code == 200


def test_names_are_still_resolved_over_udp(scene: Scene) -> None:
    result = scene.pod("outpod").container("nginx").exec(["getent", "hosts", scene.host_name("internet/website")])

    assert result.exit_code == 0
    assert result.stdout.decode().split()[0] == scene.service_ip("internet/website")


def test_names_asked_for_over_tcp_are_caught(scene: Scene) -> None:
    outpod = scene.pod("outpod")
    before = scene.envoy.stats(BLOCKED)[BLOCKED]
    website = scene.host_name("internet/website")

    assert ask_over_tcp(outpod.container("nginx"), nameserver(outpod.container("nginx")), website) == []
    assert scene.envoy.stats(BLOCKED)[BLOCKED] == before + 1
    # The same question from Envoy's user is answered: it is the rule that caught it, not the server that is silent.
    answer = ask_over_tcp(outpod.container("envoyproxy"), nameserver(outpod.container("nginx")), website)
    assert answer == [scene.service_ip("internet/website")]
