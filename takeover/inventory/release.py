"""All facts of one Envoy release."""

import re
import subprocess
from pathlib import Path

from takeover.base.errors import TakeoverError
from takeover.inventory.configs import validated
from takeover.inventory.guards import guards
from takeover.inventory.running import extensions_and_stats
from takeover.model.document import BinaryResult, Inventory
from takeover.model.release import Release

_FLAG = re.compile(r"^\s+(?:-\w(?: <\w+>)?,\s+)?(--[a-z][a-z0-9-]+)", re.MULTILINE)


def facts_of(release: Release) -> Inventory:
    """What the release by itself is, whatever traffic it gets. Raises: TakeoverError when its binary does not tell."""
    extensions, stats = extensions_and_stats(release.path)
    configs = validated(release.path)
    return Inventory(configs, BinaryResult(extensions, stats, _flags(release.path), guards(release.path)))


def _flags(binary: Path) -> list[str]:
    """The options of its command line, sorted."""
    ended = subprocess.run([str(binary), "--help"], capture_output=True, text=True, timeout=60, check=False)
    found = sorted(set(_FLAG.findall(ended.stdout)))
    if not found:
        raise TakeoverError(f"{binary} --help names no option; it said: {(ended.stdout + ended.stderr)[:200]!r}")
    return found
