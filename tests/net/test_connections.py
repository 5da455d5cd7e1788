"""What a client saw of its connections: what it dialled, what it got, how it ended."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from takeover.model.dialled import Dialled
from takeover.net.connections import Connections
from takeover.net.http import Connect
from takeover.net.stream import ByteStream
from takeover.node.stream import SocketStream

ANSWER = b"HTTP/1.1 401 Unauthorized\r\nServer: envoy\r\ncontent-length: 2\r\n\r\nno"


class Peer:
    """A server of one connection, on loopback: the other side of what is dialled."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]

    def connect(self, host: str, port: int, timeout: float) -> ByteStream:
        return SocketStream(socket.create_connection((host, port), timeout))

    def accept(self) -> socket.socket:
        return self.listening.accept()[0]


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    with contextlib.closing(peer.listening):
        yield peer


def dialled(connections: Connections, connect: Connect, port: int) -> ByteStream:
    return connections.counting(connect, "client/client")("127.0.0.1", port, 5.0)


def test_an_answer_is_told_by_its_status_and_the_names_of_its_headers(peer: Peer) -> None:
    connections = Connections()
    with connections.recorded() as recording:
        stream = dialled(connections, peer.connect, peer.port)
        with peer.accept() as server:
            server.sendall(ANSWER)
        while stream.receive(10):
            pass
        stream.close()
    [hop] = recording.hops
    client = "{}:{}".format(*stream.local_address)
    got = Dialled(f"127.0.0.1:{peer.port}", "closed", client, False, len(ANSWER), 401, ["Server", "content-length"])
    assert (hop.name, hop.dialled) == ("client/client", [got])
    assert str(got) == f"dialled 127.0.0.1:{peer.port}: got 401, {len(ANSWER)} bytes, then closed"


def test_a_reset_and_an_end_by_the_client_itself_are_told_apart(peer: Peer) -> None:
    connections = Connections()
    with connections.recorded() as recording:
        for is_reset in (True, False):
            stream = dialled(connections, peer.connect, peer.port)
            server = peer.accept()
            if is_reset:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                server.close()
                with pytest.raises(ConnectionResetError):
                    stream.receive(10)
            stream.close()
            server.close()
    assert [(each.end, each.got) for each in recording.hops[0].dialled] == [
        ("reset", "got not a byte, then a reset"),
        ("open", "got not a byte, then ended it itself"),
    ]


@pytest.mark.parametrize(
    ("error", "end", "words"),
    [
        (ConnectionRefusedError(), "refused", "connection refused"),
        (TimeoutError(), "unanswered", "no answer to its connection"),
        (socket.gaierror(), "unresolved", "no address of that name"),
        (ConnectionResetError(), "reset", "got not a byte, then a reset"),
        (OSError(113, "no route"), "failed", "no connection"),
    ],
)
def test_a_connection_that_never_came_about_says_why(error: OSError, end: str, words: str) -> None:
    def connect(*_: object) -> ByteStream:
        raise error

    connections = Connections()
    with connections.recorded() as recording, pytest.raises(type(error)):
        dialled(connections, connect, 80)
    [told] = recording.hops[0].dialled
    assert (told.end, told.got, told.client) == (end, words, "")
    assert (connections.attempted, connections.open_now) == (1, 0)


def test_what_was_open_before_is_told_if_it_was_used(peer: Peer) -> None:
    connections = Connections()
    used, idle = (dialled(connections, peer.connect, peer.port) for _ in range(2))
    servers = [peer.accept() for _ in range(2)]
    servers[0].sendall(b"before")
    used.receive(10)
    with connections.recorded() as recording:
        servers[0].sendall(b"now")
        used.receive(10)
    [told] = recording.hops[0].dialled
    assert (told.is_earlier, told.received, told.client) == (True, 3, "{}:{}".format(*used.local_address))
    used.close()
    idle.close()
    for server in servers:
        server.close()


def test_of_very_many_there_are_the_first_and_a_number() -> None:
    def connect(*_: object) -> ByteStream:
        raise ConnectionRefusedError

    connections = Connections()
    with connections.recorded() as recording:
        for _ in range(150):
            with pytest.raises(ConnectionRefusedError):
                dialled(connections, connect, 80)
    [hop] = recording.hops
    assert (len(hop.dialled), hop.dialled_left_out) == (100, 50)
