"""What the upstream answers over HTTP/2, by the name of the behaviour: steps, one after the other.

An answer begins with the request's HEADERS, also where a body is still to come. One line more is one behaviour more.
Where a name has a number, it is the error code of RFC 9113, section 7.
"""

import time
from collections.abc import Awaitable, Callable

from takeover.peers.hostile import http2_stream as http2
from takeover.peers.hostile.answers import BODILESS, INTERIM, STATUSES
from takeover.peers.hostile.http2_stream import END_HEADERS, HEAD, Header, OurEndError, Stream

Step = Callable[[Stream], Awaitable[None] | None]

_ODD_CODES = (0x20, 0xFFFFFFFF)
_FLOOD = 200
"""Frames: more than what peers take for one too many, and no more than that."""


def headers(*more: Header, end: bool = False, status: str = "200", flags: int = END_HEADERS) -> Step:
    """An answer's headers: its status, and these."""
    return lambda stream: stream.send_headers([(":status", status), *more], end, flags)


def block(*written: Header, end: bool = True) -> Step:
    """A HEADERS frame of these headers and no others, whatever they are."""
    return lambda stream: stream.send_headers(list(written), end)


def data(body: bytes, end: bool = False) -> Step:
    """Data, as far as the windows allow."""
    return lambda stream: stream.send(body, end)


def frame(kind: int, flags: int = 0, payload: bytes = b"", times: int = 1) -> Step:
    """Any frame on the request's stream."""

    def send(stream: Stream) -> None:
        for _ in range(times):
            stream.send_frame(kind, flags, payload)

    return send


def on_connection(kind: int, flags: int = 0, payload: bytes = b"", stream: int = 0, times: int = 1) -> Step:
    """Any frame on another stream; 0 is the connection itself."""

    def send(asked: Stream) -> None:
        for _ in range(times):
            asked.owner.send(kind, flags, stream, payload)

    return send


def reset(code: int) -> Step:
    """RST_STREAM."""
    return lambda stream: stream.reset(code)


def goaway(code: int, last: int | None = None) -> Step:
    """GOAWAY; `last` is the stream that was processed, else the request's own."""
    return lambda stream: stream.owner.goaway(stream.number if last is None else last, code, b"hostile")


def metadata(value: str = "v", flags: int = END_HEADERS, block: bytes | None = None) -> Step:
    """METADATA, a frame that Envoys have among themselves: a map of one key, in a block that needs no table."""
    written = block if block is not None else b"\x00\x01k" + bytes([len(value)]) + value.encode()
    return frame(http2.METADATA, flags, written)


def settings(values: dict[int, int]) -> Step:
    """SETTINGS in the middle of the connection."""
    return lambda stream: stream.owner.settings(values)


def pause(stream: Stream) -> None:
    """A fiftieth of a second in which nothing is sent."""
    del stream
    time.sleep(0.02)


def close(stream: Stream) -> None:
    """Ends the connection."""
    del stream
    raise OurEndError


def reset_connection(stream: Stream) -> None:
    """Ends the connection by a RST."""
    stream.owner.connection.reset()
    raise OurEndError


def no_credit(stream: Stream) -> None:
    """Gives the peer no window beyond its first one on this stream."""
    stream.gives_credit = False


async def take_all(stream: Stream) -> None:
    """Waits for the end of the request's body."""
    while await stream.receive():
        pass


def _continuations(count: int, size: int, last: int) -> Step:
    """HEADERS, and then so many CONTINUATION frames with a header each."""

    def send(stream: Stream) -> None:
        stream.send_headers(HEAD, flags=0)
        for number in range(count):
            piece = stream.owner.encode([(f"x-{number}", "a" * size)]) if size else b""
            stream.send_frame(http2.CONTINUATION, last if number == count - 1 else 0, piece)

    return send


def _beyond_window(stream: Stream) -> None:
    """More data than the peer has given a window for."""
    for _ in range(5):
        stream.send_frame(http2.DATA, 0, b"a" * 16384)


_HEAD, _DATA, _END = headers(("content-type", "text/plain")), data(b"host"), data(b"ile\n", end=True)
HELLO = [_HEAD, _DATA, _END]

