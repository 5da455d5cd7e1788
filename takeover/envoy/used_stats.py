"""Envoy's counters, read again and again: over one connection, and only those that were ever set."""

import msgspec

from takeover.base.errors import TakeoverError
from takeover.net import http1
from takeover.net.stream import ByteStream

_REQUEST = b"GET /stats?format=json&usedonly HTTP/1.1\r\nhost: envoy.admin\r\n\r\n"


class _Stat(msgspec.Struct):
    name: str = ""
    value: int | str = 0


class _Stats(msgspec.Struct):
    stats: list[_Stat]


class UsedStats:
    """Asks over a connection to the admin port, a fifth of what a client library and all counters take.

    See the Envoy page "Administration interface": `GET /stats?usedonly`.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def now(self) -> dict[str, int]:
        """Counters and gauges by name. Raises: TakeoverError when Envoy does not tell them."""
        self._stream.send(_REQUEST)
        received = b""
        while not (answer := http1.read(received, "GET")).is_whole:
            data = self._stream.receive(1 << 20)
            if not data:
                raise TakeoverError(f"Envoy's admin API ended the connection; it had said {received[-200:]!r}")
            received += data
        if answer.status != 200:
            raise TakeoverError(f"Envoy's admin API answers {answer.status} {answer.body[:200]!r} to /stats")
        found = msgspec.json.decode(answer.body, type=_Stats).stats
        return {each.name: each.value for each in found if each.name and isinstance(each.value, int)}

    def close(self) -> None:
        """Ends the connection."""
        self._stream.close()
