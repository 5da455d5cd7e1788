"""A tunnel in the bodies of a request and its answer, over HTTP/1: both in chunks, both begun at once."""

from collections.abc import Callable

from takeover.peers.hostile.connections import SIZE, Connection
from takeover.peers.hostile.http1 import Requests

_ANSWER = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
_LAST = b"0\r\n\r\n"


def serve(connection: Connection, inside: Callable[[Connection], None]) -> None:
    """Answers a request whose head has come and whose body is a tunnel, and has `inside` serve what comes in it."""
    connection.send(_ANSWER)
    tunnel = _Tunnel(connection, Requests(connection))
    inside(tunnel)
    tunnel.end_direction()


class _Tunnel(Connection):
    """What is in the chunks, as a connection. It is the outer one that is kept, and ends."""

    def __init__(self, outer: Connection, requests: Requests) -> None:
        self.socket = outer.socket
        self.port = outer.port
        self.seen = outer.seen
        self.before_close = None
        self.reached = outer.reached
        self.stays = outer.stays
        self._outer = outer
        self._requests = requests
        self._put_back = b""
        self._has_ended = False
        self._has_our_end = False

    def receive(self, size: int = SIZE) -> bytes:
        """What has come in the tunnel; nothing at its end."""
        if not self._put_back and not self._has_ended:
            self._put_back = self._requests.chunk()
            self._has_ended = not self._put_back
        data, self._put_back = self._put_back[:size], self._put_back[size:]
        return data

    def send(self, data: bytes) -> None:
        """Sends all of it in a chunk."""
        if data:
            self._outer.send(b"%x\r\n%s\r\n" % (len(data), data))

    def reset(self, last: bytes = b"") -> None:
        """Ends the outer connection by a RST."""
        self._has_our_end = True
        self._outer.reset(last)

    def end_direction(self) -> None:
        """Ends the answer; once."""
        if not self._has_our_end:
            self._has_our_end = True
            self._outer.send(_LAST)

    def end_in_order(self) -> None:
        """Ends the answer, and takes what still comes."""
        self.end_direction()
        self.receive_all()

    def close(self) -> None:
        """Ends the answer."""
        self.end_direction()
