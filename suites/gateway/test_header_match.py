"""3.1 Gateway, header match: `version: v2` chooses v2, everything else v1, and only for the host app.shadow.com."""

import dataclasses

import pytest

from fixtures import ways
from fixtures.exchange import Sent
from fixtures.selection import OTHER_HOSTS, assert_all_take, assert_no_route, not_for_v2
from takeover.evidence.observed import ObservedTraffic
from takeover.model.versions import VersionRange
from takeover.scene import Scene
from takeover.suite.echo import echo, server_of
from takeover.suite.verdicts import assert_answered_by_envoy, assert_routed

pytestmark = [pytest.mark.gateway, pytest.mark.headers, pytest.mark.scenario("gateway-header-match")]

HOST = "app.shadow.com"
GATEWAY = ["listener 0.0.0.0_8080", "http gateway_http"]


def assert_routed_to(observed: ObservedTraffic, version: str) -> None:
    """The route of that version, and nothing of the other one's: neither its cluster nor its Pod."""
    route = {"v1": "v1-otherwise", "v2": "v2-by-header"}[version]
    assert (observed.envoy.status, observed.envoy.route) == (200, route)
    assert_routed(observed, [*GATEWAY, f"cluster app_cluster_{version}", f"destination {version}/app-{version}/nginx"])


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({}, "v1"),
        ({"version": "v1"}, "v1"),
        ({"version": "v2"}, "v2"),
        ({"Version": "v2"}, "v2"),  # names of headers know no case
        ({"version": ""}, "v1"),
        ({"version": "V2"}, "v1"),
        ({"version": "v2x"}, "v1"),
        ({"version": "xv2"}, "v1"),
        ({"version": "v3"}, "v1"),
        ({"x-version": "v2"}, "v1"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/any/path?with=query"])
def test_the_header_chooses_the_version(scene: Scene, path: str, headers: dict[str, str], version: str) -> None:
    gateway = f"http://{scene.host_name('gateway')}:8080"
    with scene.watched() as observed:
        response = scene.ask("client/client", gateway + path, headers={"host": HOST, **headers})

    assert_routed_to(observed, version)
    assert response.status_code == 200
    assert echo(response)["backend"] == f"app-{version}"
    arrival = observed.arrival(f"{version}/app-{version}")
    assert (arrival.host, arrival.uri) == (HOST, path)


def test_blanks_around_the_value_are_not_part_of_it(scene: Scene) -> None:
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nversion: \t v2  \r\nConnection: close\r\n\r\n"
    with scene.watched() as observed:
        conversation = scene.converse("client/client", scene.host_name("gateway"), 8080, request.encode())

    assert b"backend: app-v2\n" in conversation.received
    assert_routed_to(observed, "v2")


@pytest.mark.parametrize("host", ["other.shadow.com", "shadow.com", "x.app.shadow.com", f"{HOST}:8080", f"{HOST}."])
@pytest.mark.parametrize("headers", [{}, {"version": "v2"}])
def test_another_host_finds_no_route(scene: Scene, host: str, headers: dict[str, str]) -> None:
    gateway = f"http://{scene.host_name('gateway')}:8080/"
    with scene.watched() as observed:
        response = scene.ask("client/client", gateway, headers={"host": host, **headers})

    assert (response.status_code, response.content, server_of(response)) == (404, b"", "envoy")
    assert_answered_by_envoy(observed, GATEWAY, "NR", "route_not_found")
    assert observed.counter("http.gateway_http.no_route") == 1


def test_without_a_host_the_request_is_bad(scene: Scene) -> None:
    gateway, request = scene.host_name("gateway"), b"GET / HTTP/1.1\r\n\r\n"
    with scene.watched() as observed:
        # Envoy gives the client a second to take the answer before it closes; we need not wait for that.
        conversation = scene.converse("client/client", gateway, 8080, request, enough=lambda got: b"\r\n\r\n" in got)

    assert conversation.received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert_answered_by_envoy(observed, GATEWAY, "-", "missing_host_header")


def test_the_host_knows_no_case(scene: Scene) -> None:
    gateway = f"http://{scene.host_name('gateway')}:8080/"
    with scene.watched() as observed:
        response = scene.ask("client/client", gateway, headers={"host": "APP.Shadow.COM", "version": "v2"})

    assert echo(response)["backend"] == "app-v2"
    assert_routed_to(observed, "v2")


WITHOUT_VERSION = dataclasses.replace(ways.HEADER_MATCH["v1"], brings=())


def test_nothing_but_the_header_chooses_v2(scene: Scene) -> None:
    assert_all_take(scene, WITHOUT_VERSION, not_for_v2())


@pytest.mark.parametrize("values", [("v1", "v2"), ("v2", "v1"), ("v2", "v2"), ("v2", "")])
def test_of_several_headers_one_is_enough_since_1_39(scene: Scene, values: tuple[str, ...]) -> None:
    # Until then Envoy matched them as one value, "v1,v2" (envoy.reloadable_features.match_headers_individually).
    version = "v2" if scene.release.version in VersionRange(">=1.39") else "v1"
    several = Sent("GET", "/", tuple(("version", each) for each in values))
    assert_all_take(scene, dataclasses.replace(ways.HEADER_MATCH[version], brings=()), {"several": several})


def test_no_other_host_finds_a_route(scene: Scene) -> None:
    assert_no_route(scene, ways.HEADER_MATCH["v2"], OTHER_HOSTS)
