"""WebSocket over HTTP/1 and, by RFC 8441, over HTTP/2: a handshake with any headers, then any frames."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.net import bounds, websocket
from takeover.net.http1 import Answer
from takeover.net.stream import ByteStream
from takeover.net.websocket import OPCODES, frame
from takeover.probes.entries import Bytes, GroupEntry
from takeover.probes.protocols.tunnelled import TunnelExchange, TunnelSends, handshake, through
from takeover.probes.protocols.written import (
    AnyStep,
    AwaitEvent,
    End,
    Reset,
    Send,
    check_has_effect,
    check_reset_is_last,
    check_total,
    host_of,
    kind_of,
    recorded,
    scheme,
    text,
    texts,
)
from takeover.probes.tunnel_entries import WebSocketEntry, WebSocketStepEntry

if TYPE_CHECKING:
    from takeover.probes.probe import Probe

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the RFC's example: the answer's Sec-WebSocket-Accept is always the same
_FRAME = ("fin", "masked", "reserved", "length")
_KINDS = {
    "text": _FRAME, "binary": _FRAME, "continuation": _FRAME, "ping": _FRAME, "pong": _FRAME,
    "close": (*_FRAME, "reason"), "frame": (*_FRAME, "payload"), "send": (), "await": (), "end": (),
    "reset": (),
}  # fmt: skip
_ANY = "any"


class WebSocket:
    """See `contract.ProbeProtocol`."""

    name = "websocket"
    entry = WebSocketEntry

    def read(self, group: GroupEntry, entry: WebSocketEntry) -> TunnelSends:
        """The handshake, and what is sent once it is taken."""
        check_has_effect(entry, "on a WebSocket: it ends with its close, or its last await", "answers", "until")
        check_total(entry, *entry.headers, *(each for step in entry.steps for each in _texts_of(step)))
        path = text(entry, entry.path, "path")
        path = group.prefix + path if path.startswith("/") else path
        host = host_of(group, entry, entry.host)
        if entry.over == "http1":
            usual = [f"Host: {host}"] if host is not None else []
            usual += ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {_KEY}"]
            usual += ["Sec-WebSocket-Version: 13"]
        else:
            usual = [":method: CONNECT", ":protocol: websocket", f":scheme: {scheme(group, entry)}", f":path: {path}"]
            usual += [f":authority: {host}"] if host is not None else []
            usual += ["sec-websocket-version: 13"]
        begin = handshake(entry, f"GET {path} HTTP/1.1", usual, texts(entry, entry.headers, "headers"))
        method = "GET" if entry.over == "http1" else "CONNECT"
        return TunnelSends(entry.over, method, (*begin, *through(entry, _steps(entry.steps))))

    def record(self, sends: TunnelSends, source: str, to: ProbeTarget) -> ProbeRequest:
        """The steps as they are."""
        return ProbeRequest(source=source, to=to, protocol=self.name, steps=recorded(sends.steps))

    def exchange(self, probe: "Probe", stream: ByteStream) -> "_Exchange":
        """Until the peer closes it, or the last step, an await, is done."""
        return _Exchange(probe, stream)


def _steps(entries: tuple[WebSocketStepEntry, ...]) -> Iterator[AnyStep]:
    awaited: Counter[str] = Counter()
    check_reset_is_last(entries)
    for each in entries:
        kind = kind_of(each, _KINDS)
        match kind:
            case "end":
                yield End()
            case "reset":
                yield Reset()
            case "send":
                yield Send(_bytes(each, each.send, "send"))
            case "await":
                if each.await_ not in (*OPCODES, _ANY):
                    raise each.error(f"await is one of {', '.join((*OPCODES, _ANY))}, not {each.await_}", "await")
                awaited[each.await_] += 1
                yield AwaitEvent(each.await_, None, awaited[each.await_])
            case _:
                yield _frame(each, kind)


def _frame(entry: WebSocketStepEntry, kind: str) -> Send:
    match kind:
        case "close":
            code = 0 if entry.close is UNSET else entry.close
            payload = (code.to_bytes(2, "big") if code else b"") + _bytes(entry, entry.reason, "reason")
            opcode = OPCODES["close"]
        case "frame":
            payload, opcode = _bytes(entry, entry.payload, "payload"), 0 if entry.frame is UNSET else entry.frame
        case _:
            payload, opcode = _bytes(entry, getattr(entry, kind), kind), OPCODES[kind]
    made = frame(
        opcode,
        payload,
        fin=entry.fin,
        masked=entry.masked,
        reserved=entry.reserved,
        length=None if entry.length is UNSET else entry.length,
    )
    return Send(made, f"frame 0x{opcode:x}" if kind == "frame" else kind)


def _texts_of(step: WebSocketStepEntry) -> Iterator[Bytes]:
    values = (step.text, step.binary, step.continuation, step.ping, step.pong, step.send, step.reason, step.payload)
    yield from (each for each in values if each is not UNSET)


def _bytes(entry: WebSocketStepEntry, value: Bytes | UnsetType, key: str) -> bytes:
    return b"" if value is UNSET else text(entry, value, key).encode("latin-1")


class _Exchange(TunnelExchange):
    def __init__(self, probe: "Probe", stream: ByteStream) -> None:
        super().__init__(probe, stream)
        self._frames = websocket.Frames()
        self._left: list[websocket.Frame] = []

    def _came(self, word: str, stream: int | None) -> int:
        if word not in OPCODES and word != _ANY:
            return super()._came(word, stream)
        self._frames.read(self._tunnel.received)
        return sum(word in (each.kind, _ANY) for each in self._frames.found)

    def _is_enough(self) -> bool:
        return super()._is_enough() or self._came("close", None) > 0

    def _read(self) -> Answer:
        answer = super()._read()
        if self._tunnel.is_open:
            with contextlib.suppress(bounds.EndlessError):  # it has ended by that
                left = self._frames.read(self._tunnel.received)
                self._left = [websocket.left_over(left)] if left and self.end != "endless" else []
            answer.frames = [each.told for each in (*self._frames.found, *self._left)]
        return answer
