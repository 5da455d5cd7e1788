"""2.2 Outbound, allow all: Envoy passes every connection on to where the application wanted to go."""

import pytest

from fixtures.exchange import told
from fixtures.verdicts import assert_blocked, assert_passed_on
from takeover.net import http1
from takeover.scene import Scene
from takeover.suite.dns import ask_over_tcp, nameserver

pytestmark = [pytest.mark.outbound, pytest.mark.scenario("outbound-allow-all")]

WEBSITE = "internet/website/nginx"
REQUEST = b"GET / HTTP/1.1\r\nHost: website\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(("to", "port"), [("Service", 80), ("Pod", 80), ("Pod", 81)])
def test_the_application_reaches_the_real_destination(scene: Scene, to: str, port: int) -> None:
    pod = scene.pod("internet/website").ip
    address = {"Service": scene.service_ip("internet/website"), "Pod": pod}[to]
    name = {"Service": scene.host_name("internet/website"), "Pod": pod}[to]
    with scene.watched() as observed:
        conversation = scene.converse("outpod", name, port, REQUEST, "nginx")

    # First which way it took: that tells more of what is wrong than that no answer came.
    assert_passed_on(observed, f"{address}:{port}", WEBSITE)
    answer = http1.read(conversation.received, "GET", ended=True)
    assert answer.status == 200
    assert answer.value("server").startswith("nginx/")  # Envoy passes bytes on and adds no header
    assert told(answer)["backend"] == "website"
    arrival = observed.arrival("internet/website")
    assert (arrival.server, arrival.client_ip) == (f"{pod}:{port}", scene.pod("outpod").ip)


def test_where_nobody_listens_the_connection_ends_without_a_byte(scene: Scene) -> None:
    website = scene.pod("internet/website").ip
    with scene.watched() as observed:
        # Envoy has accepted the connection before it finds out that the destination refuses it.
        assert scene.converse("outpod", website, 9, REQUEST, "nginx").received == b""

    # Not blocked: Envoy tried, and failed to connect (`UF`).
    assert_passed_on(observed, f"{website}:9", refused=True)


def test_dns_over_tcp_passes_through_envoy(scene: Scene) -> None:
    server = nameserver(scene.pod("outpod").container("nginx"))
    with scene.watched() as observed:
        answer = ask_over_tcp(scene, "outpod", server, scene.host_name("internet/website"), "nginx")

    assert answer == [scene.service_ip("internet/website")]
    assert_passed_on(observed, f"{server}:53")


@pytest.mark.scenario("outbound-block-all", fresh=True)
def test_from_block_all_by_a_new_config_map_and_a_restart(scene: Scene) -> None:
    website, address = scene.host_name("internet/website"), f"{scene.service_ip('internet/website')}:80"
    with scene.watched() as observed:
        assert scene.converse("outpod", website, 80, REQUEST, "nginx").received == b""
    assert_blocked(observed, address)

    scene.replace_config("outbound-allow-all")
    with scene.watched() as observed:
        # A running Envoy does not look at its file again.
        assert scene.converse("outpod", website, 80, REQUEST, "nginx").received == b""
    assert_blocked(observed, address)

    scene.restart("outpod")
    with scene.watched() as observed:
        conversation = scene.converse("outpod", website, 80, REQUEST, "nginx")
    assert conversation.received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert_passed_on(observed, address, WEBSITE)
