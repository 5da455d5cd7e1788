"""Frames as steps: what stands in probes.yaml becomes bytes that may be wrong in any way."""

import struct
from collections import Counter
from collections.abc import Iterator, Mapping

from hpack import Encoder
from msgspec import UNSET, UnsetType

from takeover.net.http2_frames import CODES, FLAGS, PREFACE, SETTINGS, TYPES, frame, pairs, settings
from takeover.probes.entries import Bytes
from takeover.probes.http2_entries import Http2Entry, Http2StepEntry
from takeover.probes.protocols.written import (
    MOST_OF_A_PROBE,
    AnyStep,
    AwaitEvent,
    End,
    Reset,
    Send,
    check_reset_is_last,
    check_total,
    kind_of,
    numbered,
    text,
    texts,
)

_STREAM = ("stream", "flags", "length")
_BLOCK = (*_STREAM, "end_stream", "block")
_KINDS: Mapping[str, tuple[str, ...]] = {
    "settings": _STREAM,
    "headers": (*_BLOCK, "split", "padding"),
    "continuation": _BLOCK,
    "data": (*_STREAM, "end_stream", "padding"),
    "rst_stream": _STREAM,
    "goaway": (*_STREAM, "last_stream", "debug"),
    "window_update": _STREAM,
    "ping": _STREAM,
    "priority": (*_STREAM, "depends_on", "exclusive"),
    "frame": (*_STREAM, "payload"),
    "send": (),
    "await": ("stream",),
    "end": (),
    "reset": (),
    "repeat": ("steps", "increase"),
}
"""What a step can be → the fields that it takes besides."""
_OF_THE_CONNECTION = ("settings", "goaway", "window_update", "ping")
AWAITED = (
    "headers", "data", "settings", "settings_ack", "rst_stream", "goaway", "ping", "ping_ack", "window_update",
    "response", "stream_end",
)  # fmt: skip


def frame_steps(entry: Http2Entry) -> tuple[tuple[AnyStep, ...], int]:
    """The steps of an entry that has some, and how many answers end it.

    Raises: BadInputError "FILE:LINE: …".
    """
    check_reset_is_last(entry.steps)
    check_total(entry, *(value for each in _all(entry.steps) for value in _texts_of(each)))
    compiler = _Compiler()
    begin = (Send(PREFACE, "the preface"),) if entry.preface else ()
    steps = (*begin, *compiler.steps(entry.steps))
    return steps, entry.answers if entry.has("answers") else max(1, len(compiler.begun))


def _all(steps: tuple[Http2StepEntry, ...]) -> Iterator[Http2StepEntry]:
    for each in steps:
        yield each
        yield from _all(each.steps)


def _texts_of(step: Http2StepEntry) -> Iterator[Bytes]:
    for several in (step.headers, step.continuation):
        yield from () if several is UNSET else several
    for each in (step.data, step.ping, step.send, step.block, step.debug, step.payload):
        if each is not UNSET:
            yield each


