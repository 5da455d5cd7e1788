"""HTTP/1: a request names a behaviour of `answers`, any other one is echoed.

On port 80 the name is the last part of the path (/reset-at-once), on port 9000 (the authentication service) it stands
in the Authorization header ("Behave reset-at-once"). Where it is told where it was reached, the header x-behave may
say it, whatever the path is. An echo's body is the request as it arrived, its head byte for
byte; who asks by HEAD gets the head of that answer.
"""

import time
from collections.abc import Callable, Mapping

from takeover.peers.hostile import tcp, witness
from takeover.peers.hostile.answers import (
    ANSWERS,
    AT_ONCE,
    CLOSE,
    CONTINUE,
    HELLO,
    PAUSE,
    RESET,
    STALL,
    Step,
    as_asked,
    plain,
)
from takeover.peers.hostile.attempts import of_attempt
from takeover.peers.hostile.connections import Connection

AUTHENTICATION = 9000
PAUSE_TIME = 0.02


class Requests:
    """Takes one request after the other from a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = b""

    def head(self) -> bytes:
        """The bytes up to and with the blank line; nothing at the end."""
        return self._until(b"\r\n\r\n")

    def body(self, head: bytes) -> tuple[bytes, bytes]:
        """The body without its framing, and the trailers; asks for them where a client waits for that."""
        headers = headers_of(head)
        if waits_to_be_asked(self._connection, headers):
            self._connection.send(CONTINUE)
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            return self._exactly(int(headers.get("content-length", "0"))), b""
        body = b""
        while chunk := self.chunk():
            body += chunk
        trailers = b""
        while (line := self._until(b"\r\n")) not in (b"\r\n", b""):
            trailers += line
        return body, trailers

    def chunk(self) -> bytes:
        """The next one of a body that comes in chunks; nothing at its last one, after which trailers come."""
        size = int(self._until(b"\r\n").partition(b";")[0].strip() or b"0", 16)
        return self._exactly(size + 2)[:-2] if size else b""

    def give_back(self) -> None:
        """Has what came after the head received once more from the connection."""
        self._connection.put_back(self._buffer)
        self._buffer = b""

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


def headers_of(head: bytes) -> dict[str, str]:
    """The headers by their names in lower case; of several with one name, the last."""
    parted = [line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:]]
    return {name.strip().lower(): value.strip() for name, _, value in parted}


def serve(connection: Connection) -> None:
    """Answers one request after the other."""
    _answer_until(connection, lambda _: False)


Own = Callable[[bytes], Callable[[bytes], bytes] | None]
"""For a request's head, what makes its whole answer from its body; None for a request that is answered as any other."""


def serve_with_upgrades(
    connection: Connection,
    own: Own = lambda _: None,
    inside: Callable[[Connection], None] = tcp.serve_echo,
    is_tunnel: Callable[[bytes], bool] = lambda _: False,
) -> None:
    """The same, and WebSocket and tunnels for whichever request asks for one.

    Args:
        own: what answers before all else.
        inside: serves what comes in a tunnel.
        is_tunnel: whether a request with that head, whose body comes in chunks, is one.
    """
    while head := _answer_until(connection, lambda head: _asks_for_another(head) or is_tunnel(head), own):
        if head.startswith(b"CONNECT "):
            _tell(connection, head, 200)
            connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
            inside(connection)
            return
        if is_tunnel(head):
            from takeover.peers.hostile import chunked

            _tell(connection, head, 200)
            chunked.serve(connection, inside)
            return
        from takeover.peers import packages

        packages.find()
        from takeover.peers.hostile import websocket

        name = behaviour(connection, head)
        _tell(connection, head, websocket.status(name))
        if not websocket.serve_connection(connection, name, headers_of(head)):
            return


def _answer_until(connection: Connection, is_another: Callable[[bytes], bool], own: Own = lambda _: None) -> bytes:
    """Answers one request after the other. Returns the head of one that is another protocol's; nothing at the end."""
    requests = Requests(connection)
    while head := requests.head():
        if is_another(head):
            requests.give_back()
            return head
        if (answer := own(head)) is not None:
            _tell(connection, head, 200)
            connection.send(as_asked(head, answer(requests.body(head)[0])))
            continue
        name = behaviour(connection, head)
        if name == "reset-after-answer":  # before whoever asked is at rest again: both are there when it looks
            connection.reset(HELLO)
            _tell(connection, head, _status(name))
            break
        _tell(connection, head, _status(name))
        if name in AT_ONCE and not _behave(connection, AT_ONCE[name]):
            break
        body, trailers = requests.body(head)
        if name in AT_ONCE:
            continue
        if name not in ANSWERS:
            seen = head + body + (b"\ntrailers:\n" + trailers if trailers else b"")
            marks = (f"{name}: {value}" for name, value in connection.marks)
            connection.send(as_asked(head, plain("200 OK", "content-type: text/plain", *marks, body=seen)))
        elif not _behave(connection, ANSWERS[name]):
            break
    return b""


def waits_to_be_asked(connection: Connection, headers: Mapping[str, str]) -> bool:
    """Whether a client sends the body only after a 100, which it gets where it is told where it was reached.

    RFC 9110, 10.1.1. Envoy lets both pass by `proxy_100_continue`; else it answers so itself.
    """
    return bool(connection.reached) and headers.get("expect", "").lower() == "100-continue"


def _asks_for_another(head: bytes) -> bool:
    return head.startswith(b"CONNECT ") or headers_of(head).get("upgrade", "").lower() == "websocket"


def behaviour(connection: Connection, head: bytes) -> str:
    """The name of what is wanted of this attempt; empty for an echo."""
    return of_attempt(_named(connection, head), headers_of(head).get("x-request-id"))


def _named(connection: Connection, head: bytes) -> str:
    if connection.reached and (named := headers_of(head).get("x-behave")):
        return named
    if connection.reached or connection.port != AUTHENTICATION:
        target = head.split(b" ", 2)[1] if head.count(b" ") > 1 else b""
        return target.partition(b"?")[0].rpartition(b"/")[2].decode("latin-1")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"authorization: behave "):
            return line[len(b"authorization: behave ") :].strip().decode("latin-1")
    return ""


def _tell(connection: Connection, head: bytes, status: int) -> None:
    """Writes the request down."""
    method, uri, protocol = (*head.split(b"\r\n")[0].decode("latin-1").split(" "), "", "", "")[:3]
    witness.request(connection.seen, method, uri, protocol, status, headers_of(head))


def _status(name: str) -> int:
    """Of the answer of that name; 0 where it has none."""
    steps = AT_ONCE.get(name) or ANSWERS.get(name, [HELLO])
    answer = b"".join(step for step in steps if isinstance(step, bytes))
    words = answer.split(b"\r\n", 1)[0].split(b" ") if answer.startswith(b"HTTP/") else []
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _behave(connection: Connection, steps: list[Step]) -> bool:
    """Answers so. Returns whether the connection stays."""
    for step in steps:
        if isinstance(step, bytes):
            connection.send(step)
        elif step is PAUSE:
            time.sleep(PAUSE_TIME)
        elif step is RESET:
            connection.reset()
            return False
        elif step is STALL:
            connection.receive_all()
            return False
        elif step is CLOSE:
            return False
    return True
