"""HTTP/1: a request names a behaviour of `answers`, any other one is echoed.

On port 80 the name is the last part of the path (/reset-at-once), on port 9000 (the authentication service) it stands
in the Authorization header ("Behave reset-at-once"). An echo's body is the request as it arrived, its head byte for
byte.
"""

import time

from takeover.peers.hostile.answers import ANSWERS, CLOSE, HELLO, PAUSE, RESET, STALL, plain
from takeover.peers.hostile.connections import Connection

AUTHENTICATION = 9000
_PAUSE = 0.02


class Requests:
    """Takes one request after the other from a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = b""

    def head(self) -> bytes:
        """The bytes up to and with the blank line; nothing at the end."""
        return self._until(b"\r\n\r\n")

    def body(self, head: bytes) -> tuple[bytes, bytes]:
        """The body without its framing, and the trailers."""
        headers = [line.partition(b":") for line in head.lower().split(b"\r\n")[1:]]
        values = {name.strip(): value.strip() for name, _, value in headers}
        if b"chunked" not in values.get(b"transfer-encoding", b""):
            return self._exactly(int(values.get(b"content-length", b"0"))), b""
        body = b""
        while size := int(self._until(b"\r\n").partition(b";")[0].strip() or b"0", 16):
            body += self._exactly(size + 2)[:-2]
        trailers = b""
        while (line := self._until(b"\r\n")) not in (b"\r\n", b""):
            trailers += line
        return body, trailers

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if not self._more():
                return b""
        head, _, self._buffer = self._buffer.partition(mark)
        return head + mark

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._more():
                break
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _more(self) -> bytes:
        data = self._connection.receive()
        self._buffer += data
        return data


def serve(connection: Connection) -> None:
    """Answers one request after the other."""
    requests = Requests(connection)
    while head := requests.head():
        name = _behaviour(connection.port, head)
        if name == "answer-at-once":  # before the request's body has come
            connection.send(HELLO)
        body, trailers = requests.body(head)
        if name == "answer-at-once":
            continue
        if name not in ANSWERS:
            seen = head + body + (b"\ntrailers:\n" + trailers if trailers else b"")
            connection.send(plain("200 OK", "content-type: text/plain", body=seen))
        elif not _behave(connection, name):
            return


def _behaviour(port: int, head: bytes) -> str:
    """The name of what is wanted; empty for an echo."""
    if port != AUTHENTICATION:
        target = head.split(b" ", 2)[1] if head.count(b" ") > 1 else b""
        return target.partition(b"?")[0].rpartition(b"/")[2].decode("latin-1")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"authorization: behave "):
            return line[len(b"authorization: behave ") :].strip().decode("latin-1")
    return ""


def _behave(connection: Connection, name: str) -> bool:
    """Answers as that name says. Returns whether the connection stays."""
    for step in ANSWERS[name]:
        if isinstance(step, bytes):
            connection.send(step)
        elif step is PAUSE:
            time.sleep(_PAUSE)
        elif step is RESET:
            connection.reset()
            return False
        elif step is STALL:
            connection.receive_all()
            return False
        elif step is CLOSE:
            return False
    return True
