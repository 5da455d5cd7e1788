"""All chapters: on every way that a scenario leaves open, all passes as it is.

The tables are in fixtures/. What takes seconds has begun when the scenario was deployed: all wait at the same time.
"""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures import bounds, interception, transparency, ways
from fixtures.exemption import requests
from fixtures.selection import assert_all_take, of_the_host
from fixtures.verdicts import assert_all_passed_on
from fixtures.ways import Way
from takeover.scenario.edits import Edit, add, replace
from takeover.scene import Scene

FILTERS = "$.static_resources.listeners[0].filter_chains[0].filters"
HTTP = f"{FILTERS}[?@.name=='envoy.filters.network.http_connection_manager'].typed_config"
# Enough tokens for all connections.
NO_LIMIT = replace(
    "envoy.yaml",
    f"{FILTERS}[?@.name=='envoy.filters.network.local_ratelimit'].typed_config.token_bucket.max_tokens",
    1000,
)
ROUTE = f"{HTTP}.route_config.virtual_hosts[0].routes[?@.name=='weighted'].route"
CHOSEN = add("envoy.yaml", f"{ROUTE}.weighted_clusters", "header_name", "x-chosen")

Ways = tuple[Way | Callable[[Scene], Way], ...]

# Chapter, scenario, what is changed, and the ways on which all passes.
OPEN: list[tuple[str, str, tuple[Edit, ...], Ways]] = [
    ("inbound", "inbound-interception", (), (ways.INBOUND,)),
    ("outbound", "outbound-allow-all", (), (ways.ELSEWHERE,)),
    ("outbound", "outbound-mesh-service", (), (ways.mesh, ways.ELSEWHERE)),
    ("mesh", "mesh-both-directions", (), (ways.INTO_THE_MESH, ways.OUT_OF_THE_MESH)),
    ("gateway", "gateway-header-match", (), tuple(ways.HEADER_MATCH.values())),
    ("gateway", "gateway-http-ratelimit", (), (ways.UNLIMITED,)),
    ("gateway", "gateway-tcp-ratelimit", (NO_LIMIT,), (ways.CONNECTED,)),
    ("gateway", "gateway-weights", (CHOSEN,), tuple(ways.WEIGHTS.values())),
    ("gateway", "gateway-auth-lua", (), (ways.AUTHENTICATED,)),
    ("gateway", "gateway-auth-wasm", (), (ways.AUTHENTICATED,)),
    ("gateway", "gateway-auth-ext-authz", (), (ways.AUTHENTICATED,)),
]


def cases(*only: str, begins: bool = False) -> list[Any]:
    """The scenarios' ways, each scenario deployed once for all of this file.

    Args:
        only: these scenarios; all if there are none.
        begins: whether what lasts begins as soon as it is deployed.
    """
    found = []
    for chapter, name, edits, on in OPEN:
        if only and name not in only:
            continue
        lasting = bounds.lasting(*on)
        early = {"begin": lasting} if begins else {}
        marks = [getattr(pytest.mark, chapter), pytest.mark.scenario(name, *edits, apart="tables", **early)]
        found.append(pytest.param(lasting if begins else on, marks=marks, id=name))
    return found


@pytest.mark.parametrize("lasting", cases(begins=True))
def test_what_takes_seconds_is_not_ended(scene: Scene, lasting: bounds.Begin) -> None:
    for exchanges in scene.begun(lasting):
        exchanges.assert_last()


@pytest.mark.parametrize("on", cases())
def test_what_passes_arrives_as_it_was_sent(scene: Scene, on: Ways) -> None:
    for way in ways.of(scene, *on):
        transparency.assert_passes(scene, way, transparency.CASES)
        if way.is_http:
            transparency.assert_passes_over_http2(scene, way)
        transparency.assert_odd_ones(scene, way)


@pytest.mark.parametrize("on", cases())
def test_requests_of_every_kind_pass(scene: Scene, on: Ways) -> None:
    for way in ways.of(scene, *on):
        if way.is_http:
            assert_all_take(scene, way, requests() if not way.host else of_the_host())


@pytest.mark.parametrize("on", cases())
def test_what_is_large_passes(scene: Scene, on: Ways) -> None:
    for way in ways.of(scene, *on)[:1]:  # several ways of one scenario share what might bound them
        transparency.assert_passes(scene, way, transparency.LARGE_BODIES)


@pytest.mark.parametrize("on", cases("outbound-allow-all", "outbound-mesh-service"))
def test_every_port_and_address_is_caught(scene: Scene, on: Ways) -> None:
    assert ways.ELSEWHERE in on
    dialled = interception.targets(scene, "nginx", "internet/website", interception.HARMLESS)
    with scene.watched() as observed:
        conversations = interception.dial(scene, "outpod", dialled)

    website = scene.pod("internet/website").ip
    others = [each.ip for name, each in scene.deployment.pods.items() if name != "internet/website"]
    served = {f"{website}:80", f"{website}:81", *(f"{each}:80" for each in ("127.0.0.2", "127.255.255.254", *others))}
    assert {str(each) for each in interception.answered(conversations)} == served
    assert_all_passed_on(observed, [str(each) for each in dialled], served)
    # Of every user, too: what the rules are that catch all of them in outbound-block-all.
    assert interception.rules_of(scene.pod("outpod")) == interception.OUTBOUND_RULES
    assert (observed.rule("REDIRECT"), observed.rule("RETURN")) == (len(dialled), len(dialled))
