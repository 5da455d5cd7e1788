"""Copied into a project's suites: tests that fail, each in its own way, and texts that try to be more than texts."""

import pytest

from fixtures.verdicts import assert_passed_on
from takeover.scenario.edits import add, replace
from takeover.scene import Scene

EVIL = "<script>document.title='evil'</script><img src=x onerror=evil()>"
EVIL_PATH = "/<script>evil()</script>"
NAME = "outbound-allow-all"
CLUSTER = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.cluster"


@pytest.mark.scenario(NAME, replace("envoy.yaml", CLUSTER, "BlockAllCluster"))
def test_the_way_breaks_off(scene: Scene) -> None:
    address = scene.service_ip("internet/website")
    with scene.watched() as observed:
        scene.converse("outpod", address, 80, b"GET / HTTP/1.1\r\n\r\n", "nginx")
    assert_passed_on(observed, f"{address}:80", "internet/website/nginx")


NOBODY = "iptables -t nat -A OUTPUT ! -d 127.0.0.1/32 -p tcp -j REDIRECT --to-ports 15002"


@pytest.mark.scenario(NAME, replace("Pod/outpod", "$.spec.initContainers[0].args[0]", NOBODY))
def test_nobody_listens(scene: Scene) -> None:
    with scene.watched():
        scene.ask("outpod", f"http://{scene.service_ip('internet/website')}/", "nginx")


@pytest.mark.scenario(NAME)
def test_a_header_is_missing(scene: Scene, envoy_release: str) -> None:
    path = {"old": "/myage", "new": "/"}[envoy_release]  # the application gives the header on one path only
    with scene.watched() as observed:
        response = scene.ask("outpod", f"http://{scene.pod('internet/website').ip}{path}", "nginx")
    assert observed.trace[-1] == "destination internet/website/nginx"
    assert response.headers.get("myage") == "from-the-upstream"


@pytest.mark.scenario(NAME, add("envoy.yaml", "$.static_resources", "nonsense", []))
@pytest.mark.usefixtures("scene")
def test_nothing_starts() -> None:
    pass


def ask(scene: Scene) -> str:
    request = f"GET {EVIL_PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    return scene.converse("client/client", scene.pod("envoy-traffic-mock").ip, 80, request).received.decode()


@pytest.mark.scenario("inbound-interception")
def test_texts_from_outside(scene: Scene) -> None:
    with scene.watched():
        answer = ask(scene)
    raise AssertionError(f"{EVIL} | `x` | {answer}")


@pytest.mark.scenario("inbound-interception")
def test_watched_only(scene: Scene) -> None:
    with scene.watched():
        assert ask(scene)


# Deployed apart: on a connection that it opened another test's request would meet no rule.
@pytest.mark.scenario("outbound-mesh-service", add("Pod/outpod", "$.metadata", "annotations", {"for": "this"}))
def test_the_way_differs(scene: Scene, envoy_release: str) -> None:
    port = {"old": 80, "new": 81}[envoy_release]  # only port 80 has a listener
    with scene.watched() as observed:
        response = scene.ask("outpod", f"http://{scene.service_ip('myngxsvc')}:{port}/", "nginx")
    assert response.headers["server"] == "envoy", EVIL
    assert observed.envoy.flags == "-"
