"""What a client saw of its connections: what it dialled, what it got, how it ended."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from takeover.model.dialled import Dialled
from takeover.net.connections import Connections
from takeover.net.stream import ByteStream, Connect
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


def test_who_resets_has_ended_it_itself_and_has_no_connection_any_more(peer: Peer) -> None:
    connections = Connections()
    with connections.recorded() as recording:
        stream = dialled(connections, peer.connect, peer.port)
        with peer.accept() as server:
            stream.reset()
            with pytest.raises(ConnectionResetError):
                server.recv(10)
        assert connections.open_now == 0
        stream.close()
    assert (connections.open_now, [each.got for each in recording.hops[0].dialled]) == (
        0, ["got not a byte, then ended it itself"],
    )  # fmt: skip


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


def test_what_is_open_is_counted_until_it_is_closed_once_and_every_byte_passes(peer: Peer) -> None:
    connections = Connections()
    assert (connections.open_now, connections.attempted) == (0, 0)
    one, other = (dialled(connections, peer.connect, peer.port) for _ in range(2))
    servers = [peer.accept() for _ in range(2)]
    assert (connections.open_now, connections.attempted) == (2, 2)

    one.send(b"question", 5)
    assert servers[0].recv(100) == b"question"
    servers[0].sendall(b"answer")
    assert one.receive(100, 5) == b"answer"
    one.end()
    assert servers[0].recv(100) == b""

    for _ in range(2):
        one.close()
    assert (connections.open_now, connections.attempted) == (1, 2)
    other.close()
    assert connections.open_now == 0
    for server in servers:
        server.close()


def test_a_reset_while_sending_is_one(peer: Peer) -> None:
    connections = Connections()
    with connections.recorded() as recording:
        stream = dialled(connections, peer.connect, peer.port)
        server = peer.accept()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        server.close()
        with pytest.raises((ConnectionResetError, BrokenPipeError)):  # noqa: PT012
            while True:  # the first one may still be taken by the kernel
                stream.send(b"question")
        stream.close()
    assert [each.end for each in recording.hops[0].dialled] == ["reset"]


def test_of_a_head_no_more_is_kept_than_tells_and_its_length_is_that_of_all(peer: Peer) -> None:
    connections = Connections()
    length = 2 << 14
    with connections.recorded() as recording:
        stream = dialled(connections, peer.connect, peer.port)
        with peer.accept() as server:
            server.sendall(b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 14000 + b"\r\nlast: 1\r\n\r\n" + b"b" * length)
        while stream.receive(1000):
            pass
        stream.close()
    [told] = recording.hops[0].dialled
    assert (told.status, told.headers, told.received) == (200, ["x-long", "last"], 14046 + length - 8)


def test_clients_have_a_record_each_and_recordings_may_overlap(peer: Peer) -> None:
    connections = Connections()
    with connections.recorded() as outer:
        first = dialled(connections, peer.connect, peer.port)
        with connections.recorded() as inner:
            second = connections.counting(peer.connect, "other/client")("127.0.0.1", peer.port, 5.0)
        third = dialled(connections, peer.connect, peer.port)
    assert [(each.name, len(each.dialled), each.dialled_left_out) for each in outer.hops] == [
        ("client/client", 2, 0), ("other/client", 1, 0)
    ]  # fmt: skip
    assert [each.name for each in inner.hops] == ["other/client"]
    for each in (first, second, third):
        each.close()
        peer.accept().close()


def test_an_address_of_ipv6_has_brackets() -> None:
    def connect(*_: object) -> ByteStream:
        raise ConnectionRefusedError

    connections = Connections()
    with connections.recorded() as recording, pytest.raises(ConnectionRefusedError):
        connections.counting(connect, "client/client")("2001:db8::1", 80, 1.0)
    assert recording.hops[0].dialled[0].to == "[2001:db8::1]:80"
