"""An exchange step by step: what goes over the connection and what comes back, as bytes."""

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from takeover.net import raw
from takeover.net.http1 import Answer
from takeover.net.incoming import ReceivedBytes
from takeover.net.stream import ByteStream
from takeover.probes.protocols.written import Await, End, Reset, Send, Step

if TYPE_CHECKING:
    from takeover.probes.probe import Probe

# An answer that says so is followed by the connection's end; Envoy waits at most its delayed_close_timeout (1 s).
UNTIL_THE_END = 2.0
"""Seconds for which the end of a connection is waited for that is to end by itself."""
ON_THE_WAY = 0.002
"""Seconds that a connection's end may be on its way after Envoy has ended it."""


class SteppedExchange(ABC):
    """See `contract.Exchange`; a protocol says when an answer's beginning, and all of it, has come."""

    def __init__(self, probe: "Probe", steps: Sequence[Step], stream: ByteStream) -> None:
        self._probe = probe
        self._steps = steps
        self._stream = stream
        self._incoming = ReceivedBytes(stream)
        self.answer = Answer()

    @property
    def end(self) -> raw.End:
        """See `contract.Exchange`."""
        return self._incoming.end

    @property
    def _received(self) -> bytes:
        return self._incoming.data

    @abstractmethod
    def _has_begun(self, received: bytes) -> bool:
        """Whether so much of what was awaited has come."""

    @abstractmethod
    def _is_enough(self) -> bool:
        """Whether all has come; the connection's end not counted."""

    @abstractmethod
    def _announces_the_end(self) -> bool:
        """Whether the connection is to end by itself now."""

    @abstractmethod
    def _read(self) -> Answer:
        """The answer in what came so far."""

    def run(self) -> None:
        """Goes on until the answers are there and, if they announce it, the connection's end."""
        deadline, arrived = time.monotonic() + self._probe.within, 0
        with contextlib.suppress(ConnectionResetError, BrokenPipeError, TimeoutError):  # what comes back tells the rest
            for step in self._steps:
                match step:
                    case Send(data):
                        self._stream.send(data)
                    case Await():
                        begin = arrived
                        self._receive_until(lambda begin=begin: self._has_begun(self._received[begin:]), deadline)  # type: ignore[misc]
                        arrived = len(self._received)
                    case End():
                        self._stream.end()
                    case Reset():
                        self._stream.reset()
                        self._incoming.end = "reset" if self.end == "open" else self.end
        self._receive_until(self._is_enough, deadline)
        half_closed = any(isinstance(step, End) for step in self._steps)
        if self.end == "open" and self._is_enough() and (half_closed or self._announces_the_end()):
            self._receive_until(lambda: False, time.monotonic() + UNTIL_THE_END)
        self.answer = self._read()

    def look_for_the_end(self) -> None:
        """Takes in what came after the last answer, and the connection's end if Envoy has ended it by now."""
        if self.end == "open":
            self._receive_until(lambda: False, time.monotonic() + ON_THE_WAY)
            self.answer = self._read()

    def _receive_until(self, is_enough: Callable[[], bool], deadline: float) -> None:
        self._incoming.receive_until(is_enough, deadline)
