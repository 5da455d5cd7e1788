"""What an Envoy binary is: the version it reports, its commit and its checksum.

The checksum is of the bytes that a run is about to test: it is computed in each, once while a file stays as it is. What
Envoy says of itself, which starting it would tell, is remembered in the user's cache by it.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takeover.base import atomic
from takeover.base.cache import cache_folder
from takeover.base.errors import BadInputError, TakeoverError
from takeover.node.bare_node import bare_node
from takeover.node.client import CannotRunError

_REPORT = re.compile(r"version: ([0-9a-f]+)/([^/\s]+)/(\S+)")
_SECONDS_TO_REPORT = 30
_LOOKS = 5


@dataclass(frozen=True)
class Identity:
    """What `envoy --version` says (COMMIT/VERSION/BUILD), and the file's SHA-256 in hexadecimal.

    `file`: what the system said of the file when it was read, see `file_state`.
    """

    commit: str
    version: str
    build: str
    sha256: str
    file: str


def file_state(path: Path) -> str:
    """Another one whenever the file's bytes are others, or it is another file. Raises: OSError."""
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def require_unchanged(binary: Path, file: str, sha256: str = "") -> None:
    """Raises: TakeoverError where a file is not the one any more that it was when its checksum was taken.

    Args:
        file: what the system said of it then.
        sha256: the checksum, where the same bytes are enough: the system says another thing when a backup links them.
    """
    try:
        now = file_state(binary)
    except OSError as error:
        raise TakeoverError(f"--envoy: {binary} is gone since the run began: {error.strerror}") from None
    if file and now != file and (not sha256 or read_whole(binary)[1] != sha256):
        raise TakeoverError(f"--envoy: {binary} was changed since the run began: its results would be of two Envoys")


def identify(binary: Path, memory: Path | None = None) -> Identity:
    """What `binary` is; what it says of itself from `memory`, if that knows these bytes.

    Args:
        memory: a JSON file, made if missing; the one in the user's cache if none is named.

    Raises: BadInputError when `binary` is missing, not executable, not an Envoy, or changes all the time.
    """
    if not binary.is_file():
        raise BadInputError(f"--envoy: {binary} is {'a folder' if binary.is_dir() else 'not there'}")
    if not os.access(binary, os.X_OK):
        raise BadInputError(f"--envoy: {binary} is not executable (chmod +x it, if it is an Envoy)")
    file, sha256 = read_whole(binary)
    memory = memory or cache_folder() / "envoy" / "identities.json"
    remembered = _read(memory)
    with contextlib.suppress(KeyError, TypeError):
        entry = remembered[str(binary)]
        if entry["sha256"] == sha256:
            return Identity(**entry, file=file)
    told = _examine(binary) | {"sha256": sha256}
    require_unchanged(binary, file, sha256)  # what said that is what was read
    _write(memory, remembered | {str(binary): told})
    return Identity(**told, file=file)


def read_whole(binary: Path) -> tuple[str, str]:
    """What the system says of a file, and its SHA-256: what was read while the system said one and the same of it.

    Raises: BadInputError for what cannot be read, or changes all the time.
    """
    try:
        for _ in range(_LOOKS):
            file = file_state(binary)
            sha256 = _checksum(binary, file)
            if file_state(binary) == file:
                return file, sha256
    except OSError as error:
        raise BadInputError(f"--envoy: {binary} cannot be read: {error.strerror}") from None
    raise BadInputError(f"--envoy: {binary} is changed while it is read: wait until it is whole")


@functools.cache  # a check identifies its Envoys before and in its run: 100 MB each time
def _checksum(binary: Path, file: str) -> str:
    del file  # what is remembered is of it alone
    with binary.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _examine(binary: Path) -> dict[str, str]:
    try:
        with bare_node(binary) as node:
            ended = node.run([str(binary), "--version"], timeout=_SECONDS_TO_REPORT)
    except CannotRunError as error:
        raise BadInputError(f"--envoy: {binary} cannot be run: {error}") from error
    except TimeoutError as error:
        raise BadInputError(
            f"--envoy: {binary} is not an Envoy: `--version` had not ended after {_SECONDS_TO_REPORT} s"
        ) from error
    stdout, stderr = (each.decode(errors="replace") for each in (ended.stdout, ended.stderr))
    report = _REPORT.search(stdout)
    if ended.exit_code != 0 or report is None:
        lines = (stdout + stderr).split("\n")
        said = next((line.strip()[:200] for line in lines if line.strip()), "nothing")
        raise BadInputError(
            f"--envoy: {binary} is not an Envoy: `--version` ended with {ended.exit_code} and said: {said}"
        )
    return {"commit": report[1], "version": report[2], "build": report[3]}


def _read(memory: Path) -> dict[str, Any]:
    try:
        remembered = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return remembered if isinstance(remembered, dict) else {}


def _write(memory: Path, remembered: dict[str, Any]) -> None:
    """Replaces `memory` in one step. A cache that cannot be written costs time in the next run, no more."""
    still_there = {path: entry for path, entry in remembered.items() if Path(path).exists()}
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(memory, json.dumps(still_there, indent=1).encode())
