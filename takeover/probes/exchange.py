"""Makes one exchange of a probe: sends what it says and takes in what comes, until that is all."""

import contextlib
import time
from collections.abc import Callable

from takeover.net import http1, http2, raw
from takeover.net.http1 import Answer
from takeover.net.stream import ByteStream
from takeover.probes.probe import Await, End, Probe, Send

# An answer that says so is followed by the connection's end; Envoy waits at most its delayed_close_timeout (1 s).
_UNTIL_THE_END = 2.0
# How long a connection's end may be on its way after Envoy has ended it.
_ON_THE_WAY = 0.002


class Exchange:
    """An exchange over an open connection, of HTTP/1, HTTP/2 or plain TCP.

    Attributes:
        answer: the first answer; over plain TCP its body is all that came. Further answers stand in its body.
        end: how the connection ended; "open" as long as it has not.
    """

    def __init__(self, probe: Probe, stream: ByteStream) -> None:
        self._probe = probe
        self._stream = stream
        self._received = b""
        self.answer = Answer()
        self.end: raw.End = "open"

    def run(self) -> None:
        """Goes on until the answers are there and, if they announce it, the connection's end."""
        probe = self._probe
        if probe.http2 is not None:
            over_http2 = http2.Exchange(self._stream)
            over_http2.run(probe.http2, probe.within)
            self.answer, self.end = over_http2.answer, over_http2.end
            return
        self._take_steps(time.monotonic() + probe.within)
        if probe.protocol == "http1":
            self.answer = self._answers()[0]
        else:
            self.answer = Answer(body=self._received)

    def look_for_the_end(self) -> None:
        """Takes in what came after the last answer, and the connection's end if Envoy has ended it by now."""
        if self.end != "open":
            return
        self._receive_until(lambda: False, time.monotonic() + _ON_THE_WAY)
        if self._probe.protocol == "http1":
            self.answer = self._answers()[0]
        elif self._probe.protocol == "tcp":
            self.answer.body = self._received

    def _take_steps(self, deadline: float) -> None:
        probe, seen = self._probe, 0
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for step in probe.steps:
                match step:
                    case Send(data):
                        self._stream.send(data)
                    case Await():
                        mark, start = (b"\r\n\r\n" if probe.protocol == "http1" else b""), seen
                        self._receive_until(lambda mark=mark, start=start: self._has_more(mark, start), deadline)  # type: ignore[misc]
                        seen = len(self._received)
                    case End():
                        self._stream.end()
        self._receive_until(self._is_enough, deadline)
        half_closed = any(isinstance(step, End) for step in probe.steps)
        if self.end == "open" and self._is_enough() and (half_closed or self._announces_the_end()):
            self._receive_until(lambda: False, time.monotonic() + _UNTIL_THE_END)

    def _has_more(self, mark: bytes, start: int) -> bool:
        return len(self._received) > start and mark in self._received[start:]

    def _is_enough(self) -> bool:
        probe = self._probe
        if probe.protocol == "tcp" or probe.until:
            return bool(probe.until) and self._received.endswith(probe.until)
        answers = self._answers()
        return len(answers) >= probe.answers and answers[-1].is_whole and not answers[-1].lasts_until_the_end

    def _announces_the_end(self) -> bool:
        return self._probe.protocol == "http1" and not self._probe.until and self._answers()[-1].announces_the_end

    def _answers(self) -> list[Answer]:
        """The answers so far, the last one perhaps not whole; what follows the first stands in its body, too."""
        ended, begin, answers = self.end != "open", 0, list[Answer]()
        while not answers or (begin < len(self._received) and answers[-1].length and len(answers) < 100):
            method = self._probe.method if not answers else "GET"
            answers.append(http1.read(self._received[begin:], method, ended))
            if not answers[-1].is_whole:
                break
            begin += answers[-1].length
        if rest := self._received[answers[0].length :] if answers[0].is_whole else b"":
            answers[0].body += b"\nand then:\n" + rest
        return answers

    def _receive_until(self, is_enough: Callable[[], bool], deadline: float) -> None:
        try:
            while self.end == "open" and not is_enough():
                data = self._stream.receive(1 << 16, max(0.0005, deadline - time.monotonic()))
                self._received += data
                if not data:
                    self.end = "closed"
        except TimeoutError:
            return
        except (ConnectionResetError, BrokenPipeError):
            self.end = "reset"
