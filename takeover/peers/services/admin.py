"""What the Envoy of this Pod says of itself by its admin interface.

GET /awaited?NAME=VALUE&NAME=VALUE&within=2&tell=PATTERN: as soon as each of these statistics has that value, the ones
whose names match the pattern are told, as Envoy writes them. After so many seconds what there is then is told with 504.
"""

import contextlib
import os
import time
from collections.abc import Mapping

ADMIN = "127.0.0.1", int(os.environ.get("SERVICES_ADMIN", "9901"))
_LONGEST = 2.0
"""Seconds in which Envoy answers."""
_BETWEEN = 0.002
"""Seconds between two looks."""


def statistics(pattern: str) -> str:
    """The lines of those whose names match. Its main thread has told workers what these count of before it answers."""
    import http.client  # with what it imports, a seventh of the program's start: few ask

    asking = http.client.HTTPConnection(*ADMIN, timeout=_LONGEST)
    with contextlib.closing(asking):
        try:
            asking.request("GET", f"/stats?filter={pattern}")
            return asking.getresponse().read().decode("latin-1")
        except http.client.HTTPException as error:  # half an answer, of an Envoy that ends
            raise OSError(str(error)) from error


def awaited(wanted: Mapping[str, str], tell: str, within: float) -> tuple[bool, str]:
    """Whether all have come to be so in that time, and what there is to tell then. Raises: OSError."""
    until = time.monotonic() + within
    names = "|".join(name.replace(".", "[.]") for name in wanted)
    lines = {f"{name}: {value}" for name, value in wanted.items()}
    while not (are_so := lines <= set(statistics(f"^({names})$").splitlines())) and time.monotonic() < until:
        time.sleep(_BETWEEN)
    return are_so, statistics(tell) if tell else ""
