"""xDS under traffic: whose connections end when a listener changes, and whose go on by the old certificate."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from fixtures.first_snapshot import (
    CERTIFICATE,
    CHAIN,
    FIRST,
    LISTENER,
    MANAGER,
    MOVED,
    ONE,
    OTHER,
    PLAIN,
    WAYS,
)
from fixtures.magnitude import EARLY
from fixtures.updates import (
    REFUSED,
    Told,
    newcomer,
    regular,
    resources,
    under_way,
    visitor,
)
from takeover.model.versions import VersionRange
from takeover.scenario.edits import Edit, add, remove, replace
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane

SCENARIO = "xds-under-traffic"
pytestmark = [pytest.mark.xds, pytest.mark.scenario(SCENARIO)]


@dataclass(frozen=True)
class Change:
    """An update of listeners, or of what they need.

    Args:
        edits: what is otherwise than it was.
        drained: where those who are there are told to leave, and are served until they do.
        new: what newcomers are told where that is otherwise than before, by the way that they take.
        counted: the listener manager's counters that move, and by how much.
    """

    edits: tuple[Edit, ...]
    drained: frozenset[str] = frozenset()
    new: Mapping[str, Told] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)


def renamed(listener: str, chain: str) -> Edit:
    """A filter chain whose answers have another name."""
    path = f"$.resources[?@.name=='{listener}'].filter_chains[?@.name=='{chain}']{MANAGER}.server_name"
    return replace("lds.yaml", path, "renamed")


def another_part(listener: str) -> Edit:
    """A part of a listener that is none of its filter chains'."""
    return add("lds.yaml", LISTENER.format(listener), "per_connection_buffer_limit_bytes", 1 << 20)


CHANGES = {
    "chain-changed": Change(
        (renamed("chains", "one"),),
        drained=frozenset({"one"}),
        new={"one": Told(FIRST, "renamed")},
        counted={"listener_in_place_updated": 1, "listener_modified": 1},
    ),
    "chain-removed": Change(
        (remove("lds.yaml", CHAIN.format("one")),),
        drained=frozenset({"one"}),
        new={"one": REFUSED},
        counted={"listener_in_place_updated": 1, "listener_modified": 1},
    ),
    "another-part": Change(
        (another_part("chains"),), drained=frozenset({"one", "other"}), counted={"listener_modified": 1}
    ),
    "listener-removed": Change(
        (remove("lds.yaml", LISTENER.format("leaving")),),
        drained=frozenset({"leaving"}),
        new={"leaving": REFUSED},
        counted={"listener_removed": 1},
    ),
    "port-moved": Change(
        (replace("lds.yaml", f"{LISTENER.format('leaving')}.address.socket_address.port_value", MOVED.port),),
        drained=frozenset({"leaving"}),
        new={"leaving": REFUSED, "moved": Told(FIRST, "leaving")},
        counted={"listener_modified": 1},
    ),
}


LONG = replace("Pod/gateway", "$.spec.containers[0].args[10]", "600", was="1")
"""So that a busy machine has seen all before anybody is cut off."""


@pytest.mark.scenario(SCENARIO, LONG)
@pytest.mark.parametrize("name", CHANGES)
def test_only_those_leave_whose_part_of_a_listener_has_changed(scene: Scene, plane: ControlPlane, name: str) -> None:
    change = CHANGES[name]
    before = listeners(scene)
    with contextlib.ExitStack() as opened:
        observed = opened.enter_context(scene.watched())
        held = opened.enter_context(under_way(scene, WAYS, list(WAYS)))
        idle = {way: opened.enter_context(visitor(scene, WAYS[way])) for way in WAYS}
        steady = opened.enter_context(regular(scene, WAYS["leaving" if change.new.get("one") == REFUSED else "one"]))
        assert {way: idle[way].ask() for way in WAYS} == {way: Told(FIRST, way) for way in WAYS}
        steady.ask(5)
        version = plane.publish(resources(scene, *change.edits))
        steady.ask(10)
        plane.acknowledged(version)
        steady.ask(5)

        told = {way: Told(FIRST, way, closes=way in change.drained) for way in WAYS}
        assert {way: idle[way].ask() for way in WAYS} == told
        assert {way: held[way].end() for way in WAYS} == told
        ways = {**WAYS, "moved": MOVED}
        assert {way: newcomer(scene, ways[way]) for way in ways} == {
            **{way: Told(FIRST, way) for way in WAYS},
            "moved": REFUSED,
            **change.new,
        }
        # Who does not leave is served all the same.
        assert {way: idle[way].ask() for way in WAYS} == told

    assert steady.turns == [FIRST]
    let_in = [way for way in ways if change.new.get(way, REFUSED if way == "moved" else None) != REFUSED]
    assert len(observed.entries) == 20 + 4 * len(WAYS) + len(let_in)
    assert {(each.status, each.flags) for each in observed.entries} == {(200, "-")}
    assert len(observed.destination("hostile/upstream")) == len(observed.entries)
    assert listeners(scene, before) == change.counted


def listeners(scene: Scene, before: Mapping[str, int] | None = None) -> dict[str, int]:
    """The counters of what became of listeners; by how much they moved, of those that did."""
    prefix = "listener_manager."
    names = "added|modified|in_place_updated|removed"
    now = scene.envoy.stats(rf"^listener_manager\.listener_({names})$")
    counted = {name.removeprefix(prefix): value - (before or {}).get(name, 0) for name, value in now.items()}
    return now if before is None else {name: value for name, value in counted.items() if value}


