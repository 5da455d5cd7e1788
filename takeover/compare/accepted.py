"""Differences that somebody accepted: a file that the user commits, read strictly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from takeover.base.patterns import matches
from takeover.compare import breakdowns
from takeover.compare.comparison import Comparison, Difference, Place, identity
from takeover.compare.kinds import BY_NAME, Change
from takeover.model.document import ProbeResult
from takeover.model.release import Release
from takeover.model.versions import version_of
from takeover.scenario.files import read_yaml
from takeover.scenario.typed_yaml import Entry, Text, read_entries

DEFAULT = "accepted.yaml"
_ID = re.compile(r"[0-9a-f]{8}")
_ENVOY = re.compile(r"v?\d{1,2}\.\d+(\.\d+)?(\.post\d+)?", re.ASCII)
_LIST = "list of accepted differences"
_PATTERNS = ("kind", "scenario", "probe", "what")


class AcceptedEntry(Entry, kw_only=True):
    """An entry of `accepted.yaml`: a difference by its id, or all that fit the patterns (* stands for anything).

    Args:
        id: the difference's id, as `takeover compare` lists it.
        kind: the kind of the differences.
        scenario: a pattern of the scenarios' names.
        probe: a pattern of `GROUP/PROBE`.
        what: a pattern of what differs.
        reason: why it is accepted.
        who: who accepted it.
        until: up to and with this version of Envoy, such as `"1.41.0"`; for a newer one it does not hold.
    """

    id: Text = ""
    kind: Text = ""
    scenario: Text = ""
    probe: Text = ""
    what: Text = ""
    reason: Text
    who: Text
    until: Text


@dataclass(frozen=True)
class Acceptance:
    """An entry of the file: a difference by its id, or all that fit the patterns given (`*` stands for anything).

    Args:
        until: up to and with this version of Envoy; for a newer one it does not hold.
        where: the "FILE:LINE" where it is written.
    """

    id: str
    patterns: tuple[tuple[str, str], ...]
    reason: str
    who: str
    until: Version
    where: str

    def fits(self, difference: Difference, place: Place) -> bool:
        """Whether it is about this difference at that place, whatever the version."""
        if self.id:
            return difference.id == self.id
        values = {"kind": difference.kind, "what": difference.what, "scenario": place.scenario, "probe": place.probe}
        return all(matches(values[name], pattern) for name, pattern in self.patterns)

    def newer(self, difference: Difference) -> list[str]:
        """The versions that have the difference, and for which it was not accepted."""
        return [each for each in difference.versions if (version := version_of(each)) and version > self.until]

    def __str__(self) -> str:
        """What it is about, for a message."""
        return self.id or ", ".join(f"{name} {pattern}" for name, pattern in self.patterns)


def read_accepted(path: Path | None, project: Path) -> tuple[Acceptance, ...]:
    """The entries of the file, none if it is empty: its last one was removed.

    Args:
        path: None: the one in the project's folder, which need not be there.

    Raises: BadInputError "FILE:LINE: …".
    """
    if path is None:
        path = project / DEFAULT
        if not path.exists():
            return ()
    return tuple(map(_entry, read_entries(path, AcceptedEntry, _LIST))) if read_yaml(path) else ()


def _entry(entry: AcceptedEntry) -> Acceptance:
    patterns = tuple((name, str(getattr(entry, name))) for name in _PATTERNS if entry.has(name))
    if entry.has("id") is bool(patterns):
        raise entry.error(f"give an id, or one or more of {', '.join(_PATTERNS)}; not both, not neither")
    if entry.id and not _ID.fullmatch(entry.id):
        told = f"id must be eight digits and letters a to f, as takeover compare prints it, not {entry.id!r}"
        raise entry.error(told, "id")
    if entry.kind and entry.kind not in BY_NAME:
        raise entry.error(f"no kind {entry.kind!r}; there are {', '.join(BY_NAME)}", "kind")
    if not (version := _version(entry.until)):
        raise entry.error(f'until must be a version of Envoy like "1.41.0", not {entry.until!r}', "until")
    return Acceptance(entry.id, patterns, entry.reason, entry.who, version, entry.where())


def _version(text: str) -> Version | None:
    """None for what is no version of Envoy, such as a year: that would hold for ever."""
    return Version(text) if _ENVOY.fullmatch(text) else None


def accepts_breakdown(accepted: Sequence[Acceptance], probe: ProbeResult, envoy: Release) -> bool:
    """Whether it is accepted that this Envoy breaks down under the probe, whatever another one does.

    Args:
        accepted: what was accepted.
        probe: under which an Envoy broke down.
        envoy: the one that was tested.
    """
    broken = breakdowns.of(probe.observation)
    change = breakdowns.change(probe.scenario, probe.probe, None, broken)
    assert change is not None
    return accepts(accepted, change, envoy)


def accepts(accepted: Sequence[Acceptance], finding: Change, envoy: Release) -> bool:
    """Whether a breakdown of this Envoy is accepted, told as a change from an Envoy that goes on."""
    place = Place(finding.scenario, finding.probe, (envoy.name,))
    for before in (finding.was, finding.now):  # the ids of both differences that it can be a part of
        difference = _as_difference(replace(finding, was=before), place, [envoy.version])
        if any(each.fits(difference, place) and not each.newer(difference) for each in accepted):
            return True
    return False


def _as_difference(change: Change, place: Place, versions: list[str]) -> Difference:
    names = [*place.envoys]
    return Difference(identity(change), change.kind, change.what, change.was, change.now, [place], names, versions)


def accept(comparison: Comparison, accepted: Sequence[Acceptance]) -> None:
    """Marks the differences all of whose places are accepted; remarks on entries that accept nothing (any more)."""
    for difference in comparison.differences:
        holding = [each for each in accepted if not each.newer(difference)]
        by = [next((each for each in holding if each.fits(difference, place)), None) for place in difference.places]
        if all(by):
            reasons = dict.fromkeys(f"{each.reason} ({each.who}, until {each.until})" for each in by if each)
            difference.accepted = "; ".join(reasons)
    unstable = [each.difference for each in comparison.unstable]  # the next run may be the one that shows it
    for entry in accepted:
        fitting = [each for each in comparison.differences if any(entry.fits(each, place) for place in each.places)]
        newer = sorted({version for each in fitting for version in entry.newer(each)})
        if not fitting and not any(entry.fits(each, place) for each in unstable for place in each.places):
            comparison.remarks.append(f"{entry.where}: {entry} {_why_nothing_fits(entry, comparison)}")
        elif newer:
            comparison.remarks.append(
                f"{entry.where}: {entry} was accepted until {entry.until}; it does not hold for {', '.join(newer)}"
            )


def _why_nothing_fits(entry: Acceptance, comparison: Comparison) -> str:
    for each in comparison.untried:
        place = Place(each.scenario, each.probe, ())
        if entry.fits(_as_difference(each, place, []), place):
            return f"matches nothing of what was compared: these Envoys do not support {each.probe}"
    if comparison.is_whole:
        return "matches no difference (any more): remove it?"
    return "matches nothing of what was compared"
