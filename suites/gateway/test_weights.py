"""3.3 Gateway, weights: 5 and 5 share the requests of app.shadow.com between two versions of the application."""

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest

from fixtures import ways
from fixtures.selection import OTHER_HOSTS, assert_no_route
from takeover.evidence.observed import ObservedTraffic
from takeover.net import raw
from takeover.scenario.edits import add, replace
from takeover.scene import Scene
from takeover.suite.statistics import Choice
from takeover.suite.verdicts import assert_answered_by_envoy

NAME = "gateway-weights"
pytestmark = [pytest.mark.gateway, pytest.mark.weights, pytest.mark.scenario(NAME)]

ROUTES = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes"
ROUTE = f"{ROUTES}[?@.name=='weighted']"
# Instead of a random number, Envoy takes the one that a header of the request gives it: chance without chance.
CHOSEN = add("envoy.yaml", f"{ROUTE}.route.weighted_clusters", "header_name", "x-chosen")
# A fair choice fails this once in 10^9 runs; one of 6 to 4 passes it less than once in 100.
FAIR = Choice(number=2000, share=0.5)


def backends(scene: Scene, numbers: Sequence[int | None]) -> list[str]:
    """Which version answers each of the requests, one after the other on one connection."""
    lines = ["" if number is None else f"x-chosen: {number}\r\n" for number in numbers]
    requests = [f"GET / HTTP/1.1\r\nHost: app.shadow.com\r\n{line}\r\n".encode() for line in lines]
    answered = []
    with contextlib.closing(scene.connect("client/client", scene.host_name("gateway"), 8080)) as stream:
        # Two at once, for half the round trips; with a third one Envoy may find too many responses queued, and hang up.
        for pair in (requests[place : place + 2] for place in range(0, len(requests), 2)):
            answers = raw.converse(stream, b"".join(pair), enough=partial(holds, len(pair))).received
            assert re.findall(rb"^HTTP/1.1 (\d+)", answers, re.MULTILINE) == [b"200"] * len(pair)
            answered += [each.decode() for each in re.findall(rb"^backend: (.+)$", answers, re.MULTILINE)]
    return answered


def holds(number: int, received: bytes) -> bool:
    """Whether these are so many answers of the application: each ends with the same line."""
    return received.count(b"\nmyage: \n") == number


def assert_witnessed(observed: ObservedTraffic, answered: list[str]) -> None:
    """Envoy chose the cluster of whoever answered, request for request, and the version's own log has the same ones."""
    for version in ("v1", "v2"):
        of_version = [each for each in observed.entries if each.upstream_cluster == f"app_{version}"]
        arrived = [(each.request_id, each.uri) for each in observed.destination(f"{version}/app-{version}")]
        assert [(each.request_id, "/") for each in of_version] == arrived
        sent = observed.counter(f"cluster.app_{version}.upstream_rq_total")
        assert sent == len(arrived) == answered.count(f"app-{version}")
    assert [each.upstream_cluster for each in observed.entries] == [each.replace("-", "_") for each in answered]


def weighted(*weights: int) -> object:
    """A case: app-v1 and app-v2 in turn with these weights."""
    clusters = [{"name": f"app_v{1 + place % 2}", "weight": weight} for place, weight in enumerate(weights)]
    edit = replace("envoy.yaml", f"{ROUTE}.route.weighted_clusters.clusters", clusters)
    # 5/5 is the scenario's own: whatever its weights are is seen, if not by a bound, by where they begin again.
    edits = (CHOSEN,) if weights == (5, 5) else (CHOSEN, edit)
    return pytest.param(weights, marks=pytest.mark.scenario(NAME, *edits), id="/".join(map(str, weights)))


@pytest.mark.parametrize("weights", [weighted(5, 5), weighted(9, 1), weighted(0, 10), weighted(2, 3, 5)])
def test_the_weights_divide_the_numbers(scene: Scene, weights: tuple[int, ...]) -> None:
    expected = [f"app-v{1 + place % 2}" for place, weight in enumerate(weights) for _ in range(weight)]
    with scene.watched() as observed:
        # From 0 to 9, and on: what counts is the remainder by the weights' sum, whatever that is.
        answered = backends(scene, range(100))

    assert Counter(answered) == Counter(expected * 10)
    assert answered == expected * 10
    assert_witnessed(observed, answered)


def test_no_other_host_finds_a_route(scene: Scene) -> None:
    assert_no_route(scene, ways.WEIGHTS["v2"], OTHER_HOSTS)


@pytest.mark.scenario(NAME, many=True)
def test_without_a_number_chance_chooses_for_each_request(scene: Scene) -> None:
    with scene.watched() as observed:
        answered = backends(scene, [None] * FAIR.number)

    scene.measurements.append(FAIR.measurement(answered.count("app-v1"), ("app-v1", "app-v2")))
    tenths = round(10 * answered.count("app-v1") / FAIR.number)
    assert FAIR.contradiction(answered.count("app-v1")) == "", f"about {tenths} of 10 to v1"
    assert_witnessed(observed, answered)


@pytest.mark.parametrize("host", ["other.shadow.com", "app.shadow.com:8080"])
def test_another_host_finds_no_route(scene: Scene, host: str) -> None:
    with scene.watched() as observed:
        response = scene.ask("client/client", f"http://{scene.host_name('gateway')}:8080/", headers={"host": host})

    assert (response.status_code, response.content) == (404, b"")
    assert_answered_by_envoy(observed, ["listener 0.0.0.0_8080", "http gateway_http"], "NR", "route_not_found")
