"""An exchange over what has frames, a tunnel or messages: steps go out as bytes, what comes is taken in by its form."""

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from takeover.net import raw
from takeover.net.http1 import Answer
from takeover.net.incoming import Incoming
from takeover.net.stream import ByteStream
from takeover.probes.protocols.stepped import ON_THE_WAY, UNTIL_THE_END
from takeover.probes.protocols.written import AnyStep, Await, AwaitEvent, End, Opened, Reset, Send

if TYPE_CHECKING:
    from takeover.probes.probe import Probe


class FramedExchange(ABC):
    """See `contract.Exchange`; a protocol says what has come, and when that is all."""

    def __init__(self, probe: "Probe", steps: Sequence[AnyStep], stream: ByteStream, incoming: Incoming) -> None:
        self._probe = probe
        self._steps = steps
        self._stream = stream
        self._incoming = incoming
        self.answer = Answer()

    @property
    def end(self) -> raw.End:
        """See `contract.Exchange`."""
        return self._incoming.end

    @abstractmethod
    def _came(self, word: str, stream: int | None) -> int:
        """How many of what an await names have come."""

    @abstractmethod
    def _is_enough(self) -> bool:
        """Whether all has come; the connection's end not counted."""

    @abstractmethod
    def _read(self) -> Answer:
        """The answer in what came so far."""

    def _is_open(self) -> bool | None:
        """Whether the tunnel that was asked for is there; None as long as nobody has said."""
        return True

    def _announces_the_end(self) -> bool:
        """Whether the connection is to end by itself now."""
        return False

    def run(self) -> None:
        """Goes on until all has come and, where our direction has ended or the end is announced, the connection has."""
        deadline = time.monotonic() + self._probe.within
        with contextlib.suppress(ConnectionResetError, BrokenPipeError, TimeoutError):  # what comes back tells the rest
            self._make_steps(deadline)
        self._incoming.receive_until(self._is_enough, deadline)
        half_closed = any(isinstance(each, End) for each in self._steps)
        if self.end == "open" and self._is_enough() and (half_closed or self._announces_the_end()):
            self._incoming.look(UNTIL_THE_END)
        self.answer = self._read()

    def look_for_the_end(self) -> None:
        """Takes in what came after that, and the connection's end if Envoy has ended it by now."""
        self._incoming.look(ON_THE_WAY)
        self.answer = self._read()

    def _make_steps(self, deadline: float) -> None:
        unsent = b""
        for step in [*self._steps, None]:
            if isinstance(step, Send):
                unsent += step.data
                continue
            if unsent:
                self._stream.send(unsent)
                unsent = b""
            match step:
                case AwaitEvent(word, stream, number):
                    self._wait(word, stream, number, deadline)
                case Opened():
                    self._incoming.receive_until(lambda: self._is_open() is not None, deadline)
                    if not self._is_open():
                        return
                case Await():
                    raise AssertionError("an await of these protocols says of what")
                case End():
                    self._stream.end()
                case Reset():
                    self._stream.reset()
                    self._incoming.end = "reset" if self.end == "open" else self.end
                    return
                case None:
                    return

    def _wait(self, word: str, stream: int | None, number: int, deadline: float) -> None:
        self._incoming.receive_until(lambda: self._came(word, stream) >= number, deadline)
