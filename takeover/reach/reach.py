"""The reach over one binary, as a record."""

from pathlib import Path
from typing import Literal

import msgspec

from takeover.inventory.running import described_extensions
from takeover.model.release import Release
from takeover.reach.configurations import probed_groups, whole_configurations
from takeover.reach.extensions import Known, Occurrence, occurrences
from takeover.reach.fields import MessageReach, fields_reached, messages_met
from takeover.reach.kept import Kept
from takeover.reach.left_out import why_guard_left_out, why_left_out
from takeover.reach.proofs import Proofs, not_tried, still_true
from takeover.reach.trial import Seen
from takeover.reach.walking import Met, walk
from takeover.scenario.library import Library

State = Literal["proven", "configured", "absent", "left-out"]


class ExtensionReach(msgspec.Struct, frozen=True):
    """What is known of one extension.

    Args:
        extension: as CATEGORY/NAME.
        state: `proven`: without it some probe is answered otherwise; `configured`: it stands in some probed
            configuration.
        why: it is left out, or not proven.
        groups: those in whose configurations it stands, as SCENARIO/GROUP.
        is_implied: whether it stands there by what another message says alone.
        how: it was taken out where that shows.
        seen: by what.
    """

    extension: str
    state: State
    why: str = ""
    groups: list[str] = []
    is_implied: bool = False
    how: str = ""
    seen: Seen | None = None

    @property
    def category(self) -> str:
        """Its category."""
        return self.extension.partition("/")[0]


class GuardReach(msgspec.Struct, frozen=True):
    """What is known of one runtime guard.

    Args:
        value: what it was set to when a probe showed it.
        seen: by what; None where nothing shows it.
        why: it is left out; empty if it counts.
    """

    guard: str
    value: bool | None = None
    seen: Seen | None = None
    why: str = ""


class Reach(msgspec.Struct, frozen=True):
    """What the probed configurations of a library reach of one binary.

    Args:
        envoy: the binary's name.
        sha256: its checksum.
        groups: how many groups of probes there are.
        probes: how many probes.
        extensions: all that it has.
        messages: the main messages.
        all_messages: all that stand in some probed configuration.
        guards: the runtime guards that it holds; none where none was turned over.
        guards_tried: on how many of the groups.
    """

    envoy: str
    sha256: str
    groups: int
    probes: int
    extensions: list[ExtensionReach]
    messages: list[MessageReach]
    all_messages: list[MessageReach]
    guards: list[GuardReach]
    guards_tried: int


def reach_of(library: Library, release: Release, reports: Path) -> Reach:
    """The reach.

    Args:
        library: whose probes are meant.
        release: the binary.
        reports: where proofs are kept.

    Raises: BadInputError for a library that cannot be read, TakeoverError when the binary does not tell.
    """
    groups = probed_groups(library, release)
    proofs = Kept.of(release, reports, library.names()).proofs
    still_true(proofs, library, groups, release)
    known = Known(described_extensions(release.path))
    met: list[Met] = []
    found: dict[str, list[Occurrence]] = {}
    for configuration in whole_configurations(library, groups):
        of_it = list(walk(configuration.message, configuration.data))
        met += of_it
        for each in occurrences(known, configuration, of_it):
            found.setdefault(each.extension, []).append(each)
    return Reach(
        release.name,
        release.sha256,
        len(groups),
        sum(len(each.probes) for each in groups),
        [_reached(each, found.get(each, []), proofs) for each in known.ids],
        fields_reached(met),
        fields_reached(met, messages_met(met)),
        _guards(proofs),
        sum(not not_tried(proofs, each.group) for each in proofs.guards_tried),
    )


def _reached(extension: str, found: list[Occurrence], proofs: Proofs) -> ExtensionReach:
    groups = list(dict.fromkeys(group for each in found for group in each.configuration.groups))
    is_implied = bool(found) and all(each.is_implied for each in found)
    if why := why_left_out(extension):
        return ExtensionReach(extension, "left-out", why, groups, is_implied)
    proof = next((each for each in proofs.extensions if each.extension == extension), None)
    if proof is not None:
        return ExtensionReach(extension, "proven", "", groups, is_implied, proof.how, proof.seen)
    unproved = dict.fromkeys(each.why for each in proofs.extensions_unproved if each.extension == extension)
    return ExtensionReach(extension, "configured" if found else "absent", "; ".join(unproved), groups, is_implied)


def _guards(proofs: Proofs) -> list[GuardReach]:
    shown = {each.guard: each for each in proofs.guards}
    return [
        GuardReach(name, shown[name].value, shown[name].seen)
        if name in shown
        else GuardReach(name, why=why_guard_left_out(name))
        for name in proofs.all_guards
    ]
