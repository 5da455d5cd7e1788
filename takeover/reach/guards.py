"""Which of a binary's runtime guards some probe shows when it is turned over alone.

Guards are turned over together first: where nothing at all differs, none of them shows anything by itself (unless two
undo each other). Where something does, each half is looked at, down to the single guard, which must show it each time.
"""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from takeover.base.errors import TakeoverError
from takeover.probes.observing import NotObservedError
from takeover.probes.probe import Group
from takeover.reach import proofs as stored
from takeover.reach.fingerprint import fingerprint
from takeover.reach.proofs import GuardProof, Proofs, Proving, Tried, side_by_side
from takeover.reach.trial import Seen, Trial
from takeover.scenario import edits
from takeover.scenario.edits import Edit
from takeover.scenario.envoy_config import either

_LAYER = "envoy-takeover.guards"
_FILLING = "envoy-takeover.filling"
"""In the place of guards that are not turned over: Envoy counts a runtime's keys."""
_WORDS = ("envoy.reloadable_features.", "envoy.restart_features.", _FILLING)
"""What only who asks Envoy for its runtime, or its configuration, gets to read."""


class OutOfTimeError(Exception):
    """The time is over that there was."""


class Turning:
    """Turns guards over, group by group, those with the fewest probes first.

    Args:
        how: what is needed for that.
        proofs: what is known already, and gets what is found.
    """

    def __init__(self, how: Proving, proofs: Proofs) -> None:
        self._how = how
        self._proofs = proofs
        self._lock = threading.Lock()

    def turn(self, groups: Iterable[Group]) -> list[str]:
        """Tries all guards that nothing has shown yet on each group. Returns the groups for which there was no time."""
        left: list[str] = []

        def one(group: Group) -> None:
            try:
                self._on(group)
            except OutOfTimeError:
                with self._lock:
                    left.append(group.id)
            except (TakeoverError, NotObservedError, OSError) as error:
                self._how.tell(f"{group.id}: could not be tried: {(str(error).splitlines() or [repr(error)])[0]}")

        before = {each.group for each in self._proofs.guards_tried}
        # Those of which nothing is known yet come first: where others were, little is left to be seen.
        side_by_side(self._how, one, sorted(groups, key=lambda each: (each.id in before, len(each.probes))))
        return sorted(left)

    def _on(self, group: Group) -> None:
        with self._lock:
            guards = stored.not_tried(self._proofs, group.id)
            wanted = stored.not_tried_before(self._proofs, group.id)
        if not guards:
            return
        begun = time.monotonic()
        self._check_time()
        here = fingerprint(self._how.library, group, self._how.release)
        parts = _Parts(lambda part: self._trial(part, here), group)
        shown_before = len(self._proofs.guards)
        for value in (False, True):
            left_out = {*wanted} - {*self._unknown(wanted)}
            self._on_all(parts, guards, value)
        with self._lock:
            others = [each for each in self._proofs.guards_tried if each.group != group.id]
            places = [number for number, each in enumerate(self._proofs.all_guards) if each in left_out]
            self._proofs.guards_tried = [*others, Tried(group.id, here, places)]
            stored.write(self._proofs, self._how.release, self._how.reports)
            shown = len(self._proofs.guards)
        self._how.tell(
            f"{group.id}: {shown} of {len(self._proofs.all_guards)} guards seen so far, "
            f"{shown - shown_before} meanwhile "
            f"({len(group.probes)} probes, {parts.deployments} deployments, {time.monotonic() - begun:.1f} s)"
        )

    def _on_all(self, parts: "_Parts", guards: Sequence[str], value: bool) -> None:
        """Keeps what shows on some probe of the group: found by those of one port, of which there are few."""
        while unknown := self._unknown(guards):
            self._check_time()
            seen = parts.whole.shows(self._edits(parts.group, unknown, value))
            if not seen:
                return
            for part in parts.of(seen):
                self._shown(part, self._unknown(unknown), value)
            if len(self._unknown(unknown)) == len(unknown):
                # It takes the probes of other ports, too; or it was chance.
                if parts.whole.still(seen, self._edits(parts.group, unknown, value)) is not None:
                    of = self._of_halves if len(unknown) > 1 else self._of_one
                    of(parts.whole, unknown, value, seen)
                return

    def _unknown(self, guards: Iterable[str]) -> list[str]:
        """Those of which nothing is proved by now."""
        with self._lock:
            known = {each.guard for each in self._proofs.guards}
        return [each for each in guards if each not in known]

    def _trial(self, group: Group, here: str) -> Trial:
        edits_of_all = self._edits(group, (), False)
        return Trial(self._how.engine, self._how.release, self._how.library, group, here, edits_of_all, _WORDS)

    def _shown(self, trial: Trial, guards: Sequence[str], value: bool, known: Sequence[Seen] = ()) -> int:
        """Keeps those of the guards that show something by themselves with that value. Returns how many are new.

        Args:
            known: what more of them show together: a probe that comes after all of these shows nothing.
        """
        if not guards:
            return 0
        self._check_time()
        seen = trial.shows(self._edits(trial.group, guards, value), known)
        if not seen:
            return 0
        of = self._of_halves if len(guards) > 1 else self._of_one
        return of(trial, guards, value, seen)

    def _of_halves(self, trial: Trial, guards: Sequence[str], value: bool, seen: Sequence[Seen]) -> int:
        middle = len(guards) // 2
        first, second = guards[:middle], guards[middle:]
        found = self._shown(trial, first, value, seen)
        # Where the first half shows nothing, the second one shows it all: as a whole it need not be asked.
        if found or len(second) == 1:
            return found + self._shown(trial, second, value, seen)
        return self._of_halves(trial, second, value, seen)

    def _of_one(self, trial: Trial, guards: Sequence[str], value: bool, seen: Sequence[Seen]) -> int:
        self._check_time()
        proved = trial.still(seen, self._edits(trial.group, guards, value))
        if proved is None:
            return 0
        with self._lock:
            is_new = all(each.guard != guards[0] for each in self._proofs.guards)
            if is_new:
                self._proofs.guards.append(GuardProof(guards[0], value, trial.fingerprint, proved))
                stored.write(self._proofs, self._how.release, self._how.reports)
        return int(is_new)

    def _check_time(self) -> None:
        if self._how.is_over:
            raise OutOfTimeError

    def _edits(self, group: Group, guards: Sequence[str], value: bool) -> list[Edit]:
        """What gives these guards that value from Envoy's start on; without guards the same layers."""
        scenario = self._how.library.scenario(group.scenario, group.bases).edited(group.edits)
        filling = {f"{_FILLING}.{number}": True for number in range(len(guards), len(self._proofs.all_guards))}
        layer = {"name": _LAYER, "static_layer": dict.fromkeys(guards, value) | filling}
        made = []
        for file in dict.fromkeys(each.config for each in scenario.envoys):
            runtime = either(scenario.config(file), "layered_runtime")
            if runtime is None:
                # Where a config says nothing of its runtime, the admin API can change it.
                layers = [layer, {"name": "admin", "admin_layer": {}}]
                made.append(edits.add(file, "$", "layered_runtime", {"layers": layers}))
            else:
                key = "layered_runtime" if "layered_runtime" in scenario.config(file) else "layeredRuntime"
                layers = [*runtime.get("layers", []), layer]
                made.append(edits.replace(file, f"$.{key}", {**runtime, "layers": layers}))
        return made


class _Parts:
    """The probes of a group, and those of them that go to one port, each with a base of its own."""

    def __init__(self, trial: Callable[[Group], Trial], group: Group) -> None:
        self.group = group
        self.whole = trial(group)
        self._trial = trial
        self._ports: dict[int, Trial] = {}

    def of(self, seen: Iterable[Seen]) -> list[Trial]:
        """The parts by whose probes something is seen, those with the fewest first; none if there is one port alone."""
        names = {each.probe for each in seen}
        ports = {each.to.port for each in self.group.probes if f"{self.group.name}/{each.name}" in names}
        if len({each.to.port for each in self.group.probes}) == 1:
            return []
        for port in ports - self._ports.keys():
            probes = tuple(each for each in self.group.probes if each.to.port == port)
            self._ports[port] = self._trial(dataclasses.replace(self.group, probes=probes))
        return sorted((self._ports[port] for port in ports), key=lambda each: len(each.group.probes))

    @property
    def deployments(self) -> int:
        """How many there were."""
        return self.whole.deployments + sum(each.deployments for each in self._ports.values())
