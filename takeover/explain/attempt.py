"""One probe on one Envoy, with runtime guards set."""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from takeover.base.errors import BadInputError
from takeover.engines.contract import Engine
from takeover.model.document import Observation
from takeover.model.json import with_texts
from takeover.model.release import Release
from takeover.probes.deployed import observed_anew
from takeover.probes.probe import Group
from takeover.probes.probe_file import read_probes
from takeover.scenario.library import Library
from takeover.scenario.runtime_layers import with_layer
from takeover.store import bounds

Settings = Mapping[str, bool]
"""Guards and the values that they get."""

LAYER: Final = "guards"
"""The layer of runtime that sets them."""
NONE: Final[Settings] = MappingProxyType({})
"""All guards keep their defaults."""


class Attempt:
    """Makes the probe on a deployment of its own for each set of guards.

    Args:
        redacted: takes out of a text what may be a secret, as the run did whose observations these are compared with.
    """

    def __init__(
        self,
        engine: Engine,
        release: Release,
        library: Library,
        scenario: str,
        probe: str,
        redacted: Callable[[str], str] = str,
    ) -> None:
        self._engine = engine
        self._release = release
        self._library = library
        self._redacted = redacted
        whole, place = _found(library, scenario, probe)
        self._up_to_it = dataclasses.replace(whole, probes=whole.probes[: place + 1])
        self._group = dataclasses.replace(whole, probes=whole.probes[place : place + 1])

    def after_those_before(self) -> None:
        """From now on the probes that come before it in its group are made, too: a limit's bucket is theirs as well."""
        self._group = self._up_to_it

    def seen(self, settings: Settings = NONE, times: int = 1) -> list[Observation]:
        """What is seen of the probe.

        Args:
            settings: guards and their values; the others keep their defaults.
            times: how often it is made on the deployment, one after the other.

        Raises: DeploymentError where Envoy does not start so, NotObservedError where the probe cannot be observed.
        """
        scenario = self._library.scenario(self._group.scenario, self._group.bases).edited(self._group.edits)
        added = with_layer(scenario, LAYER, settings) if settings else []
        last = self._group.probes[-1:]
        group = dataclasses.replace(self._group, probes=(*self._group.probes, *last * (times - 1)))
        results = observed_anew(self._engine, self._release, self._library, group, added)[-times:]
        # As they are in a document.
        return [bounds.probe(with_texts(each, self._redacted)).observation for each in results]


def _found(library: Library, scenario: str, probe: str) -> tuple[Group, int]:
    """The probe's group and its place there."""
    for group in read_probes(library.scenario(scenario)):
        for place, each in enumerate(group.probes):
            if probe == f"{group.name}/{each.name}":
                return group, place
    raise BadInputError(f"{scenario} has no probe {probe} any more: run the suites again")