ANSWERS: dict[str, list[Step]] = {
    "answer-at-once": HELLO,
    # How an answer does not come, or does not end.
    "close-at-once": [close],
    "reset-at-once": [reset_connection],
    "stall": [],
    "close-after-headers": [_HEAD, close],
    "reset-after-headers": [_HEAD, reset_connection],
    "close-in-body": [_HEAD, _DATA, close],
    "reset-in-body": [_HEAD, _DATA, reset_connection],
    "reset-after-answer": [*HELLO, reset_connection],
    "stall-after-headers": [_HEAD],
    "stall-in-body": [_HEAD, _DATA],
    "slow-headers": [pause, pause, _HEAD, _DATA, _END],
    "slow-body": [_HEAD, *[step for each in b"hostile\n" for step in (data(bytes([each])), pause)], data(b"", True)],
    # Whole answers.
    "headers-only": [headers(end=True)],
    "no-content": [headers(status="204", end=True)],
    "continue": [headers(status="100"), *HELLO],
    "continue-twice": [headers(status="100"), headers(status="100"), *HELLO],
    "early-hints": [headers(("link", "</style.css>; rel=preload"), status="103"), *HELLO],
    "informational-at-the-end": [headers(status="103", end=True)],
    "switching": [headers(status="101"), *HELLO],
    "trailers": [_HEAD, _DATA, block(("x-after", "yes"))],
    "trailers-without-end": [_HEAD, _DATA, block(("x-after", "yes"), end=False)],
    "trailers-with-status": [_HEAD, _DATA, block((":status", "500"))],
    "trailers-of-framing": [_HEAD, _DATA, block(("content-length", "99"), ("host", "evil"))],
    "empty-trailers": [_HEAD, _DATA, block()],
    "megabyte": [_HEAD, data(b"a" * (1 << 20), end=True)],
    "padded": [_HEAD, frame(http2.DATA, http2.PADDED, b"\x04host" + b"\0" * 4), _END],
    # Lengths.
    "short-body": [headers(("content-length", "100")), _DATA, _END],
    "long-body": [headers(("content-length", "3")), _DATA, _END],
    "length-twice-other": [headers(("content-length", "8"), ("content-length", "4")), _DATA, _END],
    "length-of-letters": [headers(("content-length", "eight")), _DATA, _END],
    "no-content-with-body": [headers(status="204"), _DATA, _END],
    # Headers.
    "no-status": [block(("x-status", "none"))],
    "status-twice": [block((":status", "200"), (":status", "404"))],
    "status-of-letters": [block((":status", "two"))],
    "status-099": [headers(status="099", end=True)],
    "status-999": [headers(status="999", end=True)],
    "status-late": [block(("x-first", "1"), (":status", "200"))],
    "pseudo-of-requests": [headers((":path", "/"), end=True)],
    "pseudo-unknown": [headers((":odd", "1"), end=True)],
    "header-case": [headers(("X-Upper", "yes"), end=True)],
    "header-connection": [headers(("connection", "close"), end=True)],
    "header-encoding": [headers(("transfer-encoding", "chunked"), end=True)],
    "header-without-name": [headers(("", "nameless"), end=True)],
    "header-blank-in-name": [headers(("x blank", "yes"), end=True)],
    "header-nul": [headers(("x-nul", "a\x00b"), end=True)],
    "header-line-feed": [headers(("x-lf", "a\r\nx-made: yes"), end=True)],
    "header-blanks": [headers(("x-blanks", " \t padded \t "), end=True)],
    "header-latin-1": [headers(("x-value", "caf\xe9"), end=True)],
    "headers-101": [headers(*[(f"x-{number}", str(number)) for number in range(101)], end=True)],
    "header-8k": [headers(("x-long", "a" * 8000), end=True)],
    "header-70k": [headers(("x-long", "a" * 90000), end=True)],
    "cookies": [headers(("set-cookie", "a=1"), ("set-cookie", "b=2"), end=True)],
    # Blocks that nobody can read.
    "block-of-no-index": [frame(http2.HEADERS, END_HEADERS | http2.END_STREAM, b"\xff\xff\xff\x0f")],
    "block-cut": [frame(http2.HEADERS, END_HEADERS | http2.END_STREAM, b"\x88\x40\x0aonly")],
    "block-resizes-table": [frame(http2.HEADERS, END_HEADERS | http2.END_STREAM, b"\x3f\xe1\xff\x03\x88")],
    # Frames where none is expected.
    "data-first": [_DATA, _HEAD, _END],
    "data-after-the-end": [*HELLO, frame(http2.DATA, 0, b"more")],
    "headers-after-the-end": [*HELLO, headers(end=True)],
    "priority-after-the-end": [*HELLO, frame(http2.PRIORITY, 0, b"\0\0\0\0\x10")],
    "credit-after-the-end": [*HELLO, frame(http2.WINDOW_UPDATE, 0, b"\0\0\0\x01")],
    "continuation-after-the-end": [*HELLO, frame(http2.CONTINUATION, END_HEADERS, b"\x88")],
    "push-after-the-end": [*HELLO, frame(http2.PUSH_PROMISE, END_HEADERS, b"\0\0\0\x02\x82\x84\x87")],
    "unknown-after-the-end": [*HELLO, frame(0xEE, 0xFF, b"hostile")],
    "rst-twice-after-answer": [*HELLO, reset(0), reset(8)],
    "data-of-no-stream": [on_connection(http2.DATA, 0, b"host"), *HELLO],
    "data-of-an-idle-stream": [on_connection(http2.DATA, 0, b"host", stream=999), *HELLO],
    "headers-of-no-stream": [on_connection(http2.HEADERS, END_HEADERS, b"\x88"), *HELLO],
    "push": [frame(http2.PUSH_PROMISE, END_HEADERS, b"\0\0\0\x02\x82\x84\x87"), *HELLO],
    "continuation-alone": [frame(http2.CONTINUATION, END_HEADERS, b"\x88"), *HELLO],
    "continuation-missing": [headers(flags=0), _DATA, _END],
    "priority-of-itself": [lambda stream: stream.send_frame(2, 0, stream.number.to_bytes(4, "big") + b"\x10"), *HELLO],
    "unknown-frame": [frame(0xEE, 0xFF, b"hostile"), *HELLO],
    "reserved-bit": [on_connection(http2.PING, 0, b"12345678", stream=1 << 31), *HELLO],
    "ping": [on_connection(http2.PING, 0, b"hostile!"), *HELLO],
    "ping-too-short": [on_connection(http2.PING, 0, b"short"), *HELLO],
    "ping-answer-unasked": [on_connection(http2.PING, http2.ACK, b"hostile!"), *HELLO],
    "frame-too-long": [_HEAD, frame(http2.DATA, 0, b"a" * 16385), _END],
    "padding-too-long": [_HEAD, frame(http2.DATA, http2.PADDED, b"\xffhost"), _END],
    # METADATA, wherever it may come.
    "metadata": [metadata(), *HELLO],
    "metadata-twice": [metadata("a"), metadata("b"), *HELLO],
    "metadata-after-interim": [headers(status="103"), metadata(), *HELLO],
    "metadata-after-headers": [_HEAD, metadata(), _DATA, _END],
    "metadata-after-data": [_HEAD, _DATA, metadata(), _END],
    "metadata-before-trailers": [_HEAD, _DATA, metadata(), block(("x-after", "yes"))],
    "metadata-before-headers-only": [metadata(), headers(end=True)],
    "metadata-after-the-end": [*HELLO, metadata()],
    "metadata-in-two-frames": [metadata(block=b"\x00\x01k", flags=0), metadata(block=b"\x01v"), *HELLO],
    "metadata-without-end": [metadata(flags=0), *HELLO],
    "metadata-of-nothing": [metadata(block=b""), *HELLO],
    "metadata-that-is-none": [metadata(block=b"\xff\xff\xff"), *HELLO],
    "metadata-of-no-stream": [on_connection(http2.METADATA, END_HEADERS, b"\x00\x01k\x01v"), *HELLO],
    "metadata-flood": [frame(http2.METADATA, END_HEADERS, b"\x00\x01k\x01v", times=_FLOOD), *HELLO],
    "metadata-then-stall": [metadata()],
    "metadata-then-close": [metadata(), close],
    "metadata-then-rst-2": [metadata(), reset(2)],
    "metadata-then-rst-7": [metadata(), reset(7)],
    "metadata-after-headers-then-stall": [_HEAD, metadata()],
    "metadata-after-headers-then-close": [_HEAD, metadata(), close],
    "metadata-after-headers-then-rst-2": [_HEAD, metadata(), reset(2)],
    "metadata-after-headers-then-long-body": [headers(("content-length", "3")), metadata(), _DATA, _END],
    "metadata-then-megabyte": [metadata(), _HEAD, data(b"a" * (1 << 20), end=True)],
    "metadata-after-headers-then-megabyte": [_HEAD, metadata(), data(b"a" * (1 << 20), end=True)],
    "metadata-then-no-status": [metadata(), block(("x-status", "none"))],
    "metadata-then-headers-101": [
        metadata(),
        headers(*[(f"x-{number}", str(number)) for number in range(101)], end=True),
    ],
    "metadata-then-503": [metadata(), headers(status="503", end=True)],
    "continuation-with-odd-flags": [headers(flags=0), frame(http2.CONTINUATION, END_HEADERS | 0x70), _DATA, _END],
    # Windows.
    "no-credit": [no_credit, take_all, *HELLO],
    "beyond-the-window": [_HEAD, _beyond_window, _END],
    "credit-of-0": [frame(http2.WINDOW_UPDATE, 0, b"\0\0\0\0"), *HELLO],
    "credit-of-0-for-all": [on_connection(http2.WINDOW_UPDATE, 0, b"\0\0\0\0"), *HELLO],
    "credit-overflows": [frame(http2.WINDOW_UPDATE, 0, b"\x7f\xff\xff\xff"), *HELLO],
    "credit-overflows-for-all": [on_connection(http2.WINDOW_UPDATE, 0, b"\x7f\xff\xff\xff"), *HELLO],
    # Settings in the middle.
    "settings-again": [settings({}), *HELLO],
    "settings-window-0": [settings({4: 0}), *HELLO],
    "settings-window-too-large": [settings({4: 1 << 31}), *HELLO],
    "settings-frame-too-small": [settings({5: 16383}), *HELLO],
    "settings-frame-too-large": [settings({5: 1 << 24}), *HELLO],
    "settings-no-streams": [settings({3: 0}), *HELLO],
    "settings-no-table": [settings({1: 0}), *HELLO],
    "settings-push": [settings({2: 1}), *HELLO],
    "settings-push-of-2": [settings({2: 2}), *HELLO],
    "settings-no-headers": [settings({6: 0}), *HELLO],
    "settings-no-connect-any-more": [settings({8: 0}), *HELLO],
    "settings-unknown": [settings({0xF00: 1}), *HELLO],
    "settings-cut": [on_connection(http2.SETTINGS, 0, b"\0\x04\0"), *HELLO],
    "settings-of-a-stream": [frame(http2.SETTINGS), *HELLO],
    "settings-answer-unasked": [on_connection(http2.SETTINGS, http2.ACK), *HELLO],
    "settings-answer-with-text": [on_connection(http2.SETTINGS, http2.ACK, b"hostile"), *HELLO],
    # Too much of something.
    "continuation-flood": [_continuations(1000, 100, END_HEADERS), _END],
    "continuation-flood-without-end": [_continuations(1000, 100, 0)],
    "continuations-empty": [_continuations(_FLOOD, 0, END_HEADERS), _END],
    "ping-flood": [on_connection(http2.PING, 0, b"hostile!", times=_FLOOD), *HELLO],
    "settings-flood": [on_connection(http2.SETTINGS, times=_FLOOD), *HELLO],
    "priority-flood": [frame(http2.PRIORITY, 0, b"\0\0\0\0\0", times=_FLOOD), *HELLO],
    "credit-flood": [on_connection(http2.WINDOW_UPDATE, 0, b"\0\0\0\x01", times=_FLOOD), *HELLO],
    "empty-data-flood": [_HEAD, frame(http2.DATA, times=_FLOOD), _DATA, _END],
    "empty-headers-flood": [_HEAD, frame(http2.HEADERS, END_HEADERS, times=_FLOOD), _END],
    # Goodbyes.
    "goaway-before": [goaway(0, last=0), *HELLO],
    "goaway-before-and-close": [goaway(0, last=0), close],
    "goaway-soon": [goaway(0, last=(1 << 31) - 1), *HELLO],
    "goaway-twice": [goaway(0, last=(1 << 31) - 1), goaway(0), *HELLO],
    "goaway-growing": [goaway(0, last=0), goaway(0, last=(1 << 31) - 1), *HELLO],
    "goaway-cut": [on_connection(http2.GOAWAY, 0, b"\0\0\0\0"), *HELLO],
    "goaway-of-a-stream": [frame(http2.GOAWAY, 0, b"\0" * 8), *HELLO],
}  # fmt: skip

