"""A tunnel that is asked for over HTTP/1, by CONNECT or an upgrade: the answer, then bytes of another protocol."""

from takeover.net import http1
from takeover.net.http1 import Answer
from takeover.net.incoming import Incoming
from takeover.net.stream import ByteStream

_SWITCHING = 101


class Http1Tunnel(Incoming):
    """What comes over a connection on which a tunnel was asked for.

    Args:
        method: by which.

    Attributes:
        is_open: whether it is there; None as long as nobody has answered.
        received: what came through it.
        answer: to the request.
    """

    def __init__(self, stream: ByteStream, method: str) -> None:
        super().__init__(stream)
        self._method = method
        self._head = bytearray()
        self.is_open: bool | None = None
        self.received = bytearray()

    @property
    def answer(self) -> Answer:
        """The answer to what asked for the tunnel; of one that is open only its head."""
        answer = http1.read(bytes(self._head), self._method, ended=self.end not in ("open", "endless"))
        answer.lasts_until_the_end |= bool(self.is_open)
        return answer

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes: of a tunnel that was refused, the answer that says so is whole."""
        return self.end != "open" or (self.is_open is False and self.answer.is_whole)

    def _take(self, data: bytes) -> None:
        if self.is_open:
            self.received += data
            return
        self._head += data
        if self.is_open is None:
            self._look_at_the_head()

    def _look_at_the_head(self) -> None:
        answer = http1.read(bytes(self._head), self._method)
        if answer.status is None:
            return
        tunnel = self._method == "CONNECT" and 200 <= answer.status < 300
        self.is_open = tunnel or answer.status == _SWITCHING
        if self.is_open:
            begin = len(self._head) - len(answer.body) if tunnel else answer.length
            self.received += self._head[begin:]
            del self._head[begin:]
