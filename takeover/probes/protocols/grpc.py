"""gRPC, unary and streaming: metadata, messages as they are written, the status in trailers."""

import struct
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.net import grpc
from takeover.net.stream import ByteStream
from takeover.probes.entries import Bytes, GroupEntry
from takeover.probes.grpc_entries import GrpcEntry, GrpcStepEntry
from takeover.probes.protocols.contract import Exchange
from takeover.probes.protocols.written import (
    AnyStep,
    AwaitEvent,
    Reset,
    Send,
    check_has_effect,
    check_reset_is_last,
    check_total,
    host_of,
    kind_of,
    numbered,
    recorded,
    replaced,
    scheme,
    text,
    texts,
)

if TYPE_CHECKING:
    from takeover.probes.probe import Probe

_STREAM = 1
_OF_A_MESSAGE = ("flag", "length")
_KINDS = {
    "message": _OF_A_MESSAGE, "hex": _OF_A_MESSAGE, "send": (), "await": (), "end": (), "cancel": (),
    "reset": (),
}  # fmt: skip
CANCEL = "RST_STREAM"
"""What the last step is that ends a call from our side."""
AWAITED = {"headers": "response", "message": "message", "end": "stream_end"}
"""What is awaited, by its name → by the connection's."""


class Grpc:
    """See `contract.ProbeProtocol`. The libraries are imported where a probe needs them."""

    name = "grpc"
    entry = GrpcEntry

    def read(self, group: GroupEntry, entry: GrpcEntry) -> tuple[AnyStep, ...]:
        """The call's headers, then its messages or steps."""
        if entry.has("steps") and entry.has("messages"):
            raise entry.error("a call has either steps or messages", "messages")
        check_has_effect(entry, "on a call: it ends by itself, or after `within`", "answers", "until")
        sent = (each for step in entry.steps for each in (step.message, step.send) if each is not UNSET)
        check_total(entry, *entry.metadata, *entry.messages, *sent)
        return (*_begin(group, entry), *(_steps(entry.steps) if entry.has("steps") else _messages(entry)))

    def record(self, sends: tuple[AnyStep, ...], source: str, to: ProbeTarget) -> ProbeRequest:
        """The steps as they are."""
        return ProbeRequest(source=source, to=to, protocol=self.name, steps=recorded(sends))

    def exchange(self, probe: "Probe", stream: ByteStream) -> Exchange:
        """Until the call, or the connection, has ended."""
        from takeover.probes.protocols.grpc_exchange import GrpcExchange

        return GrpcExchange(probe, stream)


def _begin(group: GroupEntry, entry: GrpcEntry) -> Iterator[Send]:
    from hpack import Encoder

    from takeover.net.http2_frames import FLAGS, PREFACE, TYPES, frame, pairs

    path = text(entry, entry.path, "path")
    path = group.prefix + path if path.startswith("/") else path
    host = host_of(group, entry, entry.host)
    usual = [
        ":method: POST",
        f":scheme: {scheme(group, entry)}",
        f":path: {path}",
        *([f":authority: {host}"] if host is not None else []),
    ]
    usual += ["te: trailers", "content-type: application/grpc"]
    usual += [f"grpc-timeout: {text(entry, entry.timeout, 'timeout')}"] if entry.timeout else []
    lines = replaced(usual, texts(entry, entry.metadata, "metadata"), entry.without)
    yield Send(PREFACE + frame(TYPES["SETTINGS"], 0, 0), "the preface, SETTINGS")
    block = Encoder().encode(pairs(lines), huffman=False)
    yield Send(frame(TYPES["HEADERS"], FLAGS["END_HEADERS"], _STREAM, block), "HEADERS")


def _messages(entry: GrpcEntry) -> Iterator[Send]:
    from takeover.net.http2_frames import data

    written = texts(entry, entry.messages, "messages")
    for number, each in enumerate(written, 1):
        sent = grpc.message(each.encode("latin-1"))
        yield Send(data(_STREAM, sent, ends=number == len(written)), "a message")
    if not written:
        yield Send(data(_STREAM, b"", ends=True), "no message")


def _steps(entries: tuple[GrpcStepEntry, ...]) -> Iterator[AnyStep]:
    from takeover.net.http2_frames import CODES, TYPES, data, frame

    awaited: Counter[str] = Counter()
    check_reset_is_last(entries)
    for each in entries:
        match kind_of(each, _KINDS):
            case "await":
                if each.await_ not in AWAITED:
                    raise each.error(f"await is one of {', '.join(AWAITED)}, not {each.await_}", "await")
                word = AWAITED[each.await_]
                awaited[word] += 1
                yield AwaitEvent(word, _STREAM, awaited[word])
            case "end":
                yield Send(data(_STREAM, b"", ends=True), "END_STREAM")
            case "reset":
                yield Reset()
            case "cancel":
                code = numbered(each, "cancel", each.cancel, CODES)
                yield Send(frame(TYPES["RST_STREAM"], 0, _STREAM, struct.pack(">L", code)), CANCEL)
            case "send":
                yield Send(data(_STREAM, _bytes(each, each.send, "send")), "DATA")
            case kind:
                sent = _hex(each) if kind == "hex" else _bytes(each, each.message, "message")
                length = None if each.length is UNSET else each.length
                yield Send(data(_STREAM, grpc.message(sent, flag=each.flag, length=length)), "a message")


def _hex(entry: GrpcStepEntry) -> bytes:
    try:
        return bytes.fromhex(entry.hex or "")
    except ValueError:
        raise entry.error(f"hex is of pairs of 0 to 9 and a to f, not {entry.hex!r}", "hex") from None


def _bytes(entry: GrpcStepEntry, value: Bytes | UnsetType, key: str) -> bytes:
    return b"" if value is UNSET else text(entry, value, key).encode("latin-1")