for _code in (*range(14), *_ODD_CODES):
    ANSWERS |= {
        f"rst-{_code}": [reset(_code)],
        f"rst-{_code}-after-headers": [_HEAD, reset(_code)],
        f"rst-{_code}-after-data": [_HEAD, _DATA, reset(_code)],
        f"rst-{_code}-after-answer": [*HELLO, reset(_code)],
        f"goaway-{_code}": [goaway(_code), *HELLO],
        f"goaway-{_code}-after-headers": [_HEAD, goaway(_code), _DATA, _END],
        f"goaway-{_code}-after-data": [_HEAD, _DATA, goaway(_code), _END],
        f"goaway-{_code}-after-answer": [*HELLO, goaway(_code)],
        f"goaway-{_code}-and-close": [goaway(_code), close],
    }

_THEN: dict[str, list[Step]] = {
    "200": HELLO,
    "204": [headers(status="204", end=True)],
    "302": [headers(("location", "http://a.test/plain/elsewhere"), status="302", end=True)],
    "304": [headers(("etag", '"1"'), status="304", end=True)],
    "503": [headers(status="503"), _DATA, _END],
    "stall": [],
    "close": [close],
    "reset": [reset_connection],
    "rst-7": [reset(7)],
    "rst-8": [reset(8)],
}
for _status in STATUSES:
    _head = headers(status=str(_status), end=_status in BODILESS)
    ANSWERS[f"answers-{_status}"] = [_head] if _status in BODILESS else [_head, _DATA, _END]
for _codes in INTERIM:
    _first = [headers(("x-interim", code), status=code) for code in _codes.split("-")]
    ANSWERS |= {f"interim-{_codes}-then-{then}": [*_first, pause, *steps] for then, steps in _THEN.items()}
