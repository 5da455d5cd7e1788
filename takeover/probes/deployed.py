"""Probes on a deployment of their own."""

from collections.abc import Sequence

from takeover.engines.contract import Engine
from takeover.model.document import ProbeResult
from takeover.model.release import Release
from takeover.probes.observing import Observer
from takeover.probes.probe import Group
from takeover.probes.removals import Removals
from takeover.scenario.edits import Edit
from takeover.scenario.library import Library
from takeover.scene import Scene


def observed_anew(
    engine: Engine,
    release: Release,
    library: Library,
    group: Group,
    edits: Sequence[Edit] = (),
    removals: Removals | None = None,
) -> list[ProbeResult]:
    """What is observed of each of the group's probes, in order, on a deployment that nobody used before.

    Args:
        edits: change the scenario besides the group's own.
        removals: takes what the rules of normalisation take out.

    Raises: DeploymentError where Envoy does not start so, NotObservedError where a probe cannot be observed.
    """
    scenario = library.scenario(group.scenario, group.bases).edited((*group.edits, *edits))
    scene = Scene.deploy(engine, release, scenario)
    try:
        return Observer(scene, group, removals).observe()
    finally:
        scene.close()
