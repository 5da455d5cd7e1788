"""A tunnel over a stream of HTTP/2, by CONNECT, also the extended one (RFC 8441): what came in DATA came through."""

from takeover.net.http1 import Answer
from takeover.net.http2_connection import FrameConnection

STREAM = 1
"""The tunnel's."""


class Http2Tunnel(FrameConnection):
    """See `takeover.net.tunnels.Http1Tunnel`."""

    @property
    def is_open(self) -> bool | None:
        """Whether it is there; None as long as nobody has answered."""
        if not self.counts["response", STREAM]:
            return False if self.counts["stream_end", STREAM] or self.end != "open" else None
        status = self.answer.status
        return status is not None and 200 <= status < 300

    @property
    def received(self) -> bytearray:
        """What came through it."""
        return self.bodies.get(STREAM, bytearray()) if self.is_open else bytearray()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.end != "open" or self.ended > 0

    @property
    def answer(self) -> Answer:
        """The answer to what asked for the tunnel; of one that is open only its head."""
        answer = super().answer
        if self.counts["response", STREAM] and answer.status is not None and 200 <= answer.status < 300:
            answer.body = b""
            answer.lasts_until_the_end = answer.stream_end == "open"
        return answer
