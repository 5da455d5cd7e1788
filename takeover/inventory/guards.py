"""The runtime guards that a binary holds: no API lists them, its strings do, and the binary itself confirms them."""

import mmap
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from takeover.base.errors import TakeoverError
from takeover.inventory.configs import validation
from takeover.node.bare_node import BareNode, bare_node
from takeover.scenario.runtime_layers import layer

# A guard is declared as a flag by this name; configs write it with dots.
_DECLARED = re.compile(rb"envoy_(reloadable|restart)_features_([a-z0-9_]+)")
_UNKNOWN = re.compile(r"Using a removed guard (\S+?)\.? In future")
_ROUNDS = 10


def guards(binary: Path) -> list[str]:
    """Every guard, sorted: `envoy.reloadable_features.NAME` or `envoy.restart_features.NAME`.

    Envoy complains of a reloadable guard in its runtime that it does not know; those of which it complains are not in
    the list. (It does not complain of restart features.)

    Raises: TakeoverError when it does not accept a runtime with those it knows.
    """
    with binary.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = {f"envoy.{each[1].decode()}_features.{each[2].decode()}" for each in _DECLARED.finditer(content)}
    with bare_node(binary) as node:
        for _ in range(_ROUNDS):  # it may not repeat a complaint as often as it has cause to
            unknown = _unknown(node, binary, found) & found
            if not unknown:
                return sorted(found)
            found -= unknown
    raise TakeoverError(f"{binary} still complains of runtime guards: {', '.join(sorted(unknown))}")


def layered_runtime(guards: Iterable[str], value: bool) -> dict[str, Any]:
    """The `layered_runtime` of a bootstrap config that gives all of these guards that value."""
    return {"layers": [layer("guards", dict.fromkeys(guards, value))]}


def _unknown(node: BareNode, binary: Path, names: set[str]) -> set[str]:
    runtime = {"layered_runtime": layered_runtime(sorted(names), value=True)}
    # JSON is YAML, and sooner written.
    ended = validation(node, binary, config=msgspec.json.encode(runtime).decode())
    if ended.exit_code != 0:
        raise TakeoverError(f"{binary} rejects a runtime with its own guards: {ended.log.strip()[-300:]}")
    return set(_UNKNOWN.findall(ended.log))
