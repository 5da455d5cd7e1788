"""WebSocket over HTTP/1 (RFC 6455) and HTTP/2 (RFC 8441): every message comes back, or as the path's last part says.

refuse-STATUS   no WebSocket, but that answer: 401, 403, 426, …
close-CODE      a close frame at once, with any code; `close-none` has none
and the names of `BEHAVIOURS`
"""

import base64
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, ParseFailed

from takeover.peers.hostile import answers, witness
from takeover.peers.hostile.connections import Connection
from takeover.peers.hostile.http2_stream import Header, Stream
from takeover.peers.hostile.witness import Seen

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_REFUSE, _CLOSE = "refuse-", "close-"
_HEADERS_OF_REFUSALS: dict[str, list[Header]] = {
    "401": [("www-authenticate", 'Basic realm="hostile"')],
    "426": [("upgrade", "websocket"), ("sec-websocket-version", "13")],
}


class Channel(Protocol):
    """What carries the frames."""

    async def receive(self) -> bytes:
        """At least a byte; nothing at the peer's end."""

    async def send(self, data: bytes) -> None:
        """Sends all of it."""

    async def reset(self) -> None:
        """Ends it by a reset."""


class _OfConnection:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def receive(self) -> bytes:
        return self._connection.receive()

    async def send(self, data: bytes) -> None:
        self._connection.send(data)

    async def reset(self) -> None:
        self._connection.reset()


class _OfStream:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def receive(self) -> bytes:
        return await self._stream.receive()

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def reset(self) -> None:
        self._stream.reset(8)


def _frame(opcode: int, payload: bytes, first: int = 0x80) -> bytes:
    """A frame of at most 125 bytes, as a server may send it or not. `first`: the bits before the opcode."""
    return bytes([first | opcode, len(payload)]) + payload


def _send(*frames: bytes) -> Callable[[Channel], Awaitable[None]]:
    return lambda channel: channel.send(b"".join(frames))


async def _reset(channel: Channel) -> None:
    await channel.send(_frame(1, b"hostile"))
    await channel.reset()


async def _stall(channel: Channel) -> None:
    while await channel.receive():
        pass


async def _until_closed(channel: Channel) -> None:
    """Until the client closes, which then waits for our end."""
    frames = FrameProtocol(client=False, extensions=[])
    while data := await channel.receive():
        frames.receive_bytes(data)
        with contextlib.suppress(ParseFailed):
            if any(frame.opcode is Opcode.CLOSE for frame in frames.received_frames()):
                return


