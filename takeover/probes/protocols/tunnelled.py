"""Probes through a tunnel over HTTP/1 or HTTP/2: what asks for it, what goes through it, and when all has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from takeover.net.http1 import Answer
from takeover.net.stream import ByteStream
from takeover.net.tunnels import Http1Tunnel
from takeover.probes.protocols.framed import FramedExchange
from takeover.probes.protocols.written import AnyStep, AwaitEvent, End, Opened, Send, replaced
from takeover.probes.tunnel_entries import TunnelEntry

if TYPE_CHECKING:
    from takeover.net.http2_tunnels import Http2Tunnel
    from takeover.probes.probe import Probe

Over = Literal["http1", "http2"]


@dataclass(frozen=True)
class TunnelSends:
    """What a probe sends through a tunnel, and what asks for that.

    Args:
        method: by which.
    """

    over: Over
    method: str
    steps: tuple[AnyStep, ...]


def handshake(entry: TunnelEntry, request: str, usual: Sequence[str], written: Sequence[str]) -> Iterable[AnyStep]:
    """What asks for the tunnel.

    Args:
        request: the first line of HTTP/1; over HTTP/2 its pseudo-headers are among the usual headers.
        usual: the headers that such a request has, "name: value".
        written: those that the probe gives.
    """
    lines = replaced(usual, written, entry.without)
    if entry.over == "http1":
        return [Send("\r\n".join([request, *lines, "", ""]).encode("latin-1"), "the handshake")]
    from hpack import Encoder

    from takeover.net.http2_frames import FLAGS, PREFACE, TYPES, frame, pairs
    from takeover.net.http2_tunnels import STREAM

    block = Encoder().encode(pairs(lines), huffman=False)
    return [
        Send(PREFACE + frame(TYPES["SETTINGS"], 0, 0), "the preface, SETTINGS"),
        AwaitEvent("settings"),
        Send(frame(TYPES["HEADERS"], FLAGS["END_HEADERS"], STREAM, block), "the handshake"),
    ]


def through(entry: TunnelEntry, steps: Iterable[AnyStep]) -> Iterable[AnyStep]:
    """The steps that are made through the tunnel, as they go over the connection."""
    if not entry.eager:
        yield Opened()
    if entry.over == "http1":
        yield from steps
        return
    from takeover.net.http2_frames import data
    from takeover.net.http2_tunnels import STREAM

    for each in steps:
        match each:
            case Send(sent, what):
                yield Send(data(STREAM, sent), what or "DATA")
            case End():
                yield Send(data(STREAM, b"", ends=True), "END_STREAM")
            case _:
                yield each


class TunnelExchange(FramedExchange):
    """Until nothing more comes, or the last step, an await, is done; a protocol says what counts besides."""

    def __init__(self, probe: "Probe", stream: ByteStream) -> None:
        self._sends: TunnelSends = probe.sends
        self._tunnel = _tunnel(self._sends, stream)
        super().__init__(probe, self._sends.steps, stream, self._tunnel)

    def _is_open(self) -> bool | None:
        return self._tunnel.is_open

    def _came(self, word: str, stream: int | None) -> int:
        """Of the connection, before there is a tunnel."""
        return self._tunnel.counts[word, stream] if not isinstance(self._tunnel, Http1Tunnel) else 0

    def _is_enough(self) -> bool:
        if self._tunnel.is_over:
            return True
        is_awaited = not self._steps or isinstance(self._steps[-1], AwaitEvent | Opened)
        return bool(self._tunnel.is_open) and is_awaited

    def _announces_the_end(self) -> bool:
        """Of a connection over HTTP/1 whose tunnel was refused; else it were chance whether its end is seen."""
        is_refused = isinstance(self._tunnel, Http1Tunnel) and self._tunnel.is_open is False
        return is_refused and self._tunnel.answer.announces_the_end

    def _read(self) -> Answer:
        return self._tunnel.answer


def _tunnel(sends: TunnelSends, stream: ByteStream) -> "Http1Tunnel | Http2Tunnel":
    if sends.over == "http1":
        return Http1Tunnel(stream, sends.method)
    from takeover.net.http2_tunnels import Http2Tunnel

    return Http2Tunnel(stream)
