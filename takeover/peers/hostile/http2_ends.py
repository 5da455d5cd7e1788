"""Answers over HTTP/2 that end early, or are disturbed: `ends-MOMENT-ACTION`, and `ends-MOMENT-later-ACTION`.

An answer begins as soon as a byte of the request's body has come, or its end: what had come by then is no race. What is
sent until its moment, the action and, where that leaves the stream open, what was missing of the answer is one write:
the peer reads all of it at once. Later is a third of a second after the moment. The answer to a call over gRPC is a
message in two pieces and the status 0.
"""

from takeover.peers.hostile import http2_stream as http2
from takeover.peers.hostile.http2_answers import (
    Step,
    block,
    close,
    data,
    frame,
    goaway,
    headers,
    metadata,
    on_connection,
    pause,
    reset,
    reset_connection,
)
from takeover.peers.hostile.http2_metadata import SHAPES
from takeover.peers.hostile.http2_stream import Stream, behave, several

_LATER = [pause] * 17  # a third of a second
_CODES = (0, 1, 2, 5, 7, 8, 11, 13, 4095)
_GOAWAY_CODES = (0, 2, 11)
_BELOW, _ABOVE = -2, 1 << 20
"""The last stream that GOAWAY says was processed, from the request's own."""
_GRPC = b"\0\0\0\0\x08"
"""What a message of gRPC begins with that has the text's length."""


def _by_protocol(plain: Step, grpc: Step) -> Step:
    return lambda stream: (grpc if stream.is_grpc else plain)(stream)


def _end_after(trailers: Step) -> list[Step]:
    return [_by_protocol(data(b"ile\n", end=True), data(b"ile\n")), _by_protocol(lambda _: None, trailers)]


def _goaway(code: int, from_here: int) -> Step:
    return lambda stream: goaway(code, max(0, stream.number + from_here))(stream)


_STATUS = block(("grpc-status", "0"))
_HEAD = _by_protocol(headers(("content-type", "text/plain")), headers(("content-type", "application/grpc")))
_HALF = _by_protocol(data(b"host"), data(_GRPC + b"host"))
_REST = _end_after(_STATUS)
_ONLY = _by_protocol(headers(end=True), headers(("content-type", "application/grpc"), ("grpc-status", "9"), end=True))
_MOVED = headers(("location", "http://a/plain/elsewhere"), status="302", end=True)
_ALL = data(b"ile\n")
_TRAILER = block(("x-after", "yes"), ("grpc-status", "0"))
_TRAILERS = [_ALL, _TRAILER]

_MOMENTS: dict[str, tuple[list[Step], list[Step]]] = {
    "nothing": ([], [_HEAD, _HALF, *_REST]),
    "hints": ([headers(("x-interim", "103"), status="103")], [_HEAD, _HALF, *_REST]),
    "headers": ([_HEAD], [_HALF, *_REST]),
    "body": ([_HEAD, _HALF], _REST),
    "much": ([headers(), *[data(b"a" * 3000)] * 8], [data(b"ile\n", end=True)]),
    "answer": ([_HEAD, _HALF, *_REST], []),
    "bodiless": ([_ONLY], []),
    "unended": ([_HEAD, _HALF, _ALL], [_by_protocol(data(b"", end=True), _STATUS)]),
    "untrailed": ([_HEAD, _HALF, _ALL], [_TRAILER]),
    "trailers": ([_HEAD, _HALF, *_TRAILERS], []),
    "error": ([headers(status="503"), data(b"hostile\n", end=True)], []),
    "moved": ([_MOVED], []),
}
"""What is sent until then, and what is missing of the answer."""

_ENDINGS: dict[str, Step] = {f"rst-{code}": reset(code) for code in _CODES}
_ENDINGS |= {"close": close, "reset": reset_connection, "stall": lambda _: None}
_ENDINGS |= {f"metadata-then-{name}": several(metadata(), step) for name, step in list(_ENDINGS.items())}
_OTHERS: dict[str, Step] = {
    **{f"metadata{shape}": step for shape, step in SHAPES.items()},
    "ping": on_connection(http2.PING, 0, b"hostile!"),
    "credit-0": frame(http2.WINDOW_UPDATE, 0, b"\0\0\0\0"),
    "credit-0-for-all": on_connection(http2.WINDOW_UPDATE, 0, b"\0\0\0\0"),
}
for _where, _from_here in (("below", _BELOW), ("at", 0), ("above", _ABOVE)):
    _OTHERS |= {f"goaway-{_where}-{code}": _goaway(code, _from_here) for code in _GOAWAY_CODES}


async def _begun(stream: Stream) -> None:
    while not stream.body and not stream.has_ended:
        await stream.wait()


def _in_one_write(*steps: Step) -> Step:
    async def write(stream: Stream) -> None:
        with stream.owner.connection.gathered():
            await behave(stream, steps)

    return write


def _ends() -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    for moment, (before, rest) in _MOMENTS.items():
        for action, step in (_ENDINGS | _OTHERS).items():
            after = rest if action in _OTHERS else []
            found[f"ends-{moment}-{action}"] = [_begun, _in_one_write(*before, step, *after)]
            found[f"ends-{moment}-later-{action}"] = [
                _begun, _in_one_write(*before), *_LATER, _in_one_write(step, *after)
            ]  # fmt: skip
    return found


ENDS: dict[str, list[Step]] = _ends()
"""By the name of the behaviour; so for calls over gRPC, too."""