BEHAVIOURS: dict[str, list[Callable[[Channel], Awaitable[None]]]] = {
    "stall": [_stall],
    "end": [],  # without a close frame
    "reset": [_reset],
    "half-a-frame": [_send(_frame(1, b"hostile")[:4])],
    "in-fragments": [_send(_frame(1, b"ho", 0), _frame(0, b"sti", 0), _frame(0, b"le")), _until_closed],
    "fragments-between": [_send(_frame(1, b"ho", 0), _frame(9, b"ping"), _frame(0, b"stile")), _until_closed],
    "fragment-alone": [_send(_frame(0, b"hostile")), _until_closed],
    "ping": [_send(_frame(9, b"hostile")), _until_closed],
    "pong": [_send(_frame(10, b"unasked")), _until_closed],
    "ping-in-fragments": [_send(_frame(9, b"ho", 0), _frame(0, b"stile")), _until_closed],
    "masked": [_send(b"\x81\x87\0\0\0\0hostile"), _until_closed],
    "reserved-bit": [_send(_frame(1, b"hostile", 0xC0)), _until_closed],
    "reserved-opcode": [_send(_frame(3, b"hostile")), _until_closed],
    "bad-text": [_send(_frame(1, b"caf\xe9")), _until_closed],
    "length-not-shortest": [_send(b"\x81\x7e\x00\x07hostile"), _until_closed],
    "length-too-long": [_send(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffhostile"), _until_closed],
    "large": [_send(b"\x82\x7f" + (1 << 20).to_bytes(8, "big") + b"a" * (1 << 20)), _until_closed],
    "close-twice": [_send(_frame(8, b"\x03\xe8"), _frame(8, b"\x03\xe8")), _until_closed],
    "close-with-a-byte": [_send(_frame(8, b"\x03")), _until_closed],
    "close-then-more": [_send(_frame(8, b"\x03\xe8"), _frame(1, b"hostile")), _until_closed],
}  # fmt: skip


def serve_connection(connection: Connection, name: str, headers: dict[str, str]) -> bool:
    """Answers a request over HTTP/1 that asks for WebSocket. Returns whether the connection goes on with HTTP."""
    if refusal := _refusal(name):
        more = [f"{header}: {value}" for header, value in _HEADERS_OF_REFUSALS.get(refusal, [])]
        connection.send(answers.plain(f"{refusal} Refused", *more))
        return True
    key = headers.get("sec-websocket-key", "").encode("latin-1")
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    accepted = {"wrong-accept": "hostile", "no-accept": ""}.get(name, accept)
    lines = ["HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: Upgrade"]
    lines += [f"sec-websocket-accept: {accepted}"] if accepted else []
    connection.send("\r\n".join([*lines, "", ""]).encode())
    _run(_converse(_OfConnection(connection), name, connection.seen))
    return False


def status(name: str) -> int:
    """Of the answer over HTTP/1."""
    return int(_refusal(name) or 101)


async def serve_stream(stream: Stream) -> None:
    """Answers a CONNECT over HTTP/2 that asks for WebSocket."""
    if refusal := _refusal(stream.name):
        stream.send_headers([(":status", refusal), *_HEADERS_OF_REFUSALS.get(refusal, [])], end=True)
        return
    stream.send_headers([(":status", "200")])
    await _converse(_OfStream(stream), stream.name, stream.owner.connection.seen)
    if stream.name != "reset":
        await stream.send(b"", end=True)


def _refusal(name: str) -> str:
    """The status by which it is refused; empty for a name that says nothing of that."""
    status = name.removeprefix(_REFUSE)
    return status if status != name and status.isdigit() else ""


def _run(conversation: Coroutine[None, None, None]) -> None:
    """Runs what never waits for anybody else's frames."""
    try:
        conversation.send(None)
    except StopIteration:
        return
    raise AssertionError("a connection's channel does not wait")


async def _converse(channel: Channel, name: str, seen: Seen) -> None:
    if name in BEHAVIOURS:
        for step in BEHAVIOURS[name]:
            await step(channel)
        return
    code = name.removeprefix(_CLOSE)
    if code != name and (code.isdigit() or code == "none"):
        await channel.send(_frame(8, int(code).to_bytes(2, "big") + b"hostile" if code != "none" else b""))
        await _until_closed(channel)
        return
    await _echo(channel, seen)


async def _echo(channel: Channel, seen: Seen) -> None:
    told: dict[str, object] = {"messages": 0, "close": None}
    seen.note("websocket", told)
    frames = FrameProtocol(client=False, extensions=[])
    message: list[Any] = []
    count = 0
    while data := await channel.receive():
        frames.receive_bytes(data)
        try:
            for frame in frames.received_frames():
                payload: Any = frame.payload
                if frame.opcode is Opcode.PING:
                    await channel.send(bytes(frames.pong(payload)))
                elif frame.opcode is Opcode.CLOSE:
                    code, reason = payload
                    told["close"] = [int(code), reason or ""]
                    await channel.send(bytes(frames.close(code, reason)))
                    return
                elif frame.opcode is not Opcode.PONG:
                    message.append(payload)
                    if frame.message_finished:
                        whole = ("" if isinstance(message[0], str) else b"").join(message)
                        message, count = [], count + 1
                        told["messages"] = count
                        await channel.send(bytes(frames.send_data(whole, fin=True)))
        except ParseFailed as error:
            told["wrong"] = str(error)
            await channel.send(bytes(frames.close(error.code or CloseReason.PROTOCOL_ERROR)))
            return
    seen.ended(witness.FIN)
