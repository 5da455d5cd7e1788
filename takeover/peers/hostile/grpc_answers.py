"""What the upstream answers over gRPC, by the name of the behaviour: the method, in any service.

Any other method is echoed: each message comes back as soon as it is whole, and the status is 0. `Headers` answers by a
message of the request's headers, a line each, so that a deadline (`grpc-timeout`) is seen.
"""

from takeover.peers.hostile.http2_answers import (
    HELLO,
    Step,
    block,
    close,
    data,
    frame,
    headers,
    pause,
    reset,
    reset_connection,
)
from takeover.peers.hostile.http2_stream import DATA, Header, Stream, behave

_TYPE: Header = ("content-type", "application/grpc")


def message(body: bytes, compressed: int = 0, length: int | None = None) -> bytes:
    """A message as gRPC frames it, or as it should not."""
    return bytes([compressed]) + (len(body) if length is None else length).to_bytes(4, "big") + body


def _status(status: str, *more: Header) -> Step:
    """The trailers."""
    return block(("grpc-status", status), *more)


def _only(status: str, *more: Header) -> Step:
    """An answer that is trailers alone."""
    return headers(_TYPE, ("grpc-status", status), *more, end=True)


async def _take_all(stream: Stream) -> None:
    while await stream.receive():
        pass


async def _headers(stream: Stream) -> None:
    await stream.send(message("".join(f"{name}: {value}\n" for name, value in stream.came).encode()))


_BEGIN = headers(_TYPE)
_MESSAGE = data(message(b"hostile"))
_SAID: Header = ("grpc-message", "hostile %E2%9C%93")

ANSWERS: dict[str, list[Step]] = {
    "Headers": [_BEGIN, _headers, _status("0")],
    # How a call does not end.
    "silent": [],
    "begins-only": [_BEGIN],
    "message-only": [_BEGIN, _MESSAGE],
    "close-after-message": [_BEGIN, _MESSAGE, close],
    "reset-after-message": [_BEGIN, _MESSAGE, reset_connection],
    "slow": [_BEGIN, *[step for each in message(b"hostile") for step in (data(bytes([each])), pause)], _status("0")],
    # Statuses.
    "no-status": [_BEGIN, data(message(b"hostile"), end=True)],
    "status-missing-in-trailers": [_BEGIN, _MESSAGE, block(("x-after", "yes"))],
    "status-99": [_BEGIN, _MESSAGE, _status("99")],
    "status-negative": [_BEGIN, _MESSAGE, _status("-1")],
    "status-of-letters": [_BEGIN, _MESSAGE, _status("OK")],
    "status-twice": [_BEGIN, _MESSAGE, _status("0", ("grpc-status", "13"))],
    "status-in-headers-too": [headers(_TYPE, ("grpc-status", "0")), _MESSAGE, _status("13")],
    "details": [_BEGIN, _status("9", _SAID, ("grpc-status-details-bin", "CAkSB2hvc3RpbGU"))],
    "message-not-encoded": [_BEGIN, _status("13", ("grpc-message", "100% caf\xe9"))],
    "message-of-8k": [_BEGIN, _status("13", ("grpc-message", "a" * 8000))],
    # Messages.
    "no-message": [_BEGIN, _status("0")],
    "two-messages": [_BEGIN, _MESSAGE, _MESSAGE, _status("0")],
    "empty-message": [_BEGIN, data(message(b"")), _status("0")],
    "large-message": [_BEGIN, data(message(b"a" * (1 << 20))), _status("0")],
    "message-in-pieces": [_BEGIN, *[data(bytes([each])) for each in message(b"hostile")], _status("0")],
    "message-cut": [_BEGIN, data(message(b"host", length=7)), _status("0")],
    "message-too-long": [_BEGIN, data(message(b"hostile", length=0xFFFFFFFF)), _status("0")],
    "message-compressed": [_BEGIN, data(message(b"hostile", compressed=1)), _status("0")],
    "encoding-unknown": [headers(_TYPE, ("grpc-encoding", "rot13")), data(message(b"ubfgvyr", 1)), _status("0")],
    "padding-alone": [_BEGIN, frame(DATA, 0x8, b"\x04\0\0\0\0"), _MESSAGE, _status("0")],
    # No gRPC.
    "text": HELLO,
    "http-404": [headers(status="404", end=True)],
    "http-503": [headers(("content-type", "text/html"), status="503"), data(b"<p>no</p>", end=True)],
    "no-type": [headers(), _MESSAGE, _status("0")],
    "grpc-web": [headers(("content-type", "application/grpc-web+proto")), _MESSAGE, _status("0")],
}  # fmt: skip

for _code in range(17):
    ANSWERS |= {
        f"status-{_code}": [_BEGIN, _MESSAGE, _status(str(_code), _SAID)],
        f"only-status-{_code}": [_only(str(_code), _SAID)],
        f"status-{_code}-at-the-end": [_take_all, _BEGIN, _MESSAGE, _status(str(_code), _SAID)],
    }
for _code in range(14):
    ANSWERS |= {
        f"rst-{_code}": [reset(_code)],
        f"rst-{_code}-after-message": [_BEGIN, _MESSAGE, reset(_code)],
        f"rst-{_code}-after-status": [_BEGIN, _MESSAGE, _status("0"), reset(_code)],
    }


async def answer(stream: Stream) -> None:
    """Answers a call."""
    if stream.name not in ANSWERS:
        await _echo(stream)
        return
    await behave(stream, ANSWERS[stream.name])


async def _echo(stream: Stream) -> None:
    stream.send_headers([(":status", "200"), _TYPE])
    came = b""
    while more := await stream.receive():
        came += more
        while len(came) >= 5 and len(came) >= (end := 5 + int.from_bytes(came[1:5], "big")):
            await stream.send(came[:end])
            came = came[end:]
    stream.send_headers([("grpc-status", "0")], end=True)
