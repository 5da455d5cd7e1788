"""2.1 Outbound, block all: nothing that the application sends leaves the Pod; what Envoy's user sends does.

Blocked means that Envoy blocked it: the rule caught the connection, Envoy found no upstream (`UH`) and counted it, no
destination saw anything.
"""

import pytest

from fixtures.interception import ADDRESSES, OUTBOUND_RULES, dial, rules_of, targets, user_containers
from fixtures.verdicts import assert_all_blocked, assert_blocked
from takeover.scene import Scene
from takeover.suite.dns import ask_over_tcp, nameserver
from takeover.suite.echo import echo, server_of
from takeover.suite.verdicts import assert_past_envoy

pytestmark = [pytest.mark.outbound, pytest.mark.scenario("outbound-block-all")]

REQUEST = b"GET / HTTP/1.1\r\nHost: website\r\n\r\n"


@pytest.mark.parametrize(("to", "port"), [("Service", 80), ("Service", 81), ("Pod", 80)])
def test_the_application_gets_not_a_byte(scene: Scene, to: str, port: int) -> None:
    address = {"Service": scene.service_ip("internet/website"), "Pod": scene.pod("internet/website").ip}[to]
    name = {"Service": scene.host_name("internet/website"), "Pod": address}[to]
    with scene.watched() as observed:
        conversation = scene.converse("outpod", name, port, REQUEST, "nginx")

    # First which way it took: that tells more of what is wrong than what came back.
    assert_blocked(observed, f"{address}:{port}")
    assert conversation.received == b""
    assert conversation.end in ("closed", "reset")  # which of the two depends on whether Envoy read the request first


def test_envoys_own_user_still_gets_out(scene: Scene) -> None:
    with scene.watched() as observed:
        response = scene.ask("outpod", f"http://{scene.service_ip('internet/website')}/", "envoyproxy")

    assert response.status_code == 200
    assert server_of(response) == "nginx"
    assert_past_envoy(observed, "internet/website/nginx")
    assert (observed.rule("RETURN"), observed.rule("REDIRECT")) == (1, 0)
    assert observed.arrival("internet/website").client == echo(response)["client"]


def test_inside_the_pod_nothing_is_blocked(scene: Scene) -> None:
    with scene.watched() as observed:
        response = scene.ask("outpod", "http://127.0.0.1/", "nginx")

    assert response.status_code == 200
    assert_past_envoy(observed, "outpod/nginx")
    assert (observed.rule("RETURN"), observed.rule("REDIRECT")) == (0, 0)


def test_names_are_still_resolved_over_udp(scene: Scene) -> None:
    with scene.watched() as observed:
        result = scene.pod("outpod").container("nginx").exec(["getent", "hosts", scene.host_name("internet/website")])

    assert result.exit_code == 0
    assert result.stdout.decode().split()[0] == scene.service_ip("internet/website")
    # No witness sees UDP: that something was asked, the answer alone tells.
    assert (observed.trace, observed.moved, observed.entries) == ([], {}, [])
    assert observed.rule("REDIRECT") == 0


def test_names_asked_for_over_tcp_are_caught(scene: Scene) -> None:
    server = nameserver(scene.pod("outpod").container("nginx"))
    website = scene.host_name("internet/website")
    with scene.watched() as observed:
        answer = ask_over_tcp(scene, "outpod", server, website, "nginx")
    assert_blocked(observed, f"{server}:53")
    assert answer == []

    # The same question from Envoy's user is answered: it is the rule that caught it, not the server that is silent.
    with scene.watched() as observed:
        assert ask_over_tcp(scene, "outpod", server, website, "envoyproxy") == [scene.service_ip("internet/website")]
    assert_past_envoy(observed)
    assert (observed.rule("RETURN"), observed.rule("REDIRECT")) == (1, 0)


@pytest.mark.scenario("outbound-block-all", *user_containers("outpod"))
def test_every_user_port_and_address_is_caught(scene: Scene) -> None:
    dialled = targets(scene, "nginx", "internet/website", ADDRESSES)
    with scene.watched() as observed:
        conversations = dial(scene, "outpod", dialled)

    not_blocked = {
        f"{target} from {target.container}": each
        for target, each in conversations.items()
        if each.received or each.end == "refused"
    }
    assert not_blocked == {}
    assert_all_blocked(observed, [str(target) for target in dialled])
    assert rules_of(scene.pod("outpod")) == OUTBOUND_RULES
    assert (observed.rule("REDIRECT"), observed.rule("RETURN")) == (len(dialled), 0)
