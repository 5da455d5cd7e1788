"""One probe on one Envoy, with runtime guards set to false."""

import dataclasses
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import msgspec

from takeover.engines.interface import Engine
from takeover.envoy.releases import Release
from takeover.errors import BadInputError
from takeover.probes.observing import Observer
from takeover.probes.probe import Group
from takeover.probes.probe_file import read_probes
from takeover.results.document import Seen
from takeover.scenario import edits
from takeover.scenario.edits import Edit
from takeover.scenario.loader import Scenario
from takeover.scene import Scene


def runtime_of(guards: Sequence[str]) -> dict[str, Any]:
    """The `layered_runtime` of a bootstrap config in which these guards are false."""
    return {"layers": [{"name": "guards", "static_layer": dict.fromkeys(guards, False)}]}


class Trial:
    """Makes the probe on a deployment of its own for each set of guards."""

    def __init__(self, engine: Engine, release: Release, scenario: str, probe: str) -> None:
        self._engine = engine
        self._release = release
        self._whole = _group(scenario, probe)
        alone = next(each for each in self._whole.probes if probe == f"{self._whole.name}/{each.name}")
        self._alone = dataclasses.replace(self._whole, probes=(alone,))
        before = self._whole.probes[: self._whole.probes.index(alone) + 1]
        self._up_to_it = dataclasses.replace(self._whole, probes=before)
        self._group = self._alone

    def after_those_before(self) -> None:
        """From now on the probes that come before it in its group are made, too: a limit's bucket is theirs as well."""
        self._group = self._up_to_it

    def seen(self, guards: Sequence[str] = ()) -> Seen:
        """What is seen of the probe.

        Raises: DeploymentError where Envoy does not start so, UnrestError where the probe does not come to an end.
        """
        runtime = (edits.add("envoy.yaml", "$", "layered_runtime", runtime_of(guards)),) if guards else ()
        every: tuple[Edit, ...] = (*self._group.edits, *runtime)
        scene = Scene.deploy(self._engine, self._release, self._group.scenario, every, self._group.parts)
        try:
            return msgspec.convert(Observer(scene, self._group).observe()[-1]["seen"], Seen)
        finally:
            scene.close()

    def __enter__(self) -> "Trial":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._engine.close()


def _group(scenario: str, probe: str) -> Group:
    for group in read_probes(Scenario.named(scenario)):
        if any(probe == f"{group.name}/{each.name}" for each in group.probes):
            return group
    raise BadInputError(f"{scenario} has no probe {probe} any more: run the suites again")
