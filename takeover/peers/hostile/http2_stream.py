"""A stream of HTTP/2, as answers use it: whatever may be sent on it, and what came.

Answers of several streams take turns (`http2`): what waits is a coroutine, which goes on with the connection's next
frame.
"""

import functools
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import TYPE_CHECKING

from takeover.peers.hostile.attempts import of_attempt

if TYPE_CHECKING:
    from takeover.peers.hostile.http2 import Http2

Header = tuple[str, str]

HEAD: list[Header] = [(":status", "200"), ("content-type", "text/plain")]
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
METADATA = 0x4D
"""Types of frames; the last one is Envoy's own."""
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
"""Flags."""


class StreamEndedError(Exception):
    """The peer has reset this stream: nothing more can be said on it."""


class OurEndError(Exception):
    """The answer ends the connection."""


class NextFrame:
    """What waits for it has another look then."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class Stream:
    """One exchange.

    Args:
        owner: its connection.
        number: odd, as a client began it.
        headers: as they came, in order.
        window: how many bytes of data may be sent.
    """

    def __init__(self, owner: "Http2", number: int, headers: list[Header], window: int) -> None:
        self.owner = owner
        self.number = number
        self.came = headers
        self.values: dict[str, str] = dict(self.came)
        self.trailers: list[Header] = []
        self.body = b""
        self.received = 0
        """How many bytes of body have come, those that were taken among them."""
        self.has_ended = False
        self.reset_by_peer: int | None = None
        self.window = window
        self.gives_credit = True
        """Whether the peer may send more than its first window."""

    @functools.cached_property
    def name(self) -> str:
        """The behaviour that is asked for: the last part of the path, or what the header x-behave says (`http1`)."""
        named = self.values.get("x-behave") if self.owner.connection.reached else None
        by_path = self.values.get(":path", "").partition("?")[0].rpartition("/")[2]
        return of_attempt(named or by_path, self.values.get("x-request-id"))

    @property
    def is_grpc(self) -> bool:
        """Whether it is a call over gRPC."""
        return self.values.get("content-type", "").startswith("application/grpc")

    async def receive(self, size: int = 1 << 16) -> bytes:
        """What has come of the body, at least a byte; nothing at its end. Raises: StreamEndedError."""
        while not self.body and not self.has_ended:
            await self.wait()
        data, self.body = self.body[:size], self.body[size:]
        return data

    def send_headers(self, headers: list[Header], end: bool = False, flags: int = END_HEADERS) -> None:
        """Sends a HEADERS frame, or as many CONTINUATION frames more as it needs."""
        block = self.owner.encode(headers)
        flags |= END_STREAM if end else 0
        size = self.owner.max_frame
        if len(block) <= size:
            self.owner.send(HEADERS, flags, self.number, block)
            return
        self.owner.send(HEADERS, flags & ~END_HEADERS, self.number, block[:size])
        for start in range(size, len(block), size):
            is_last = start + size >= len(block)
            self.owner.send(
                CONTINUATION, flags & END_HEADERS if is_last else 0, self.number, block[start : start + size]
            )

    async def send(self, data: bytes, end: bool = False) -> None:
        """Sends data as far as the peer's windows allow, and waits for more of them. Raises: StreamEndedError."""
        while data or end:
            room = min(self.window, self.owner.window, self.owner.max_frame)
            if data and room <= 0:
                await self.wait()
                continue
            piece, data = data[:room], data[room:]
            self.window -= len(piece)
            self.owner.window -= len(piece)
            self.owner.send(DATA, END_STREAM if end and not data else 0, self.number, piece)
            if not data:
                return

    def send_frame(self, kind: int, flags: int, payload: bytes) -> None:
        """Sends any frame on this stream."""
        self.owner.send(kind, flags, self.number, payload)

    def reset(self, code: int) -> None:
        """Sends RST_STREAM."""
        self.owner.send(RST_STREAM, 0, self.number, code.to_bytes(4, "big"))

    async def wait(self) -> None:
        """Waits for the connection's next frame, of any stream. Raises: StreamEndedError."""
        await NextFrame()
        if self.reset_by_peer is not None:
            raise StreamEndedError


async def behave(stream: Stream, steps: Iterable[Callable[[Stream], Awaitable[None] | None]]) -> None:
    """Does one step after the other."""
    for step in steps:
        if (waits := step(stream)) is not None:
            await waits


def several(*steps: Callable[[Stream], Awaitable[None] | None]) -> Callable[[Stream], Awaitable[None]]:
    """One step of several."""
    return lambda stream: behave(stream, steps)
