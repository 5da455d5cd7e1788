"""The reach over one binary, as a record."""

from typing import Literal

import msgspec

from takeover.inventory.running import described_extensions
from takeover.model.release import Release
from takeover.reach.configurations import probed_groups, whole_configurations
from takeover.reach.extensions import Known, Occurrence, occurrences
from takeover.reach.fields import MessageReach, fields_reached
from takeover.reach.left_out import why_left_out
from takeover.reach.walking import Met, walk
from takeover.scenario.library import Library

State = Literal["configured", "absent", "left-out"]


class ExtensionReach(msgspec.Struct, frozen=True):
    """What is known of one extension.

    Args:
        extension: as CATEGORY/NAME.
        state: `configured` stands in some probed configuration.
        why: it is left out.
        groups: those in whose configurations it stands, as SCENARIO/GROUP.
        is_implied: whether it stands there by what another message says alone.
    """

    extension: str
    state: State
    why: str = ""
    groups: list[str] = []
    is_implied: bool = False

    @property
    def category(self) -> str:
        """Its category."""
        return self.extension.partition("/")[0]


class Reach(msgspec.Struct, frozen=True):
    """What the probed configurations of a library reach of one binary.

    Args:
        envoy: the binary's name.
        sha256: its checksum.
        groups: how many groups of probes there are.
        probes: how many probes.
        extensions: all that it has.
        messages: the main messages.
    """

    envoy: str
    sha256: str
    groups: int
    probes: int
    extensions: list[ExtensionReach]
    messages: list[MessageReach]


def reach_of(library: Library, release: Release) -> Reach:
    """The reach.

    Raises: BadInputError for a library that cannot be read, TakeoverError when the binary does not tell.
    """
    groups = probed_groups(library, release)
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
        [_reached(each, found.get(each, [])) for each in known.ids],
        fields_reached(met),
    )


def _reached(extension: str, found: list[Occurrence]) -> ExtensionReach:
    groups = list(dict.fromkeys(group for each in found for group in each.configuration.groups))
    is_implied = bool(found) and all(each.is_implied for each in found)
    if why := why_left_out(extension):
        return ExtensionReach(extension, "left-out", why, groups, is_implied)
    return ExtensionReach(extension, "configured" if found else "absent", "", groups, is_implied)
