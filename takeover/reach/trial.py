"""What a change of a group's deployment does to its probes: seen against the same Envoy without the change."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from takeover.base.errors import DeploymentError
from takeover.compare import breakdowns
from takeover.compare.kinds import rank
from takeover.compare.observations import ObservedChange, observation_changes
from takeover.compare.stability import Aspect, aspects
from takeover.engines.contract import Engine
from takeover.model.document import Observation
from takeover.model.json import encode
from takeover.model.release import Release
from takeover.probes.deployed import observed_anew
from takeover.probes.observing import not_started
from takeover.probes.probe import Group
from takeover.scenario.edits import Edit
from takeover.scenario.library import Library
from takeover.store import bounds

_TIMES = 2
"""How often more a change must show."""
_LONGEST = 200
"""Characters of a value that is kept of a change."""


class Seen(msgspec.Struct, frozen=True):
    """One thing by which a change shows: the probe (GROUP/PROBE), the kind of difference, of what, before and with it.

    Args:
        group: as SCENARIO/GROUP.
    """

    group: str
    probe: str
    kind: str
    what: str
    was: str | None
    now: str | None

    @property
    def is_not_started(self) -> bool:
        """Whether Envoy does not start."""
        return self.kind == breakdowns.KIND and (self.now or "").startswith("does not start")

    @property
    def aspect(self) -> tuple[str, Aspect]:
        """The probe, and what of it differs, whatever its values are."""
        return self.probe, Aspect.of(ObservedChange(self.kind, self.what, self.was, self.now))


@dataclass(frozen=True)
class Base:
    """What is observed of a group as it is: twice, each on a deployment of its own.

    Args:
        first: what was seen of each probe.
        unstable: what of it was otherwise at the second time, or later.
    """

    first: Mapping[str, Observation]
    unstable: Mapping[str, set[Aspect]]


class Trial:
    """One group of probes on one Envoy.

    Args:
        engine: where it is deployed.
        release: the Envoy.
        library: where the group is from.
        group: likewise; it may have only some of its probes.
        fingerprint: of the whole group.
        edits: are a part of every deployment.
        words: a probe in whose answer one of them stands reads the change itself, and does not count.
    """

    def __init__(
        self,
        engine: Engine,
        release: Release,
        library: Library,
        group: Group,
        fingerprint: str,
        edits: Sequence[Edit] = (),
        words: Sequence[str] = (),
    ) -> None:
        self.group = group
        self.fingerprint = fingerprint
        self._engine = engine
        self._release = release
        self._library = library
        self._edits = tuple(edits)
        self._words = words
        self._base: Base | None = None
        self.deployments = 0

    def base(self) -> Base:
        """What is seen without a change. Raises: DeploymentError, NotObservedError."""
        if self._base is None:
            first, second = self._observed(self._edits), self._observed(self._edits)
            both = {name: each for name, each in first.items() if name in second}
            self._base = Base(both, {name: aspects(each, second[name]) for name, each in both.items()})
        return self._base

    def shows(self, edits: Sequence[Edit], known: Iterable[Seen] = ()) -> list[Seen]:
        """By what a change shows, what hurts most first; nothing if the probes do as without it.

        Args, Raises: see `observed`.
        """
        return self.changes(self.observed(edits, known))

    def observed(self, edits: Sequence[Edit], known: Iterable[Seen] = ()) -> dict[str, Observation]:
        """What is observed of each probe with a change. An Envoy that does not start so is seen by its first probe.

        Args:
            edits: the change, in the place of those that are a part of every deployment.
            known: what shows something so far: probes that come after all of these are left out. None: of all.

        Raises: DeploymentError for what is not of Envoy, NotObservedError.
        """
        try:
            return self._observed(edits, {each.probe for each in known})
        except DeploymentError as error:
            scenario = self._library.scenario(self.group.scenario, self.group.bases)
            refused = not_started(self.group, scenario.envoys, error)
            if not refused:
                raise
            return {each.probe: each.observation for each in refused}

    def changes(self, now: Mapping[str, Observation]) -> list[Seen]:
        """What of that is otherwise than without the change, what hurts most first. Raises: see `base`."""
        base = self.base()
        found = [seen for probe, each in now.items() for seen in self._changes(probe, base, each)]
        return sorted(found, key=lambda each: rank(each.kind))

    def still(self, first: Sequence[Seen], edits: Sequence[Edit]) -> Seen | None:
        """Of what a change showed at first, what hurts most and is there with it, and not without, two times more.

        What is otherwise without it, too, is unstable from then on. Args, Raises: see `shows`.
        """
        for _ in range(_TIMES):
            again = {each.aspect for each in self.shows(edits, first)} if first else set()
            first = [each for each in first if each.aspect in again]
            if first:
                self._look_at_the_base_again(first)
            first = [each for each in first if not self._is_unstable(*each.aspect)]
        return first[0] if first else None

    def _look_at_the_base_again(self, known: Iterable[Seen]) -> None:
        base = self.base()
        for probe, now in self._observed(self._edits, {each.probe for each in known}).items():
            if probe in base.first:
                base.unstable[probe].update(aspects(base.first[probe], now))

    def _is_unstable(self, probe: str, aspect: Aspect) -> bool:
        return any(each.hides(aspect) for each in self.base().unstable[probe])

    def _observed(self, edits: Sequence[Edit], known: Container[str] = ()) -> dict[str, Observation]:
        self.deployments += 1
        last = [place for place, each in enumerate(self.group.probes) if f"{self.group.name}/{each.name}" in known]
        # Those before have used up what a limit gives: they stay.
        group = replace(self.group, probes=self.group.probes[: max(last) + 1]) if last else self.group
        results = observed_anew(self._engine, self._release, self._library, group, edits)
        # As it is in a document. A probe that reads the change itself out of Envoy shows nothing of what it does.
        return {
            each.probe: bounds.probe(each).observation for each in results if not self._tells_of_it(each.observation)
        }

    def _tells_of_it(self, seen: Observation) -> bool:
        text = encode([seen.headers, seen.body, seen.log]).decode()
        return any(each in text for each in self._words)

    def _changes(self, probe: str, base: Base, now: Observation) -> list[Seen]:
        if probe not in base.first:
            return []
        changes = observation_changes(base.first[probe], now)
        return [
            Seen(self.group.id, probe, each.kind, each.what, _short(each.was), _short(each.now))
            for each in changes
            if not self._is_unstable(probe, Aspect.of(each))
        ]


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
