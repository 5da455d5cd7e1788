"""What an Envoy binary is: the version it reports, its commit and its checksum.

Reading 100 MB and starting Envoy in every run would cost half a second for each version, so both are remembered in
the user's cache for as long as the file is the same one: path, size, modification time and inode.
"""

import contextlib
import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from takeover.base import atomic
from takeover.base.cache import cache_folder
from takeover.base.errors import BadInputError
from takeover.node.bare_node import bare_node
from takeover.node.client import CannotRunError

_REPORT = re.compile(r"version: ([0-9a-f]+)/([^/\s]+)/(\S+)")
_SECONDS_TO_REPORT = 30


@dataclass(frozen=True)
class Identity:
    """What `envoy --version` says (COMMIT/VERSION/BUILD), and the file's SHA-256 in hexadecimal."""

    commit: str
    version: str
    build: str
    sha256: str


def identify(binary: Path, memory: Path | None = None) -> Identity:
    """What `binary` is, from `memory` if it is there and the file unchanged.

    Args:
        memory: a JSON file, made if missing; the one in the user's cache if none is named.

    Raises: BadInputError when `binary` is missing, not executable, or not an Envoy.
    """
    if not binary.is_file():
        raise BadInputError(f"--envoy: {binary} is {'a folder' if binary.is_dir() else 'not there'}")
    if not os.access(binary, os.X_OK):
        raise BadInputError(f"--envoy: {binary} is not executable (chmod +x it, if it is an Envoy)")
    status = binary.stat()
    same_file = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}
    memory = memory or cache_folder() / "envoy" / "identities.json"
    remembered = _read(memory)
    with contextlib.suppress(KeyError, TypeError):
        entry = remembered[str(binary)]
        if entry["file"] == same_file:
            return Identity(**entry["identity"])
    identity = _examine(binary)
    _write(memory, remembered | {str(binary): {"file": same_file, "identity": asdict(identity)}})
    return identity


def _examine(binary: Path) -> Identity:
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
    with binary.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Identity(commit=report[1], version=report[2], build=report[3], sha256=sha256)


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
