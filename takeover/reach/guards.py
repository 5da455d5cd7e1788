"""Which of a binary's runtime guards some probe shows when it is turned over alone.

Guards are turned over together first: where false and true for all make no difference, none of them shows anything by
itself (unless two undo each other). Where they do, runs in each of which others of them are turned over tell which it
is; that one must show it alone, each time.
"""

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import UNSET

from takeover.base.errors import TakeoverError
from takeover.compare.kinds import rank
from takeover.compare.stability import Aspect, aspects
from takeover.model.document import Observation
from takeover.probes.observing import NotObservedError
from takeover.probes.probe import Group, Probe
from takeover.reach import codes
from takeover.reach import proofs as stored
from takeover.reach.fingerprint import fingerprint
from takeover.reach.kept import Kept, NotKeptError
from takeover.reach.proofs import GuardProof, Proving, Tried, side_by_side
from takeover.reach.trial import Seen, Trial
from takeover.scenario.edits import Edit
from takeover.scenario.runtime_layers import with_layer

_LAYER = "envoy-takeover.guards"
_FILLING = "envoy-takeover.filling"
"""In the place of guards that are not turned over: Envoy counts a runtime's keys."""
_WORDS = ("envoy.reloadable_features.", "envoy.restart_features.", _FILLING)
"""What only who asks Envoy for its runtime, or its configuration, gets to read."""


_CANDIDATES = 3
"""For one thing that differs so many guards are tried."""
_FEW = 3
"""By so many things that differ a guard is tried: not to make more probes than that takes."""


class OutOfTimeError(Exception):
    """The time is over that there was."""


