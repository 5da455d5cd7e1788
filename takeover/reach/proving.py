"""Which extensions some probe shows: it is made again on the same Envoy without the extension in its configuration."""

import dataclasses
import threading
import time
from collections.abc import Mapping, Sequence

from takeover.base.errors import BadInputError, DeploymentError, TakeoverError
from takeover.inventory.running import described_extensions
from takeover.probes.observing import NotObservedError
from takeover.probes.probe import Group
from takeover.reach.configurations import probed_groups, whole_configurations
from takeover.reach.extensions import Known, Occurrence, occurrences
from takeover.reach.fingerprint import fingerprint
from takeover.reach.kept import Kept
from takeover.reach.left_out import why_left_out
from takeover.reach.near import probes_by, ways_near
from takeover.reach.proofs import ExtensionProof, Proving, Unproved, side_by_side, still_true
from takeover.reach.taking_out import Path, taken_out
from takeover.reach.trial import Trial
from takeover.reach.walking import Met, walk
from takeover.scenario import edits

_GROUPS = 3
"""Of the groups that configure an extension so many are tried where the fewest probes come by, and where most do."""
_WAYS = 8
"""How many ways to take it out are tried on each."""


class Whole:
    """What a library configures: where each extension stands, by group."""

    def __init__(self, how: Proving, groups: Sequence[Group]) -> None:
        known = Known(described_extensions(how.release.path))
        self.met: dict[str, dict[str, dict[Path, Met]]] = {}
        """Group → file → where → message."""
        self.places: dict[str, dict[str, list[Occurrence]]] = {}
        """Extension → group → where it stands."""
        for configuration in whole_configurations(how.library, groups):
            met = list(walk(configuration.message, configuration.data))
            by_path = {each.path: each for each in met}
            found = list(occurrences(known, configuration, met))
            for group in configuration.groups:
                self.met.setdefault(group, {})[configuration.file] = by_path
                for each in found:
                    self.places.setdefault(each.extension, {}).setdefault(group, []).append(each)


def prove(how: Proving) -> list[str]:
    """Takes out each extension that is configured and of which nothing is proved. Returns those without time.

    Raises: BadInputError for a library that cannot be read, TakeoverError when the binary does not tell.
    """
    groups = probed_groups(how.library, how.release)
    how.check_groups(groups)
    kept = Kept.of(how.release, how.reports, how.library.names())
    known = kept.proofs
    if how.anew:
        known.extensions = [each for each in known.extensions if not how.is_meant(each.seen.group)]
        known.extensions_unproved = [each for each in known.extensions_unproved if not how.is_meant(each.group)]
    still_true(known, how.library, groups, how.release)
    whole = Whole(how, groups)
    named = {each.id: each for each in groups}
    done = {each.extension for each in known.extensions}
    tried = {(each.extension, each.group) for each in known.extensions_unproved}
    wanted: dict[str, list[str]] = {}
    for extension, places in whole.places.items():
        if extension not in done and not why_left_out(extension):
            by_effort = sorted(places, key=lambda each: _effort(named[each], places[each]))
            for group in dict.fromkeys((*by_effort[:_GROUPS], *by_effort[-_GROUPS:])):
                if (extension, group) not in tried and how.is_meant(group):
                    wanted.setdefault(group, []).append(extension)
    number = len({each for extensions in wanted.values() for each in extensions})
    how.tell(f"{len(done)} extensions shown by proofs that are kept; {number} to be taken out, of {len(wanted)} groups")
    return _Proofs(how, kept, whole).prove({named[each]: extensions for each, extensions in wanted.items()})


def _effort(group: Group, places: Sequence[Occurrence]) -> tuple[bool, int]:
    """Last come those where nobody knows which probes come by; of the others first those where few do."""
    ports = ways_near(group, places)[0]
    return not ports, len(probes_by(group, ports))


