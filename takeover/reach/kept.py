"""Proofs in their file, REPORTS/reach/ENVOY.json, to which several runs may add at the same time."""

import contextlib
import copy
import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.model.json import encode
from takeover.model.release import Release
from takeover.reach.proofs import FOLDER, Proofs


@dataclass(frozen=True)
class _List:
    """What is to be known of the things in a list of `Proofs`.

    Args:
        of: what each is of: of one there is one.
        group: on which group it was found.
    """

    of: Callable[[Any], object]
    group: Callable[[Any], str]


_LISTS: Mapping[str, _List] = {
    "extensions": _List(lambda proof: proof.extension, lambda proof: proof.seen.group),
    "extensions_unproved": _List(lambda unproved: (unproved.extension, unproved.group), lambda each: each.group),
    "guards": _List(lambda proof: proof.guard, lambda proof: proof.seen.group),
    "guards_tried": _List(lambda tried: tried.group, lambda tried: tried.group),
}


class NotKeptError(BadInputError):
    """Proofs cannot be written: there is no use in more of them."""


@dataclass(frozen=True)
class Kept:
    """What a run knows of one binary by the scenarios that it has, and where it keeps that.

    Proofs by scenarios that it has not, as another library has them, stay in the file as they are.

    Args:
        proofs: what is known, and gets what is found.
        read: what was kept when the run began.
        scenarios: the names of the library's.
    """

    path: Path
    proofs: Proofs
    read: Proofs
    scenarios: Collection[str]

    @classmethod
    def of(cls, release: Release, reports: Path, scenarios: Collection[str]) -> "Kept":
        """What is kept of that binary: nothing, if it is of another of that name.

        Raises: BadInputError for a file that cannot be read.
        """
        path = reports / FOLDER / f"{release.name}.json"
        found, _ = _apart(_read(path, Proofs(release.name, release.sha256)), scenarios)
        return cls(path, found, copy.deepcopy(found), scenarios)

    def write(self) -> None:
        """Keeps what is known, beside what other runs have kept since this one began, which is known from then on.

        Raises: NotKeptError where that cannot be, BadInputError where the file is none of proofs any more.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self.path.parent):
                now = _read(self.path, Proofs(self.proofs.envoy, self.proofs.sha256))
                own, of_others = _apart(now, self.scenarios)
                self._take_in(own)
                whole = replace(
                    self.proofs, **{name: [*getattr(self.proofs, name), *getattr(of_others, name)] for name in _LISTS}
                )
                atomic.write(self.path, msgspec.json.format(encode(whole), indent=1) + b"\n")
        except OSError as error:
            raise NotKeptError(f"cannot write to {display_path(self.path.parent)}: {error.strerror}") from error

    def _take_in(self, now: Proofs) -> None:
        for name, each_is in _LISTS.items():
            own, before = getattr(self.proofs, name), getattr(self.read, name)
            known = {each_is.of(each) for each in own}
            of_others = [each for each in getattr(now, name) if each not in before and each_is.of(each) not in known]
            setattr(self.proofs, name, [*own, *of_others])
        self.proofs.all_guards = self.proofs.all_guards or now.all_guards


def _apart(proofs: Proofs, scenarios: Collection[str]) -> tuple[Proofs, Proofs]:
    """The proofs by groups of these scenarios, and those by others."""
    own, others = replace(proofs), replace(proofs)
    for name, each_is in _LISTS.items():
        found = getattr(proofs, name)
        are_own = [each_is.group(each).partition("/")[0] in scenarios for each in found]
        setattr(own, name, [each for each, is_own in zip(found, are_own, strict=True) if is_own])
        setattr(others, name, [each for each, is_own in zip(found, are_own, strict=True) if not is_own])
    return own, others


def _read(path: Path, nothing: Proofs) -> Proofs:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Proofs)
    except FileNotFoundError:
        return nothing
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadInputError(f"{display_path(path)}: {error}: remove it, and prove the reach anew") from error
    return found if found.sha256 == nothing.sha256 else nothing


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A lock over a folder, which leaves nothing in it: who has it only writes a file. It ends with its process."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