class _Compiler:
    """Makes bytes of one probe's steps; headers are packed as one peer packs them, one list after the other.

    Attributes:
        begun: the streams that have HEADERS, and no RST_STREAM after them.
    """

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._awaited: Counter[tuple[str, int | None]] = Counter()
        self._length = 0
        self.begun: set[int] = set()

    def steps(self, entries: tuple[Http2StepEntry, ...], more: int = 0) -> Iterator[AnyStep]:
        """The steps, with streams that are `more` higher."""
        for each in entries:
            kind = kind_of(each, _KINDS)
            if kind == "repeat":
                yield from self._repeated(each)
                continue
            step = self._step(each, kind, more)
            self._length += len(step.data) if isinstance(step, Send) else 0
            if self._length > MOST_OF_A_PROBE:
                raise each.error(f"a probe sends at most {MOST_OF_A_PROBE} bytes")
            yield step

    def _repeated(self, entry: Http2StepEntry) -> Iterator[AnyStep]:
        if not entry.steps:
            raise entry.error("repeat needs steps: a list of what is made again and again", "repeat")
        for each in entry.steps:
            if kind_of(each, _KINDS) == "repeat":
                raise each.error("a repeat stands in no other one; make its number higher", "repeat")
        times = 0 if entry.repeat is UNSET else entry.repeat
        run: list[Send] = []
        for number in range(times):
            for step in self.steps(entry.steps, number * entry.increase):
                if isinstance(step, Send):
                    run.append(step)
                    continue
                yield from _joined(run)
                run = []
                yield step
        yield from _joined(run)

    def _step(self, entry: Http2StepEntry, kind: str, more: int) -> AnyStep:
        match kind:
            case "send":
                return Send(_bytes(entry, entry.send, "send"))
            case "end":
                return End()
            case "reset":
                return Reset()
            case "await":
                if entry.await_ not in AWAITED:
                    raise entry.error(f"await is one of {', '.join(AWAITED)}, not {entry.await_}", "await")
                key = entry.await_, None if entry.stream is UNSET else _stream(entry, more, 0)
                self._awaited[key] += 1
                return AwaitEvent(*key, self._awaited[key])
            case _:
                return self._frame(entry, kind, more)

    def _frame(self, entry: Http2StepEntry, kind: str, more: int) -> Send:
        stream = _stream(entry, more, 0 if kind in _OF_THE_CONNECTION else 1)
        if kind == "headers":
            self.begun.add(stream)
        elif kind == "rst_stream":
            self.begun.discard(stream)
        name = kind.upper()
        number = numbered(entry, "frame", entry.frame, TYPES) if kind == "frame" else TYPES[name]
        if number > 0xFF:
            raise entry.error(f"frame must be at most 255, not {number}", "frame")
        flags = FLAGS["END_HEADERS"] if kind in ("headers", "continuation") else 0
        if entry.flags is not UNSET:
            flags = 0
            for index, each in enumerate(entry.flags):
                flags |= numbered(entry, "flags", each, FLAGS, index)
            if flags > 0xFF:
                raise entry.error(f"flags must be at most 255 together, not {flags}", "flags")
        flags |= FLAGS["END_STREAM"] if entry.end_stream else 0
        payload = self._payload(entry, kind)
        length = None if entry.length is UNSET else entry.length
        ends = " END_STREAM" * entry.end_stream
        what = f"{f'frame 0x{number:02x}' if kind == 'frame' else name} {stream}{ends}"
        if entry.split is not UNSET:
            return Send(_split(payload, entry.split, flags, stream, length, entry.padding), f"{what}, split")
        if entry.padding is not UNSET:
            payload, flags = _padded(payload, entry.padding), flags | FLAGS["PADDED"]
        return Send(frame(number, flags, stream, payload, length), what)

    def _payload(self, entry: Http2StepEntry, kind: str) -> bytes:
        match kind:
            case "settings":
                return settings(_setting(entry, each, index) for index, each in enumerate(entry.settings or ()))
            case "headers" | "continuation":
                written = entry.headers if kind == "headers" else entry.continuation
                lines = texts(entry, () if written is UNSET else written, kind)
                return self._encoder.encode(pairs(lines), huffman=False) + _bytes(entry, entry.block, "block")
            case "data":
                return _bytes(entry, entry.data, "data")
            case "rst_stream":
                return struct.pack(">L", numbered(entry, "rst_stream", entry.rst_stream, CODES))
            case "goaway":
                code = numbered(entry, "goaway", entry.goaway, CODES)
                return struct.pack(">LL", entry.last_stream, code) + _bytes(entry, entry.debug, "debug")
            case "window_update":
                return struct.pack(">L", entry.window_update)
            case "ping":
                return _bytes(entry, entry.ping, "ping")
            case "priority":
                weight = 1 if entry.priority is UNSET else entry.priority
                return struct.pack(">LB", entry.depends_on | entry.exclusive << 31, weight - 1)
            case _:
                return _bytes(entry, entry.payload, "payload")


def _joined(run: list[Send]) -> Iterator[Send]:
    """What is sent without an await in between, in one."""
    if run:
        what = ", ".join(dict.fromkeys(each.what.partition(" ")[0] or "bytes" for each in run))
        yield Send(b"".join(each.data for each in run), f"{len(run)} of {what}")


def _stream(entry: Http2StepEntry, more: int, usual: int) -> int:
    """The frame's stream; the connection's own (0) is the same each time."""
    stream = usual if entry.stream is UNSET else entry.stream
    return stream and stream + more


def _bytes(entry: Http2StepEntry, value: Bytes | UnsetType, key: str) -> bytes:
    return b"" if not value else text(entry, value, key).encode("latin-1")


def _setting(entry: Http2StepEntry, line: str, index: int) -> tuple[int, int]:
    name, _, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if name in SETTINGS and value.isdigit() and int(value) < 1 << 32:
        return SETTINGS[name], int(value)
    if name[:1].isdigit() and value.isdigit() and int(value) < 1 << 32:
        try:
            number = int(name, 0)
        except ValueError:
            number = 1 << 16
        if number < 1 << 16:
            return number, int(value)
    known = ", ".join(SETTINGS)
    raise entry.error(
        f'settings are "NAME: NUMBER", NAME one of {known}, or 0 to 65535, not {line!r}', "settings", index
    )


def _padded(payload: bytes, padding: int) -> bytes:
    return bytes([padding]) + payload + bytes(padding)


def _split(block: bytes, size: int, flags: int, stream: int, length: int | None, padding: int | object) -> bytes:
    """HEADERS and its CONTINUATIONs; END_HEADERS stands in the last one."""
    pieces = [block[begin : begin + size] for begin in range(0, len(block), size)] or [b""]
    first = flags & ~FLAGS["END_HEADERS"] if len(pieces) > 1 else flags
    begin = pieces[0]
    if isinstance(padding, int):
        begin, first = _padded(begin, padding), first | FLAGS["PADDED"]
    made = frame(TYPES["HEADERS"], first, stream, begin, length)
    for index, each in enumerate(pieces[1:], 2):
        made += frame(TYPES["CONTINUATION"], flags & FLAGS["END_HEADERS"] if index == len(pieces) else 0, stream, each)
    return made
