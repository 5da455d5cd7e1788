"""All chapters: what a scenario does not bound has no bound, in seconds, in megabytes, or in numbers at once.

Whatever waits here has begun when the scenario was deployed: these tests wait at the same time.
"""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures import ways
from fixtures.bounds import lasting
from fixtures.ways import Way
from takeover.scenario.edits import Edit, add, replace
from takeover.scene import Scene

FILTERS = "$.static_resources.listeners[0].filter_chains[0].filters"
# Enough tokens for all connections.
NO_LIMIT = replace("envoy.yaml", f"{FILTERS}[0].typed_config.token_bucket.max_tokens", 1000)
ROUTE = f"{FILTERS}[0].typed_config.route_config.virtual_hosts[0].routes[0].route"
CHOSEN = add("envoy.yaml", f"{ROUTE}.weighted_clusters", "header_name", "x-chosen")


def case(chapter: str, name: str, *on: Way | Callable[[Scene], Way], edits: tuple[Edit, ...] = ()) -> Any:
    """A scenario, and the ways on which nothing is bounded."""
    scenario = pytest.mark.scenario(name, *edits, fresh=True, begin=lasting(*on))
    return pytest.param(name, marks=[getattr(pytest.mark, chapter), scenario])


@pytest.mark.parametrize(
    "scenario",
    [
        case("inbound", "inbound-interception", ways.INBOUND),
        case("outbound", "outbound-allow-all", ways.ELSEWHERE),
        case("outbound", "outbound-mesh-service", ways.mesh, ways.ELSEWHERE),
        case("gateway", "gateway-header-match", *ways.HEADER_MATCH.values()),
        case("gateway", "gateway-http-ratelimit", ways.UNLIMITED),
        case("gateway", "gateway-tcp-ratelimit", ways.CONNECTED, edits=(NO_LIMIT,)),
        case("gateway", "gateway-weights", *ways.WEIGHTS.values(), edits=(CHOSEN,)),
        case("gateway", "gateway-auth-lua", ways.AUTHENTICATED),
        case("gateway", "gateway-auth-ext-authz", ways.AUTHENTICATED),
    ],
)
def test_nothing_is_bounded_that_the_scenario_does_not_bound(scene: Scene, scenario: str) -> None:
    assert scenario
    for exchanges in scene.begun:
        exchanges.assert_large()
        exchanges.assert_lasts()
