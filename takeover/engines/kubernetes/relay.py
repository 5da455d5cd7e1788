"""The client of a relay in a Pod: TCP connections opened there, as thread-safe byte streams here.

It knows nothing of Kubernetes: it is given a function that sends bytes to the relay's stdin, and is fed what came
out of its stdout. Format: `takeover.peers.relay`.
"""

import itertools
import json
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from takeover.base.errors import LostError
from takeover.peers import relay as wire

DEFAULT_TIMEOUT = 10.0
"""Seconds that a send or receive waits when the caller names no timeout."""


class RelayStream:
    """One TCP connection that a relay opened: a `ByteStream`."""

    def __init__(self, relay: "Relay", number: int, destination: str) -> None:
        self._relay = relay
        self._number = number
        self._destination = destination
        self._changed = threading.Condition()
        self._local = "", 0
        self._open = False
        self._failure: Exception | None = None
        self._received: deque[bytes] = deque()
        self._peer_ended = False
        self._reset: str | None = None
        self._lost: str | None = None
        self._credit = wire.WINDOW
        self._owed = 0
        self._ended = False
        self._closed = False

    @property
    def local_address(self) -> tuple[str, int]:
        """IP and port in the Pod."""
        return self._local

    def send(self, data: bytes, timeout: float | None = None) -> None:
        """Sends all of `data`; see `ByteStream.send`.

        Raises: ConnectionResetError, BrokenPipeError after `end()` or `close()`, TimeoutError, LostError.
        """
        deadline = _deadline(timeout)
        rest = memoryview(data)
        while rest:
            with self._changed:
                if self._ended or self._closed:
                    raise BrokenPipeError(f"sending to {self._destination} after the end of our direction")
                self._wait(lambda: self._credit > 0 or self._reset is not None, deadline, "take our data")
                if self._reset is not None:
                    raise ConnectionResetError(f"{self._destination}: {self._reset}")
                piece = rest[: min(self._credit, wire.CHUNK)]
                self._credit -= len(piece)
                self._relay.say(self._number, wire.DATA, bytes(piece))
            rest = rest[len(piece) :]

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Waits for at least one byte; see `ByteStream.receive`."""
        with self._changed:
            if self._closed:
                raise OSError(f"receiving from {self._destination} after close()")
            self._wait(
                lambda: bool(self._received) or self._peer_ended or self._reset is not None,
                _deadline(timeout),
                "send a byte",
            )
            if self._received:
                data = self._received.popleft()
                if len(data) > max_bytes:
                    self._received.appendleft(data[max_bytes:])
                    data = data[:max_bytes]
                self._give_credit(len(data))
                return data
            if self._reset is not None:
                raise ConnectionResetError(f"{self._destination}: {self._reset}")
            return b""

    def end(self, last: bytes = b"") -> None:
        """Half close, behind `last`."""
        if last:
            self.send(last)
        with self._changed:
            if not self._ended and not self._closed:
                self._ended = True
                self._relay.say(self._number, wire.END)

    def reset(self) -> None:
        """Resets the connection."""
        self._close(wire.ABORT)

    def close(self) -> None:
        """Closes both directions; a second call does nothing."""
        self._close(wire.CLOSE)

    def _close(self, how: int) -> None:
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._relay.forget(self._number, how)

    def wait_until_open(self, timeout: float) -> None:
        """Waits for the relay's answer to the wish to connect; raises its failure."""
        with self._changed:
            self._wait(lambda: self._open or self._failure is not None, _deadline(timeout), "answer")
            if self._failure is not None:
                raise self._failure

    def frame(self, kind: int, payload: bytes) -> None:
        """Takes a frame of this connection from the relay."""
        with self._changed:
            if kind == wire.OPENED:
                ip, port = json.loads(payload)
                self._local = str(ip), int(port)
                self._open = True
            elif kind == wire.FAILED:
                self._failure = _failure(self._destination, json.loads(payload))
            elif kind == wire.DATA:
                self._received.append(payload)
            elif kind == wire.CREDIT:
                self._credit += wire.CREDIT_PAYLOAD.unpack(payload)[0]
            elif kind == wire.FIN:
                self._peer_ended = True
            elif kind == wire.RESET:
                self._reset = payload.decode(errors="replace")
            self._changed.notify_all()

    def lost(self, reason: str) -> None:
        """The relay is gone."""
        with self._changed:
            self._lost = reason
            self._changed.notify_all()

    def _give_credit(self, count: int) -> None:
        self._owed += count
        if self._owed >= wire.WINDOW // 4:
            self._relay.say(self._number, wire.CREDIT, wire.CREDIT_PAYLOAD.pack(self._owed))
            self._owed = 0

    def _wait(self, ready: Callable[[], bool], deadline: float, what: str) -> None:
        while not ready():
            if self._closed:
                raise OSError(f"the connection to {self._destination} was closed meanwhile")
            if self._lost is not None:
                raise LostError(f"connection to {self._destination} lost: {self._lost}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self._destination} did not {what} in time")
            self._changed.wait(left)


