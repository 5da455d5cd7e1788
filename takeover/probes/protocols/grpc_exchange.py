"""A call over gRPC. Imported where there is one."""

import contextlib
from typing import TYPE_CHECKING

from takeover.net import bounds, grpc
from takeover.net.http1 import Answer
from takeover.net.http2_connection import FrameConnection
from takeover.net.stream import ByteStream
from takeover.probes.protocols.framed import FramedExchange
from takeover.probes.protocols.grpc import CANCEL
from takeover.probes.protocols.written import AwaitEvent, Send

if TYPE_CHECKING:
    from takeover.probes.probe import Probe

_STREAM = 1
_CONTENT_TYPE = "application/grpc"


class GrpcExchange(FramedExchange):
    """Until the call has ended, or the last step, an await, is done."""

    _incoming: FrameConnection

    def __init__(self, probe: "Probe", stream: ByteStream) -> None:
        super().__init__(probe, probe.sends, stream, FrameConnection(stream))
        self._messages = grpc.Messages()
        self._left = b""

    def _came(self, word: str, stream: int | None) -> int:
        if word == "message":
            self._messages.read(self._incoming.bodies.get(_STREAM, b""))
            return len(self._messages.found)
        return self._incoming.counts[word, stream]

    def _is_enough(self) -> bool:
        return self._incoming.ended > 0 or self._is_left_open or self._is_cancelled

    @property
    def _is_left_open(self) -> bool:
        return isinstance(self._steps[-1], AwaitEvent)

    @property
    def _is_cancelled(self) -> bool:
        last = self._steps[-1]
        return isinstance(last, Send) and last.what == CANCEL

    def _read(self) -> Answer:
        answer = self._incoming.answer
        answer.lasts_until_the_end = self._is_left_open and not self._incoming.ended
        if answer.value("content-type").startswith(_CONTENT_TYPE):
            with contextlib.suppress(bounds.EndlessError):  # what is left is told as it is
                self._left = self._messages.read(answer.body)
            answer.messages, answer.body = self._messages.found, self._left
        return answer
