"""Envoy's counters, read again and again: over one connection, and only those that were ever set."""

import time
from collections.abc import Iterable

import msgspec

from takeover.base.errors import TakeoverError
from takeover.net import http1
from takeover.net.stream import ByteStream

_REQUEST = b"GET /stats?%s HTTP/1.1\r\nhost: envoy.admin\r\n\r\n"
_ALL, _COUNTERS, _GAUGES = b"format=json&usedonly", b"usedonly&type=Counters", b"usedonly&type=Gauges"
DEADLINE = 10.0
"""Seconds within which more of an answer must come: a busy machine needs some hundredths of one."""

_WHOLE = 60.0
"""Seconds within which all of it must."""
_MOST_BYTES = 64 << 20
_LONGEST_HEAD = 1024


class NoStatsError(TakeoverError):
    """The admin API does not answer (any more).

    Args:
        message: how that showed.
        hangs: whether its connection is still there.
    """

    def __init__(self, message: str, hangs: bool) -> None:
        super().__init__(message)
        self.hangs = hangs


class _Stat(msgspec.Struct):
    name: str = ""
    value: int | str = 0


class _Stats(msgspec.Struct):
    stats: list[_Stat]


class _Lines:
    """Statistics of one type as Envoy lists them: a line that was there before is not read again."""

    def __init__(self) -> None:
        self._lines: set[bytes] = set()
        self._values: dict[str, int] = {}

    def read(self, body: bytes, without: tuple[str, ...]) -> dict[str, int]:
        """What the lines say, but for names that begin so."""
        lines = set(body.split(b"\n"))
        values = self._values.copy()
        for line in self._lines - lines:
            values.pop(_name(line), None)
        for line in lines - self._lines:
            name = _name(line)
            if name and not name.startswith(without):
                values[name] = int(line.rpartition(b" ")[2])
        self._lines, self._values = lines, values
        return values


def _name(line: bytes) -> str:
    return line.rpartition(b": ")[0].decode(errors="replace")


class UsedStats:
    """Asks over a connection to the admin port, a fifth of what a client library and all counters take.

    See the Envoy page "Administration interface": `GET /stats?usedonly`.

    Args:
        stream: a connection to the admin port; is closed with this.
        without: clusters whose statistics are left out: a control plane's stream is never over, and no traffic of
            clients.
    """

    def __init__(self, stream: ByteStream, without: Iterable[str] = ()) -> None:
        self._stream = stream
        self._without = tuple(f"cluster.{each}." for each in without)
        self._counters, self._gauges = _Lines(), _Lines()

    def now(self) -> dict[str, int]:
        """Counters and gauges by name.

        Raises: NoStatsError when no answer comes, TakeoverError for another one; then this is of no use any more.
        """
        found = msgspec.json.decode(self._asked(_ALL), type=_Stats).stats
        counted = {each.name: each.value for each in found if each.name and isinstance(each.value, int)}
        if not self._without:
            return counted
        return {name: value for name, value in counted.items() if not name.startswith(self._without)}

    def counters(self) -> dict[str, int]:
        """Those of `now` that only grow, in half the time. Raises: likewise."""
        return self._counters.read(self._asked(_COUNTERS), self._without)

    def gauges(self) -> dict[str, int]:
        """The others of `now`, in a quarter of the time. Raises: likewise."""
        return self._gauges.read(self._asked(_GAUGES), self._without)

    def _asked(self, query: bytes) -> bytes:
        """The answer's body."""
        received, began = b"", time.monotonic()
        try:
            self._stream.send(_REQUEST % query, DEADLINE)
            while _is_cut(received) or not (answer := http1.read(received, "GET")).is_whole:
                if len(received) > _MOST_BYTES or time.monotonic() > began + _WHOLE:
                    raise NoStatsError(f"Envoy's admin API answers without end{_after(received)}", hangs=True)
                data = self._stream.receive(1 << 20, DEADLINE)
                if not data:
                    raise NoStatsError(f"Envoy's admin API ended the connection{_after(received)}", hangs=False)
                received += data
        except TimeoutError:
            why = f"Envoy's admin API says nothing for {DEADLINE:g} s{_after(received)}"
            raise NoStatsError(why, hangs=True) from None
        except ConnectionError as error:
            why = f"Envoy's admin API is gone: {error.strerror or error}{_after(received)}"
            raise NoStatsError(why, hangs=False) from None
        if answer.status != 200:
            raise TakeoverError(f"Envoy's admin API answers {answer.status} {answer.body[:200]!r} to /stats")
        return answer.body

    def close(self) -> None:
        """Ends the connection."""
        self._stream.close()


def _is_cut(received: bytes) -> bool:
    """Whether it is the beginning of an answer in chunks, whose last one is not there: nobody need look further."""
    return not received.endswith(b"0\r\n\r\n") and b"chunked" in received[:_LONGEST_HEAD]


def _after(received: bytes) -> str:
    return f"; it had said {received[-200:]!r}" if received else ""