def test_who_stays_longer_than_the_drain_time_is_cut_off(scene: Scene, plane: ControlPlane) -> None:
    """A second after that they are told nothing more: their part of the listener is no longer there."""
    edits = (renamed("chains", "one"), another_part("plain"), remove("lds.yaml", LISTENER.format("leaving")))
    with scene.watched() as observed, under_way(scene, WAYS, list(WAYS)) as held:
        began = time.monotonic()
        plane.acknowledged(plane.publish(resources(scene, *edits)))
        cut_off = ("plain", "leaving", "one")
        assert {way: held[way].waits_for_the_end() for way in cut_off} == dict.fromkeys(cut_off, Told("nothing"))
        assert 1 - EARLY <= time.monotonic() - began < 30
        assert held["other"].end() == Told(FIRST, "other")

    flags = sorted((str(each.filter_chain), each.flags) for each in observed.entries)
    assert flags == [("leaving", "DC"), ("one", "DC"), ("other", "-"), ("plain", "DC")]
    details = {str(each.details).partition("(")[0] for each in observed.entries if each.flags == "DC"}
    assert details == {"downstream_local_disconnect"}


GRADUAL = (
    replace("Pod/gateway", "$.spec.containers[0].args[8]", "gradual", was="immediate"),
    replace("Pod/gateway", "$.spec.containers[0].args[10]", "1000000", was="1"),
)
STRATEGY = "envoy.reloadable_features.filter_chain_drain_uses_configured_strategy"


@pytest.mark.scenario(SCENARIO, *GRADUAL)
@pytest.mark.parametrize("guard", [None, False, True])
def test_who_is_to_leave_in_ten_minutes_is_told_so_at_once_until_1_40(
    scene: Scene, plane: ControlPlane, guard: bool | None
) -> None:
    """By default ever more of them are told, the later the more. Until then no strategy counted here.

    It is a million seconds: within ten minutes each second one of six hundred would be told.
    """
    knows_strategy = scene.release.version in VersionRange(">=1.40")
    layer = {} if guard is None or not knows_strategy else {STRATEGY: guard}
    runtime = replace("rtds.yaml", "$.resources[0].layer", layer)
    plane.acknowledged(plane.publish(resources(scene, runtime)))
    with scene.watched(), visitor(scene, ONE) as idle:
        assert idle.ask() == Told(FIRST, "one")
        plane.acknowledged(plane.publish(resources(scene, runtime, renamed("chains", "one"))))
        assert idle.ask() == Told(FIRST, "one", closes=not knows_strategy or guard is False)
        assert newcomer(scene, ONE) == Told(FIRST, "renamed")


def test_a_new_certificate_is_for_new_connections(scene: Scene, plane: ControlPlane) -> None:
    before = listeners(scene)
    with (
        scene.watched() as observed,
        under_way(scene, WAYS, ["one"]) as held,
        visitor(scene, ONE) as idle,
        regular(scene, ONE) as steady,
    ):
        assert idle.ask() == Told(FIRST, "one")
        with visitor(scene, OTHER) as other:
            assert other.certificate == idle.certificate
        steady.ask(5)
        version = plane.publish(resources(scene, *rotated(scene)))
        steady.ask(10)
        plane.acknowledged(version)
        with visitor(scene, ONE) as one, visitor(scene, OTHER) as other:
            assert one.certificate == other.certificate != held["one"].certificate == idle.certificate
            assert (one.ask(), other.ask()) == (Told(FIRST, "one"), Told(FIRST, "other"))
        assert held["one"].end() == held["one"].ask() == idle.ask() == Told(FIRST, "one")

    assert (steady.turns, len(observed.entries)) == ([FIRST], 15 + 2 + 2 + 2)
    assert listeners(scene, before) == {}


def rotated(scene: Scene) -> list[Edit]:
    """The certificate of the name that is in use is the next one's."""
    secrets = scene.deployment.scenario.config("sds.yaml")["resources"]
    [following] = (each["tls_certificate"] for each in secrets if each["name"] == "next")
    return [replace("sds.yaml", CERTIFICATE, following)]


FRAGMENT = "envoy.reloadable_features.http_reject_path_with_fragment"


def test_a_guard_holds_from_the_next_request_on(scene: Scene, plane: ControlPlane) -> None:
    """Whether a path may hold "#": by default no request with one passes."""

    def set_to(value: bool | None) -> None:
        layer = {} if value is None else {FRAGMENT: value}
        plane.acknowledged(plane.publish(resources(scene, replace("rtds.yaml", "$.resources[0].layer", layer))))

    with scene.watched() as observed, under_way(scene, WAYS, ["plain"]) as held, visitor(scene, PLAIN) as idle:
        assert idle.ask().by == FIRST
        set_to(value=False)
        assert idle.ask("/page#top").by == FIRST
        # What is taken away is as it was before only since 1.38.
        set_to(value=None)
        is_back = scene.release.version in VersionRange(">=1.38")
        with visitor(scene, PLAIN) as newer:
            assert newer.ask("/page#top").by == ("400" if is_back else FIRST)
        set_to(value=True)
        assert idle.ask("/page#top") == Told("400", "plain", closes=True)
        assert held["plain"].end() == Told(FIRST, "plain")

    rejected = [each.details for each in observed.entries if each.status == 400]
    assert rejected == ["path_normalization_failed"] * (2 if is_back else 1)
