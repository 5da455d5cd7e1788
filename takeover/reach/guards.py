"""Which of a binary's runtime guards some probe shows when it is turned over alone.

Guards are turned over together first: where nothing at all differs, none of them shows anything by itself (unless two
undo each other). Where something does, each half is looked at, down to the single guard, which must show it twice.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from takeover.base.errors import TakeoverError
from takeover.probes.observing import NotObservedError
from takeover.probes.probe import Group
from takeover.reach import proofs as stored
from takeover.reach.fingerprint import fingerprint
from takeover.reach.proofs import GuardProof, Proofs, Proving, Tried
from takeover.reach.trial import Seen, Trial
from takeover.scenario import edits
from takeover.scenario.edits import Edit
from takeover.scenario.envoy_config import either

_LAYER = "envoy-takeover.guards"


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
            name = f"{group.scenario}/{group.name}"
            try:
                self._on(group, name)
            except OutOfTimeError:
                with self._lock:
                    left.append(name)
            except (TakeoverError, NotObservedError, OSError) as error:
                self._how.tell(f"{name}: could not be tried: {(str(error).splitlines() or [repr(error)])[0]}")

        before = {each.group for each in self._proofs.guards_tried}
        with ThreadPoolExecutor(self._how.workers, "guards") as pool:
            # Those of which nothing is known yet come first: where others were, little is left to be seen.
            order = sorted(groups, key=lambda each: (f"{each.scenario}/{each.name}" in before, len(each.probes)))
            list(pool.map(one, order))
        return sorted(left)

    def _on(self, group: Group, name: str) -> None:
        with self._lock:
            guards = stored.not_tried(self._proofs, name)
        if not guards:
            return
        begun = time.monotonic()
        self._check_time()
        trial = Trial(self._how.engine, self._how.release, self._how.library, group, self._edits(group, (), False))
        trial.base()
        more = 0
        for value in (False, True):
            with self._lock:
                known = {each.guard for each in self._proofs.guards}
            more += self._shown(trial, [each for each in guards if each not in known], value)
        here = fingerprint(self._how.library, group, self._how.release)
        with self._lock:
            others = [each for each in self._proofs.guards_tried if each.group != name]
            left_out = [number for number, each in enumerate(self._proofs.all_guards) if each in known]
            self._proofs.guards_tried = [*others, Tried(name, here, left_out)]
            stored.write(self._proofs, self._how.release, self._how.reports)
            shown = len(self._proofs.guards)
        self._how.tell(
            f"{name}: {more} more guards seen, {shown} of {len(self._proofs.all_guards)} so far "
            f"({len(group.probes)} probes, {trial.deployments} deployments, {time.monotonic() - begun:.1f} s)"
        )

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
        return (
            self._of_halves(trial, guards, value, seen) if len(guards) > 1 else self._of_one(trial, guards, value, seen)
        )

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
        here = fingerprint(self._how.library, trial.group, self._how.release)
        with self._lock:
            is_new = all(each.guard != guards[0] for each in self._proofs.guards)
            if is_new:
                self._proofs.guards.append(GuardProof(guards[0], value, here, proved))
                stored.write(self._proofs, self._how.release, self._how.reports)
        return int(is_new)

    def _check_time(self) -> None:
        if time.monotonic() > self._how.until:
            raise OutOfTimeError

    def _edits(self, group: Group, guards: Sequence[str], value: bool) -> list[Edit]:
        """What gives these guards that value from Envoy's start on; without guards the same layers."""
        scenario = self._how.library.scenario(group.scenario, group.bases).edited(group.edits)
        layer = {"name": _LAYER, "static_layer": dict.fromkeys(guards, value)}
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