class Turning:
    """Turns guards over, group by group, those with the most probes first.

    Args:
        how: what is needed for that.
        kept: what is known already, and gets what is found.
    """

    def __init__(self, how: Proving, kept: Kept) -> None:
        self._how = how
        self._kept = kept
        self._proofs = kept.proofs
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
            except NotKeptError:
                raise
            except (TakeoverError, NotObservedError, OSError) as error:
                self._how.tell(f"{group.id}: could not be tried: {(str(error).splitlines() or [repr(error)])[0]}")

        before = {each.group for each in self._proofs.guards_tried}
        # Those of which nothing is known yet come first: where others were, little is left to be seen. Of these, those
        # with the most probes: one search finds what all of them show, and once that is known, the others are quiet.
        side_by_side(self._how, one, sorted(groups, key=lambda each: (each.id in before, -len(each.probes))))
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
        left_out = {*wanted} - {*self._unknown(wanted)}
        self._on_all(parts, guards)
        with self._lock:
            others = [each for each in self._proofs.guards_tried if each.group != group.id]
            places = [number for number, each in enumerate(self._proofs.all_guards) if each in left_out]
            self._proofs.guards_tried = [*others, Tried(group.id, here, places)]
            self._kept.write()
            shown = len(self._proofs.guards)
        self._how.tell(
            f"{group.id}: {shown} of {len(self._proofs.all_guards)} guards seen so far, "
            f"{shown - shown_before} meanwhile "
            f"({len(group.probes)} probes, {parts.deployments} deployments, {time.monotonic() - begun:.1f} s)"
        )

    def _on_all(self, parts: "_Parts", guards: Sequence[str]) -> None:
        """Keeps what shows on some probe of the group, round by round: what shows much may hide what shows little."""
        while unknown := self._unknown(guards):
            self._check_time()
            all_alike = codes.all_alike(unknown)
            off, on = (parts.whole.observed(self._edits(parts.group, each)) for each in all_alike)
            refused = [value for value, seen in ((False, off), (True, on)) if any(map(_is_not_started, seen.values()))]
            if refused:
                found = sum(self._of_those_that_end_it(parts.first(), unknown, value) for value in refused)
            elif noticing := [each for each in off if each in on and aspects(off[each], on[each])]:
                found = self._by_patterns(parts, noticing, unknown)
                found = found or self._with_those_before(parts.up_to(noticing), unknown)
            else:
                return
            if not found:
                return

    def _of_those_that_end_it(self, first: Trial, unknown: Sequence[str], value: bool) -> int:
        seen = first.shows(self._edits(first.group, dict.fromkeys(unknown, value)))
        refused = [each for each in seen if each.is_not_started]
        return self._of(first, unknown, value, refused) if refused else 0

    def _by_patterns(self, parts: "_Parts", noticing: Iterable[str], unknown: Sequence[str]) -> int:
        """Keeps those that runs of a pattern of their own tell of. Returns how many are new."""
        trial = parts.alone(noticing)
        by_aspect: dict[tuple[str, Aspect], Seen] = {}
        runs = []
        for settings in (*codes.all_alike(unknown), *codes.by_digits(unknown)):
            self._check_time()
            differing = trial.shows(self._edits(parts.group, settings))
            if not any(each.is_not_started for each in differing):
                by_aspect |= {each.aspect: each for each in differing}
                runs.append((settings, {each.aspect for each in differing}))
        found, asked = 0, Counter[tuple[str, Aspect]]()
        for candidate, explained in codes.candidates(runs, _CANDIDATES):
            open_yet = [by_aspect[each] for each in explained if asked[each] < _CANDIDATES]
            if self._unknown([candidate.guard]) and open_yet:
                few = sorted(open_yet, key=lambda each: rank(each.kind))[:_FEW]
                alone = parts.alone(each.probe for each in few)
                is_new = self._shown(alone, [candidate.guard], candidate.value, few)
                found += is_new
                # What one of them is found to show needs no other; nor is all tried for what is of chance.
                asked.update(dict.fromkeys(explained, _CANDIDATES if is_new else 1))
        return found

    def _with_those_before(self, trial: Trial, unknown: Sequence[str]) -> int:
        """Likewise, half by half, where a probe shows something only after those that come before it."""
        found = 0
        for value in (False, True):
            self._check_time()
            settings = self._edits(trial.group, dict.fromkeys(unknown, value))
            seen = trial.shows(settings)
            if seen and trial.still(seen, settings) is not None:
                found += self._of(trial, self._unknown(unknown), value, seen)
        return found

    def _unknown(self, guards: Iterable[str]) -> list[str]:
        """Those of which nothing is proved by now."""
        with self._lock:
            known = {each.guard for each in self._proofs.guards}
        return [each for each in guards if each not in known]

    def _trial(self, group: Group, here: str) -> Trial:
        edits_of_all = self._edits(group, {})
        return Trial(self._how.engine, self._how.release, self._how.library, group, here, edits_of_all, _WORDS)

    def _shown(self, trial: Trial, guards: Sequence[str], value: bool, known: Sequence[Seen] = ()) -> int:
        """Keeps those of the guards that show something by themselves with that value. Returns how many are new.

        Args:
            known: what more of them show together: a probe that comes after all of these shows nothing.
        """
        if not guards:
            return 0
        self._check_time()
        seen = trial.shows(self._edits(trial.group, dict.fromkeys(guards, value)), known)
        return self._of(trial, guards, value, seen) if seen else 0

    def _of(self, trial: Trial, guards: Sequence[str], value: bool, seen: Sequence[Seen]) -> int:
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
        proved = trial.still(seen, self._edits(trial.group, dict.fromkeys(guards, value)))
        if proved is None:
            return 0
        with self._lock:
            is_new = all(each.guard != guards[0] for each in self._proofs.guards)
            if is_new:
                self._proofs.guards.append(GuardProof(guards[0], value, trial.fingerprint, proved))
                self._kept.write()
        return int(is_new)

    def _check_time(self) -> None:
        if self._how.is_over:
            raise OutOfTimeError

    def _edits(self, group: Group, settings: codes.Settings) -> list[Edit]:
        """What gives guards these values from Envoy's start on; without guards the same layers."""
        scenario = self._how.library.scenario(group.scenario, group.bases).edited(group.edits)
        filling = {f"{_FILLING}.{number}": True for number in range(len(settings), len(self._proofs.all_guards))}
        return with_layer(scenario, _LAYER, {**settings} | filling)


def _is_not_started(seen: Observation) -> bool:
    return seen.breakdown is not UNSET and seen.breakdown.how == "not-started"


class _Parts:
    """The probes of a group, and some of them, each with a base of its own."""

    def __init__(self, trial: Callable[[Group], Trial], group: Group) -> None:
        self.group = group
        self.whole = trial(group)
        self._trial = trial
        self._some = {tuple(map(self._name, group.probes)): self.whole}

    def first(self) -> Trial:
        """The first probe alone: it finds whether Envoy starts."""
        return self._of(self.group.probes[:1])

    def alone(self, names: Iterable[str]) -> Trial:
        """These probes, without those before them."""
        wanted = {*names}
        return self._of(tuple(each for each in self.group.probes if self._name(each) in wanted))

    def up_to(self, names: Iterable[str]) -> Trial:
        """These probes, and all before them: what one reads may be what others did, on whatever port."""
        wanted = {*names}
        last = max(number for number, each in enumerate(self.group.probes) if self._name(each) in wanted)
        return self._of(self.group.probes[: last + 1])

    def _of(self, probes: tuple[Probe, ...]) -> Trial:
        names = tuple(map(self._name, probes))
        if names not in self._some:
            self._some[names] = self._trial(dataclasses.replace(self.group, probes=probes))
        return self._some[names]

    def _name(self, probe: Probe) -> str:
        return f"{self.group.name}/{probe.name}"

    @property
    def deployments(self) -> int:
        """How many there were."""
        return sum(each.deployments for each in self._some.values())
