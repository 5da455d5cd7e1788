"""What the probes of a group count together is what Envoy counted, by a reading of all its statistics."""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from takeover.evidence.counters import Stats, difference, states
from takeover.net import http
from takeover.probes.probe import Group, Probe
from takeover.probes.probe_file import read_probes
from takeover.probes.stretch import Observed, Stretch
from takeover.scenario.library import Library
from takeover.scene import Scene


def read(scene: Scene, kind: str) -> dict[str, Stats]:
    """All statistics of a kind of each Envoy, also those that were never set; but for what leads to control planes."""
    several, found = len(scene.envoys) > 1, dict[str, Stats]()
    for each in scene.envoys:
        with http.client(lambda *_, of=each: scene.connect_to_admin(of), "http://envoy.admin") as admin:
            told = admin.get("/stats", params={"format": "json", "type": kind}).raise_for_status().json()["stats"]
        planes = tuple(f"cluster.{plane}." for plane in each.control_planes)
        found[f" ({each.pod}/{each.container})" if several else ""] = {
            one["name"]: one["value"] for one in told if "name" in one and not one["name"].startswith(planes)
        }
    return found


SAMPLE = 12
"""Probes of a group at most, from all over it."""
EACH = 3
"""Of so many scenarios of the atlas one is tried."""
ALL = bool(os.environ.get("TAKEOVER_TEST_ALL_GROUPS"))
"""Whether all of the atlas is: that takes many minutes."""

FORGETS = ("cluster_manager.cluster_modified", "cluster_manager.cluster_removed", "hds_delegate.requests")
"""What Envoy counts where it replaces or removes clusters, and with each all that it had counted."""


def forgotten(told: dict[str, int], before: dict[str, Stats], after: dict[str, Stats]) -> set[str]:
    """What was told of clusters of which Envoy itself knows less by now: since then it has taken some away."""
    found = set[str]()
    for envoy, its in after.items():
        was = before[envoy]
        if any(its.get(name, 0) > was.get(name, 0) for name in FORGETS):
            its_own = [each for each in told if each.startswith("cluster.") and each.endswith(envoy)]
            of_clusters = {each: each.removesuffix(envoy) for each in its_own}
            found |= {each for each, name in of_clusters.items() if its.get(name, 0) - was.get(name, 0) < told[each]}
    return found


def told(observed: list[Observed]) -> tuple[dict[str, int], dict[str, int]]:
    """What all of them moved; and what gauges were last, of those of which any tells."""
    moved, gauges = Counter[str](), dict[str, int]()
    for each in observed:
        for name, by in each.moved.items():
            moved[name] += by
        gauges |= each.gauges or {}
    return {name: by for name, by in moved.items() if by}, gauges


def scenarios() -> list[str]:
    """Their names: to read their probes takes many seconds, in each process that collects tests."""
    library = Library.bundled()
    atlas = [each for each in library.names() if library.chapter(each) == "atlas"]
    return [each for each in library.names() if each not in atlas] + atlas[:: 1 if ALL else EACH]


@pytest.mark.parametrize("name", scenarios())
def test_what_each_groups_probes_tell_adds_up_to_all_that_envoy_counts(name: str, deploy: Callable[..., Scene]) -> None:
    scenario = Library.bundled().scenario(name)
    groups = read_probes(scenario)
    # Of the atlas a sample, of the first group of some scenarios.
    sampled = scenario.chapter == "atlas" and not ALL
    for group in groups[:1] if sampled else groups:
        every = len(group.probes) // SAMPLE + 1 if sampled else 1
        assert_adds_up(group, group.probes[::every], deploy(group))


def assert_adds_up(group: Group, probes: Sequence[Probe], scene: Scene) -> None:
    """What these probes of the group tell is what its Envoys counted meanwhile; the scene is closed then."""
    with contextlib.closing(scene):
        left = list(probes)
        while left:
            before, stretch = (read(scene, "Counters"), read(scene, "Gauges")), Stretch(scene, group)
            left = left[stretch.observe(left) :]
            if stretch.spent:  # it does not come to rest: what is read now may be otherwise in a moment
                for pod in dict.fromkeys(stretch.spent):
                    scene.restart(pod)
                continue
            assert not stretch.faults, group.name
            moved, gauges = told(stretch.observed)
            counters, left_otherwise = read(scene, "Counters"), read(scene, "Gauges")
            read_so = {
                f"{each}{name}": by
                for name, its in counters.items()
                for each, by in difference(before[0][name], its).items()
            }
            lost = forgotten(moved, before[0], counters)
            assert without(moved, lost) == without(read_so, lost), group.name
            as_left = {
                f"{each}{name}": value
                for name, its in left_otherwise.items()
                for each, value in states(before[1][name], its).items()
            }
            expected = {each: as_left.get(each, gauge_of(each, before[1])) for each in {**gauges, **as_left}}
            lost = {each for each in gauges if each.startswith("cluster.")} if lost else set()
            assert without(gauges, lost) == without(expected, lost), group.name


def without(counted: dict[str, int], lost: set[str]) -> dict[str, int]:
    """What is counted under other names."""
    return {name: value for name, value in counted.items() if name not in lost}


def gauge_of(told_as: str, read: dict[str, Stats]) -> int:
    """What a gauge is, by its name as probes tell it."""
    name, mark, envoy = told_as.partition(" (")
    return read[f"{mark}{envoy}"].get(name, 0)
