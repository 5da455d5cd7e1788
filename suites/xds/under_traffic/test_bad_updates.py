"""xDS under traffic: an update of which a part is refused, between good ones."""

from dataclasses import dataclass

import pytest

from fixtures.first_snapshot import (
    ANOTHER_ROUTE,
    CERTIFICATE,
    CLUSTER,
    FIRST,
    LISTENER,
    ONE,
    PAGES,
    PLAIN,
    PORT,
    THIRD,
    TO_THIRD,
    WAYS,
    leaves,
)
from fixtures.updates import (
    Told,
    newcomer,
    regular,
    resources,
    under_way,
    visitor,
)
from takeover.scenario.edits import Edit, replace
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane

pytestmark = [pytest.mark.xds, pytest.mark.scenario("xds-under-traffic")]


@dataclass(frozen=True)
class Bad:
    """An update of which Envoy refuses a part.

    Args:
        edits: what is otherwise than it was.
        kind: the type that is refused.
        why: a part of what Envoy says of it.
        rejected: what counts that: with one, all that came in the same response.
        then: who answers nevertheless: what else is in the update holds.
    """

    edits: tuple[Edit, ...]
    kind: str
    why: str
    rejected: tuple[str, ...]
    then: str = FIRST


BAD = {
    "route": Bad(
        (replace("rds.yaml", f"{PAGES}.match", {}), *leaves("first")),
        "rds",
        "path_specifier",
        ("http.gateway_http.rds.routes",),
        then="first 80",
    ),
    "endpoint": Bad(
        (replace("eds.yaml", PORT.format("first"), 70000), ANOTHER_ROUTE),
        "eds",
        "PortValue",
        ("cluster.calls", "cluster.first", "cluster.second"),
        then="second 80",
    ),
    "cluster": Bad(
        (replace("cds.yaml", f"{CLUSTER.format('first')}.connect_timeout", "0s"), ANOTHER_ROUTE),
        "cds",
        "ConnectTimeout",
        ("cluster_manager.cds",),
        then="second 80",
    ),
    "listener": Bad(
        (
            replace("lds.yaml", f"{LISTENER.format('leaving')}.address.socket_address.port_value", PLAIN.port),
            ANOTHER_ROUTE,
        ),
        "lds",
        "duplicate address",
        ("listener_manager.lds",),
        then="second 80",
    ),
    "certificate": Bad(
        (
            replace("sds.yaml", f"{CERTIFICATE}.private_key.inline_string", "no key"),
            ANOTHER_ROUTE,
        ),
        "sds",
        "private key",
        ("sds.certificate",),
        then="second 80",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_bad_in_an_update_changes_nothing_and_the_next_good_one_is_taken(
    scene: Scene, plane: ControlPlane, name: str
) -> None:
    bad, ways = BAD[name], ["plain", "leaving", "one"]
    before = scene.envoy.stats("update_rejected$")
    with (
        scene.watched() as observed,
        under_way(scene, WAYS, ways) as held,
        visitor(scene, ONE) as idle,
        regular(scene, PLAIN) as steady,
    ):
        steady.ask(5)
        last = plane.last_number()
        plane.publish(resources(scene, *bad.edits))
        refused = plane.wait_for(lambda each: each.event == "nack", last)
        assert (refused.kind, bad.why in refused.error) == (bad.kind, True), refused
        steady.until(bad.then)
        steady.ask(5)
        assert {way: newcomer(scene, WAYS[way]) for way in ways} == {way: Told(bad.then, way) for way in ways}
        with visitor(scene, ONE) as other:
            assert other.certificate == idle.certificate
        assert {way: held[way].end() for way in ways} == {way: Told(FIRST, way) for way in ways}
        plane.acknowledged(plane.publish(resources(scene, *THIRD, TO_THIRD)))
        assert newcomer(scene, PLAIN) == Told("third 80", "plain")

    assert {(each.status, each.flags) for each in observed.entries} == {(200, "-")}
    after = scene.envoy.stats("update_rejected$")
    counted = {name: value - before.get(name, 0) for name, value in after.items()}
    rejected = {f"{each}.update_rejected": 1 for each in bad.rejected}
    assert {name: times for name, times in counted.items() if times} == rejected
