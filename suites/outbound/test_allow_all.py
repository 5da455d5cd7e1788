"""2.2 Outbound, allow all: Envoy passes every connection on to where the application wanted to go."""

import pytest

from takeover.scene import Scene
from takeover.traffic.answers import told
from takeover.traffic.names import ask_over_tcp, nameserver

pytestmark = [pytest.mark.outbound, pytest.mark.scenario("outbound-allow-all")]

PASSED = "cluster.AllowAll.upstream_cx_total"
REQUEST = b"GET / HTTP/1.1\r\nHost: website\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(("url", "port"), [("http://{name}/", 80), ("http://{pod}/", 80), ("http://{pod}:81/", 81)])
def test_the_application_reaches_the_real_destination(scene: Scene, url: str, port: int) -> None:
    before = scene.envoy.stats(PASSED).get(PASSED, 0)
    pod = scene.pod("internet/website").ip
    response = scene.new_http("outpod", "nginx").get(url.format(name=scene.host_name("internet/website"), pod=pod))

    assert response.status_code == 200
    assert response.headers["server"].startswith("nginx")  # Envoy passes bytes on and adds no header
    assert told(response)["backend"] == "website"
    assert told(response)["server"] == f"{pod}:{port}"
    assert scene.envoy.stats(PASSED)[PASSED] == before + 1


def test_where_nobody_listens_the_connection_ends_without_a_byte(scene: Scene) -> None:
    # Envoy has accepted the connection before it finds out that the destination refuses it.
    assert scene.converse("outpod", scene.pod("internet/website").ip, 9, REQUEST, "nginx").received == b""


def test_dns_over_tcp_passes_through_envoy(scene: Scene) -> None:
    application = scene.pod("outpod").container("nginx")
    before = scene.envoy.stats(PASSED).get(PASSED, 0)
    answer = ask_over_tcp(application, nameserver(application), scene.host_name("internet/website"))

    assert answer == [scene.service_ip("internet/website")]
    assert scene.envoy.stats(PASSED)[PASSED] == before + 1


@pytest.mark.scenario("outbound-block-all", fresh=True)
def test_from_block_all_by_a_new_config_map_and_a_restart(scene: Scene) -> None:
    website = scene.host_name("internet/website")
    assert scene.converse("outpod", website, 80, REQUEST, "nginx").received == b""

    scene.replace_config("outbound-allow-all")
    # A running Envoy does not look at its file again.
    assert scene.converse("outpod", website, 80, REQUEST, "nginx").received == b""

    scene.restart("outpod")
    assert scene.converse("outpod", website, 80, REQUEST, "nginx").received.startswith(b"HTTP/1.1 200 OK\r\n")
