"""3.3 Gateway, weights: 5 and 5 share the requests of app.shadow.com between two versions of the application."""

from collections import Counter

import pytest

from takeover.scenario.edits import add, replace
from takeover.scene import Scene
from takeover.traffic.answers import told

NAME = "gateway-weights"
pytestmark = [pytest.mark.gateway, pytest.mark.weights, pytest.mark.scenario(NAME)]

ROUTE = (
    "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0]"
)
# Instead of a random number, Envoy takes the one that a header of the request gives it: chance without chance.
CHOSEN = add("envoy.yaml", f"{ROUTE}.route.weighted_clusters", "header_name", "x-chosen")


def backend(scene: Scene, headers: dict[str, str], path: str = "/") -> str:
    url = f"http://{scene.host_name('gateway')}:8080{path}"
    response = scene.http("client/client").get(url, headers={"host": "app.shadow.com", **headers})
    assert response.status_code == 200
    return told(response)["backend"]


def weighted(*weights: int) -> object:
    """A case: app-v1 and app-v2 in turn with these weights."""
    clusters = [{"name": f"app_v{1 + place % 2}", "weight": weight} for place, weight in enumerate(weights)]
    edit = replace("envoy.yaml", f"{ROUTE}.route.weighted_clusters.clusters", clusters)
    return pytest.param(weights, marks=pytest.mark.scenario(NAME, CHOSEN, edit), id="/".join(map(str, weights)))


@pytest.mark.parametrize("weights", [weighted(5, 5), weighted(9, 1), weighted(0, 10), weighted(2, 3, 5)])
def test_the_weights_divide_the_numbers(scene: Scene, weights: tuple[int, ...]) -> None:
    expected = [f"app-v{1 + place % 2}" for place, weight in enumerate(weights) for _ in range(weight)]

    # From 0 to 9, and on: what counts is the remainder by the weights' sum.
    assert [backend(scene, {"x-chosen": str(number)}) for number in range(30)] == expected * 3


def test_both_versions_answer_on_one_connection(scene: Scene) -> None:
    # A fair choice sends 100 requests all to one version once in 10^30 runs.
    answers = Counter(backend(scene, {}) for _ in range(100))

    assert set(answers) == {"app-v1", "app-v2"}


@pytest.mark.parametrize("host", ["other.shadow.com", "app.shadow.com:8080"])
def test_another_host_finds_no_route(scene: Scene, host: str) -> None:
    response = scene.http("client/client").get(f"http://{scene.host_name('gateway')}:8080/", headers={"host": host})

    assert (response.status_code, response.content) == (404, b"")
