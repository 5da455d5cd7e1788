"""Whether an Envoy has an extension: its binary is asked once, and what it said is kept in the user's cache."""

import contextlib
import functools
from collections.abc import Iterable
from pathlib import Path

import msgspec

from takeover.base import atomic
from takeover.base.cache import cache_folder
from takeover.base.errors import TakeoverError
from takeover.inventory.running import extensions
from takeover.model.release import Release


class _Told(msgspec.Struct, frozen=True):
    """What the binary with that checksum said: names, without their categories."""

    sha256: str
    extensions: list[str]


_Memory = dict[str, _Told]


def lacking(release: Release, names: Iterable[str]) -> list[str]:
    """Those of these extensions that the release's binary has not; none if it does not tell."""
    there = _extensions(release.path, release.sha256)
    return [each for each in names if each not in there] if there is not None else []


@functools.cache
def _extensions(binary: Path, sha256: str) -> frozenset[str] | None:
    memory = cache_folder() / "envoy" / "extensions.json"
    remembered = _read(memory)
    told = remembered.get(str(binary))
    if told is None or told.sha256 != sha256:
        try:
            told = _Told(sha256, sorted({each.rpartition("/")[2] for each in extensions(binary)}))
        except TakeoverError:
            return None
        _write(memory, remembered | {str(binary): told})
    return frozenset(told.extensions)


def _read(memory: Path) -> _Memory:
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(memory.read_bytes(), type=_Memory)
    return {}


def _write(memory: Path, remembered: _Memory) -> None:
    """A cache that cannot be written costs time in the next run, no more."""
    still_there = {path: told for path, told in remembered.items() if Path(path).exists()}
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(memory, msgspec.json.encode(still_there))
