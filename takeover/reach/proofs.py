"""What was proved of an Envoy's reach, and how it is proved."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from takeover.base.errors import BadInputError
from takeover.base.patterns import matches
from takeover.engines.contract import Engine
from takeover.model.release import Release
from takeover.probes.probe import Group
from takeover.reach.fingerprint import fingerprint
from takeover.reach.left_out import why_guard_left_out
from takeover.reach.trial import Seen
from takeover.scenario.library import Library

Item = TypeVar("Item")

FOLDER = "reach"
_SCHEMA: Literal[1] = 1


class GuardProof(msgspec.Struct, frozen=True):
    """A guard that was turned over alone, and by what that shows.

    Args:
        value: what it was set to.
        fingerprint: of the group.
    """

    guard: str
    value: bool
    fingerprint: str
    seen: Seen


class ExtensionProof(msgspec.Struct, frozen=True):
    """An extension that was taken out of a group's configuration, and by what that shows.

    Args:
        how: what was taken out: "itself", or with what; or what was put in its place.
        fingerprint: of the group.
    """

    extension: str
    how: str
    fingerprint: str
    seen: Seen


class Unproved(msgspec.Struct, frozen=True):
    """An extension that was to be taken out of a group's configuration (SCENARIO/GROUP), and why that shows nothing."""

    extension: str
    group: str
    fingerprint: str
    why: str


class Tried(msgspec.Struct, frozen=True):
    """A group (SCENARIO/GROUP) on which guards were turned over.

    Args:
        fingerprint: of the group.
        left_out: the places in `all_guards` of those that were not, as another group had shown them.
    """

    group: str
    fingerprint: str
    left_out: list[int] = []


class Proofs(msgspec.Struct):
    """All that was proved of one binary.

    Args:
        envoy: its name.
        sha256: its checksum.
        extensions: those that some probe shows.
        extensions_unproved: those that were taken out in vain, by group.
        all_guards: those that it holds; empty as long as none was turned over.
        guards: those that some probe shows.
        guards_tried: the groups on which the others were turned over without anything to be seen.
    """

    envoy: str
    sha256: str
    extensions: list[ExtensionProof] = []
    extensions_unproved: list[Unproved] = []
    all_guards: list[str] = []
    guards: list[GuardProof] = []
    guards_tried: list[Tried] = []
    schema: Literal[1] = _SCHEMA


@dataclass(frozen=True)
class Proving:
    """How proofs are made.

    Args:
        engine: where groups are deployed.
        release: the Envoy.
        library: where the groups are from.
        reports: where proofs are kept.
        until: when it must have ended, by time.monotonic().
        workers: how many groups are deployed at the same time.
        anew: whether what was proved before is forgotten.
        tell: takes a line for the user.
        on: patterns of groups (SCENARIO/GROUP); none: all are meant.
        stopped: nothing more is to begin.
    """

    engine: Engine
    release: Release
    library: Library
    reports: Path
    until: float
    workers: int
    anew: bool
    tell: Callable[[str], None]
    on: Sequence[str] = ()
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        """Whether nothing more may begin."""
        return self.stopped.is_set() or time.monotonic() > self.until

    def is_meant(self, group: str) -> bool:
        """Whether that group is to be tried."""
        return not self.on or any(matches(group, pattern) for pattern in self.on)

    def check_groups(self, groups: Iterable[Group]) -> None:
        """Raises: BadInputError where a pattern means none of these groups."""
        names = [each.id for each in groups]
        for pattern in self.on:
            if not any(matches(name, pattern) for name in names):
                raise BadInputError(
                    f"--on {pattern}: no group of probes that Envoy {self.release.name} gets is called so: "
                    "write SCENARIO/GROUP, where * stands for anything"
                )


def side_by_side(how: Proving, do: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Does it with each, as many at the same time as there may be. Whatever ends that early begins nothing more."""
    with ThreadPoolExecutor(how.workers, "reach") as pool:
        try:
            list(pool.map(do, items))
        except BaseException:
            how.stopped.set()
            raise


def not_tried_before(known: Proofs, group: str) -> list[str]:
    """The guards that count and were not turned over on that group."""
    tried = next((each for each in known.guards_tried if each.group == group), None)
    all_of_them = known.all_guards if tried is None else [known.all_guards[each] for each in tried.left_out]
    return [each for each in all_of_them if not why_guard_left_out(each)]


def not_tried(known: Proofs, group: str) -> list[str]:
    """Of those the ones of which nothing is proved."""
    shown = {each.guard for each in known.guards}
    return [each for each in not_tried_before(known, group) if each not in shown]


def still_true(known: Proofs, library: Library, groups: list[Group], release: Release) -> None:
    """Forgets what was proved with configurations, or probes, that are others now."""
    now = {each.id: fingerprint(library, each, release) for each in groups}
    known.guards = [each for each in known.guards if now.get(each.seen.group) == each.fingerprint]
    known.extensions = [each for each in known.extensions if now.get(each.seen.group) == each.fingerprint]
    known.extensions_unproved = [each for each in known.extensions_unproved if now.get(each.group) == each.fingerprint]
    known.guards_tried = [each for each in known.guards_tried if now.get(each.group) == each.fingerprint]
