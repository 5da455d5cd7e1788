"""What the Envoy of this Pod says of itself by its admin interface.

GET /awaited?NAME=VALUE&NAME=VALUE&within=2&tell=PATTERN: as soon as each of these statistics has that value, the ones
whose names match the pattern are told, as Envoy writes them. After so many seconds what there is then is told with 504.
"""

import os
import socket
import time
from collections.abc import Mapping

ADMIN = "127.0.0.1", int(os.environ.get("SERVICES_ADMIN", "9901"))
_LONGEST = 2.0
"""Seconds in which Envoy answers."""
BETWEEN = 0.002
"""Seconds between two looks."""


def statistics(pattern: str) -> str:
    """The lines of those whose names match. Its main thread has told workers what these count of before it answers."""
    with socket.create_connection(ADMIN, timeout=_LONGEST) as asking:
        asking.sendall(f"GET /stats?filter={pattern} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n".encode())
        answer = b""
        while data := asking.recv(1 << 16):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    return _whole(body).decode("latin-1") if b"chunked" in head else body.decode("latin-1")


def awaited(wanted: Mapping[str, str], tell: str, within: float) -> tuple[bool, str]:
    """Whether all have come to be so in that time, and what there is to tell then. Raises: OSError."""
    until = time.monotonic() + within
    names = "|".join(name.replace(".", "[.]") for name in wanted)
    lines = {f"{name}: {value}" for name, value in wanted.items()}
    while not (are_so := lines <= set(statistics(f"^({names})$").splitlines())) and time.monotonic() < until:
        time.sleep(BETWEEN)
    return are_so, statistics(tell) if tell else ""


def _whole(chunked: bytes) -> bytes:
    """A body that came in chunks."""
    body = b""
    while chunked:
        size, _, chunked = chunked.partition(b"\r\n")
        length = int(size or b"0", 16)
        if not length:
            break
        body, chunked = body + chunked[:length], chunked[length + 2 :]
    return body
