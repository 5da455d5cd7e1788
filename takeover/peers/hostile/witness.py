"""What the upstream saw, as it is told: a line of JSON on its stdout for each request and for each connection's end.

A request is an object, in the form `json` of destinations' logs. A connection is an array of the word "connection"
and an object, so that nobody takes it for a request. Both can be asked for, too: see `upstream`.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable

_ORIGINAL_DESTINATION = 80
"""SO_ORIGINAL_DST of linux/netfilter_ipv4.h: where a connection went before a rule redirected it."""
_MOST_KEPT = 1000
"""Connections that are remembered until somebody asks: the last ones."""

_PAUSE = 0.002
_LONGEST_WAIT = 1.0
"""Seconds until connections that their peer has ended have ended here, too."""
_WAIT_FOR_OLD = 0.1
"""The same for those that stayed open for so long once: mostly one by which Envoy checks health, and keeps."""

FIN, RESET, CLOSE_NOTIFY = "fin", "reset", "close-notify"
OURS, OUR_RESET, ASKED = "ours", "our-reset", "asked"
"""How a connection ended: by the peer; by us, first; by whoever asked for it."""


class Seen:
    """What is known of one connection.

    Args:
        opened: its socket.
        number: of all connections, from 1.
    """

    def __init__(self, opened: socket.socket, number: int) -> None:
        self.client = address_of(opened.getpeername())
        self.server = address_of(opened.getsockname())
        self.number = number
        self.requests = 0
        self.end: str | None = None
        self.is_old = False
        """Whether somebody has waited for its end in vain."""
        self._facts: dict[str, object] = {
            "number": number,
            "client": self.client,
            "server": self.server,
            "dialled": _dialled(opened) or self.server,
        }

    def note(self, name: str, value: object) -> None:
        """Adds a fact of JSON's types, for instance "tls"."""
        self._facts[name] = value

    def ended(self, how: str) -> None:
        """Takes how it ended; what is said first counts. A RST of the peer that follows its end is told, too."""
        if self.end == FIN and how == RESET:
            self.note("then", how)
        self.end = self.end or how

    def told(self) -> dict[str, object]:
        """All of it, of JSON's types."""
        return {**self._facts, "requests": self.requests, "end": self.end}


class Witness:
    """Tells of all connections."""

    def __init__(self) -> None:
        self._known: list[Seen] = []
        self._changing = threading.Lock()
        self._count = 0

    def opened(self, connection: socket.socket) -> Seen:
        """One more connection."""
        with self._changing:
            self._count += 1
            seen = Seen(connection, self._count)
            self._known.append(seen)
            del self._known[:-_MOST_KEPT]
        return seen

    def closed(self, seen: Seen) -> None:
        """That connection is no more."""
        _write(["connection", seen.told()])

    def forget(self, seen: Seen) -> None:
        """Tells nobody of that connection who asks."""
        with self._changing:
            if seen in self._known:
                self._known.remove(seen)

    def asked(self) -> bytes:
        """A line: the connections since it was asked last, and those that were open then, as an array."""
        import json

        with self._changing:
            told = [each.told() for each in self._known]
            self._known = [each for each in self._known if each.end is None]
        return json.dumps(told).encode() + b"\n"

    def asked_when_ended(self, is_accepting: Callable[[], bool]) -> bytes:
        """The same, as soon as all have ended of which anybody can know; after a second at the latest.

        A connection that has stayed for that long once is waited for a tenth of a second from then on.

        Args:
            is_accepting: whether there are connections that were not accepted yet.
        """
        begun = time.monotonic()
        while is_accepting() or self._has_open(and_old=False):
            if time.monotonic() >= begun + _LONGEST_WAIT:
                self._give_up()
                break
            time.sleep(_PAUSE)
        while self._has_open(and_old=True) and time.monotonic() < begun + _WAIT_FOR_OLD:
            time.sleep(_PAUSE)
        return self.asked()

    def _give_up(self) -> None:
        with self._changing:
            for each in self._known:
                each.is_old = each.end is None

    def _has_open(self, and_old: bool) -> bool:
        with self._changing:
            return any(each.end is None and (and_old or not each.is_old) for each in self._known)


def request(seen: Seen, method: str, uri: str, protocol: str, status: int, headers: dict[str, str]) -> None:
    """Writes a request down, before it is answered.

    Args:
        status: of the answer; 0 for one that has none.
        headers: by name, in lower case.
    """
    seen.requests += 1
    _write(
        {
            "time": time.time(),
            "client": seen.client,
            "server": seen.server,
            "method": method,
            "uri": uri,
            "host": headers.get("host", ""),
            "status": status,
            "request_id": headers.get("x-request-id", ""),
            "protocol": protocol,
            "connection": seen.number,
            "connection_requests": seen.requests,
        }
    )


def _write(entry: object) -> None:
    import json

    os.write(1, json.dumps(entry).encode() + b"\n")


def address_of(name: "str | bytes | tuple[str, int] | tuple[str, int, int, int]") -> str:
    """As it is written, of what a socket says: `ADDRESS:PORT`, one of IPv6 in brackets, a path, or `@NAME`."""
    if isinstance(name, bytes):
        return "@" + name.lstrip(b"\0").decode("utf-8", "replace")
    if isinstance(name, str):
        return name
    return f"{name[0]}:{name[1]}" if len(name) == 2 else f"[{name[0]}]:{name[1]}"


def _dialled(opened: socket.socket) -> str:
    """Where the client wanted to go, if a rule of this Pod's network brought it here."""
    try:
        told = opened.getsockopt(socket.SOL_IP, _ORIGINAL_DESTINATION, 16)
    except OSError:
        return ""
    port, address = struct.unpack_from("!2xH4s", told)
    return f"{socket.inet_ntoa(address)}:{port}"
