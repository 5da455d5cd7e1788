"""Exchanges over HTTP/2: one request by a library, or frames step by step. Imported where there is such an exchange."""

from typing import TYPE_CHECKING

from takeover.net import http2, raw
from takeover.net.http1 import Answer
from takeover.net.http2_connection import FrameConnection
from takeover.net.stream import ByteStream
from takeover.probes.protocols.framed import FramedExchange
from takeover.probes.protocols.http2 import Frames
from takeover.probes.protocols.stepped import ON_THE_WAY

if TYPE_CHECKING:
    from takeover.probes.probe import Probe


class RequestExchange(http2.Exchange):
    """One request as stream 1: until the stream or the connection has ended."""

    def __init__(self, probe: "Probe", stream: ByteStream) -> None:
        super().__init__(stream, "http" if probe.layers.tls is None else "https")
        self._probe = probe
        self._connection_stream = stream

    def run(self) -> None:
        """See `contract.Exchange`."""
        self.send_and_receive(self._probe.sends, self._probe.within)

    def look_for_the_end(self) -> None:
        """Of what comes after the stream's end only the connection's end counts."""
        if self.end == "open":
            self.end = raw.converse(self._connection_stream, b"", ON_THE_WAY).end


class FrameExchange(FramedExchange):
    """Frames: until as many streams have ended as the probe says, or the connection has."""

    _incoming: FrameConnection

    def __init__(self, probe: "Probe", sends: Frames, stream: ByteStream) -> None:
        super().__init__(probe, sends.steps, stream, FrameConnection(stream, automatic=sends.automatic))
        self._answers = sends.answers

    def _came(self, word: str, stream: int | None) -> int:
        return self._incoming.counts[word, stream]

    def _is_enough(self) -> bool:
        return self._incoming.ended >= self._answers

    def _read(self) -> Answer:
        connection = self._incoming
        answer = connection.answer
        answer.frames = list(connection.frames)
        answer.streams = {number: each for number, each in connection.answers.items() if each is not answer}
        return answer
