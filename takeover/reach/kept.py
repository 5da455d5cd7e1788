"""Proofs in their file, REPORTS/reach/ENVOY.json, to which several runs may add at the same time."""

import contextlib
import copy
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.model.json import encode
from takeover.model.release import Release
from takeover.reach.proofs import FOLDER, Proofs

_WHAT_IT_IS_OF: Mapping[str, Callable[[Any], object]] = {
    "extensions": lambda proof: proof.extension,
    "extensions_unproved": lambda unproved: (unproved.extension, unproved.group),
    "guards": lambda proof: proof.guard,
    "guards_tried": lambda tried: tried.group,
}
"""A list of `Proofs` → what each thing in it is of: of one there is one."""


class NotKeptError(BadInputError):
    """Proofs cannot be written: there is no use in more of them."""


@dataclass(frozen=True)
class Kept:
    """What a run knows of one binary, and where it keeps that.

    Args:
        proofs: what is known, and gets what is found.
        read: what was kept when the run began.
    """

    path: Path
    proofs: Proofs
    read: Proofs

    @classmethod
    def of(cls, release: Release, reports: Path) -> "Kept":
        """What is kept of that binary: nothing, if it is of another of that name.

        Raises: BadInputError for a file that cannot be read.
        """
        path = reports / FOLDER / f"{release.name}.json"
        found = _read(path, Proofs(release.name, release.sha256))
        return cls(path, found, copy.deepcopy(found))

    def write(self) -> None:
        """Keeps what is known, beside what other runs have kept since this one began, which is known from then on.

        Raises: NotKeptError where that cannot be, BadInputError where the file is none of proofs any more.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self.path.parent):
                self._take_in(_read(self.path, Proofs(self.proofs.envoy, self.proofs.sha256)))
                atomic.write(self.path, msgspec.json.format(encode(self.proofs), indent=1) + b"\n")
        except OSError as error:
            raise NotKeptError(f"cannot write to {display_path(self.path.parent)}: {error.strerror}") from error

    def _take_in(self, now: Proofs) -> None:
        for name, of in _WHAT_IT_IS_OF.items():
            own, before = getattr(self.proofs, name), getattr(self.read, name)
            known = {of(each) for each in own}
            of_others = [each for each in getattr(now, name) if each not in before and of(each) not in known]
            setattr(self.proofs, name, [*own, *of_others])
        self.proofs.all_guards = self.proofs.all_guards or now.all_guards


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
