"""Pressure on Envoy's overload manager that begins and ends while requests are under way.

A monitor of injected pressure reads a file; each of that folder is one monitor's, of whose name it is:

    PUT /pressure/NAME     writes the body into the file, and is answered once Envoy has read it: 504 after two seconds

What was begun ends when control has the connections ended, so that no probe meets what an earlier one left.
"""

import contextlib
import os
import threading

from takeover.peers.services import admin

FOLDER = os.environ.get("SERVICES_PRESSURE", "/pressure")
_LONGEST = 2.0
"""Seconds until Envoy has read what was written."""

_begun: set[str] = set()
_changing = threading.Lock()


def put(name: str, written: str) -> bool:
    """Has Envoy read another pressure, from 0 to 1. Returns whether it has. Raises: ValueError, OSError."""
    percent = round(float(written) * 100)
    if not name.replace("-", "").isalnum():
        raise ValueError(f"no name of a file: {name}")
    with _changing:
        _begun.add(name)
        path = f"{FOLDER}/{name}"
        with open(path + ".new", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib takes longer to import
            file.write(written)
        os.rename(path + ".new", path)  # noqa: PTH104 - Envoy watches for what is moved there
        is_read, _ = admin.awaited({f"overload.{name}.pressure": str(percent)}, "", _LONGEST)
        return is_read


def end() -> None:
    """Ends all that was begun."""
    with _changing:
        begun = sorted(_begun)
        _begun.clear()
    for each in begun:
        with contextlib.suppress(OSError):  # an Envoy that has ended
            put(each, "0")
    with _changing:
        _begun.clear()
