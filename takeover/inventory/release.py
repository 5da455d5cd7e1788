"""All facts of one Envoy release."""

import re
from collections.abc import Collection
from pathlib import Path

from takeover.base.errors import TakeoverError
from takeover.inventory.configs import validated
from takeover.inventory.guards import guards
from takeover.inventory.running import extensions_and_stats
from takeover.model.document import BinaryResult, Inventory
from takeover.model.release import Release
from takeover.node.bare_node import bare_node
from takeover.scenario.library import Library

_DEADLINE = 60
_FLAG = re.compile(r"^\s+(?:-\w(?: <\w+>)?,\s+)?(--[a-z][a-z0-9-]+)", re.MULTILINE)


def inventory_of(release: Release, library: Library, scenarios: Collection[str] | None = None) -> Inventory:
    """What the release by itself is, whatever traffic it gets, and which of the library's configs it loads.

    Args:
        release: the one that is asked.
        library: where the configs are.
        scenarios: whose configs; of all if it is None. Statistics are those that they give it together.

    Raises: TakeoverError when its binary does not tell.
    """
    extensions, stats = extensions_and_stats(release.path, library, scenarios)
    configs = validated(release.path, library, scenarios)
    return Inventory(configs, BinaryResult(extensions, stats, _flags(release.path), guards(release.path)))


def _flags(binary: Path) -> list[str]:
    """The options of its command line, sorted."""
    try:
        with bare_node(binary) as node:
            ended = node.run([str(binary), "--help"], timeout=_DEADLINE)
    except TimeoutError:
        raise TakeoverError(f"{binary} --help had not ended after {_DEADLINE} s") from None
    found = sorted(set(_FLAG.findall(ended.stdout.decode(errors="replace"))))
    if not found:
        raise TakeoverError(f"{binary} --help names no option; it said: {(ended.stdout + ended.stderr)[:200]!r}")
    return found