class Relay:
    """The client side of one relay program.

    Args:
        send: hands bytes to the program's stdin, from any thread, without waiting.
        name: for messages, for instance "relay in client/client as uid 0".
    """

    def __init__(self, send: Callable[[bytes], None], name: str) -> None:
        self.name = name
        self._send = send
        self._frames = wire.Frames()
        self._lock = threading.Lock()
        self._streams: dict[int, RelayStream] = {}
        self._numbers = itertools.count(1)
        self._lost: str | None = None
        self.ready = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether new connections can be opened."""
        return self._lost is None

    def connect(self, host: str, port: int, timeout: float = DEFAULT_TIMEOUT, source_address: str = "") -> RelayStream:
        """Opens a connection from the Pod, at that address of its own if one is named.

        Raises: ConnectionRefusedError, TimeoutError, socket.gaierror, OSError (no route, for instance),
            LostError when the relay is gone.
        """
        with self._lock:
            if self._lost is not None:
                raise LostError(f"{self.name} is gone: {self._lost}")
            number = next(self._numbers)
            stream = self._streams[number] = RelayStream(self, number, f"{host}:{port}")
        try:
            wanted = {"host": host, "port": port, "timeout": timeout, "source_address": source_address}
            self.say(number, wire.OPEN, json.dumps(wanted).encode())
            # The relay keeps the time itself; the rest is for the way there and back.
            stream.wait_until_open(timeout + 5.0)
        except BaseException:
            stream.close()
            raise
        return stream

    def say(self, number: int, kind: int, payload: bytes = b"") -> None:
        """Sends a frame to the relay."""
        self._send(wire.frame(number, kind, payload))

    def forget(self, number: int, how: int = wire.CLOSE) -> None:
        """Closes a connection, by that frame; what still comes for it is dropped."""
        with self._lock:
            known = self._streams.pop(number, None) is not None and self._lost is None
        if known:
            self.say(number, how)

    def feed(self, data: bytes) -> None:
        """Takes what came out of the relay's stdout; called from one thread."""
        for number, kind, payload in self._frames.feed(data):
            if kind == wire.READY:
                self.ready.set()
                continue
            with self._lock:
                stream = self._streams.get(number)
            if stream is not None:
                stream.frame(kind, payload)

    def lost(self, reason: str) -> None:
        """To be called once when the program ended or cannot be reached any more."""
        with self._lock:
            self._lost = reason
            streams = list(self._streams.values())
        for stream in streams:
            stream.lost(reason)


def _deadline(timeout: float | None) -> float:
    return time.monotonic() + (DEFAULT_TIMEOUT if timeout is None else timeout)


def _failure(destination: str, account: dict[str, object]) -> Exception:
    text = f"{destination}: {account['text']}"
    number = account["errno"] if isinstance(account["errno"], int) else 0
    reason = account["reason"]
    if reason == "unresolved":
        return socket.gaierror(number, text)
    if reason == "timeout":
        return TimeoutError(text)
    if reason == "refused":
        return ConnectionRefusedError(number, text)
    return OSError(number, f"{destination}: {os.strerror(number)}") if number else OSError(text)