class _Proofs:
    """Makes them, group by group, those with the fewest probes first."""

    def __init__(self, how: Proving, kept: Kept, whole: Whole) -> None:
        self._how = how
        self._kept = kept
        self._known = kept.proofs
        self._whole = whole
        self._lock = threading.Lock()
        self._left: set[str] = set()

    def prove(self, wanted: Mapping[Group, Sequence[str]]) -> list[str]:
        ordered = sorted(wanted.items(), key=lambda each: len(each[0].probes))
        side_by_side(self._how, lambda each: self._of_group(*each), ordered)
        return sorted(self._left - {each.extension for each in self._known.extensions})

    def _of_group(self, group: Group, extensions: Sequence[str]) -> None:
        begun = time.monotonic()
        trials: dict[frozenset[int], Trial] = {}
        here = fingerprint(self._how.library, group, self._how.release)
        shown = 0
        for extension in extensions:
            if self._is_known(extension):
                continue
            if self._how.is_over:
                self._left.update(extensions)
                break
            proof = self._of_places(group, trials, extension, here)
            if proof is None:
                continue
            shown += isinstance(proof, ExtensionProof)
            with self._lock:
                if isinstance(proof, Unproved):
                    self._known.extensions_unproved.append(proof)
                elif not self._is_known(extension):
                    self._known.extensions.append(proof)
                self._kept.write()
        deployments = sum(each.deployments for each in trials.values())
        self._how.tell(
            f"{group.id}: {shown} of {len(extensions)} extensions shown "
            f"({len(group.probes)} probes, {deployments} deployments, {time.monotonic() - begun:.1f} s)"
        )

    def _of_places(
        self, group: Group, trials: dict[frozenset[int], Trial], extension: str, here: str
    ) -> ExtensionProof | Unproved | None:
        """What becomes of the probes that come by the fewest of its places; if they do as before, of all.

        None where that is not known, as they could not be observed: it is tried another time.
        """
        proof: ExtensionProof | Unproved | None = None
        for ports in ways_near(group, self._whole.places[extension][group.id]):
            if ports not in trials:
                part = dataclasses.replace(group, probes=probes_by(group, ports))
                trials[ports] = Trial(self._how.engine, self._how.release, self._how.library, part, here)
            try:
                proof = self._of(trials[ports], extension)
            except (TakeoverError, NotObservedError, OSError) as error:
                why = (str(error).splitlines() or [repr(error)])[0]
                self._how.tell(f"{group.id}: {extension}: could not be tried: {why}")
                return None
            if isinstance(proof, ExtensionProof):
                break
        assert proof is not None
        return proof

    def _is_known(self, extension: str) -> bool:
        return any(each.extension == extension for each in self._known.extensions)

    def _of(self, trial: Trial, extension: str) -> ExtensionProof | Unproved:
        """What becomes of the probes without it.

        Raises: DeploymentError, NotObservedError where they cannot be observed with it.
        """
        here = trial.fingerprint
        trial.base()  # what cannot be observed as it is says nothing of what is taken out
        why = "cannot be taken out: Envoy has no configuration without it"
        places = self._whole.places[extension][trial.group.id]
        for number, way in enumerate(taken_out(places, self._whole.met[trial.group.id])):
            if number == _WAYS:
                break
            change = [*(edits.replace(file, "$", data) for file, data in way.data.items())]
            try:
                seen = trial.shows(change)
            except (DeploymentError, BadInputError, NotObservedError) as error:
                why = f"{way.how}: cannot be observed: {str(error).splitlines()[0]}"
                continue
            if any(each.is_not_started for each in seen):
                why = "cannot be taken out: Envoy does not load what is left"
                continue
            if not seen:
                return Unproved(extension, trial.group.id, here, f"taken out ({way.how}): nothing differs")
            again = trial.still(seen, change)
            if again is None:
                return Unproved(extension, trial.group.id, here, f"taken out ({way.how}): not always the same differs")
            return ExtensionProof(extension, way.how, here, again)
        return Unproved(extension, trial.group.id, here, why)
