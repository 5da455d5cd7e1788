"""A connection as a ByteStream: no byte is lost, none is made up."""

import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from takeover.node.stream import SocketStream

Ends = tuple[SocketStream, socket.socket]
RESET = b"\1\0\0\0\0\0\0\0"


@pytest.fixture(params=["TCP", "Unix"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    if request.param == "Unix":
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ours = socket.create_connection(listening.getsockname())
            theirs = listening.accept()[0]
    theirs.settimeout(60)
    with ours, theirs:
        yield SocketStream(ours), theirs


@pytest.mark.parametrize("data", [b"a", b"ab", b"\0", b"answer\r\n\r\n"])
def test_what_is_received_is_what_was_sent_to_the_last_byte(data: bytes, ends: Ends) -> None:
    stream, peer = ends
    peer.sendall(data)

    assert stream.receive(100, 10) == data


def test_no_more_is_received_than_asked_for_and_the_rest_comes_next(ends: Ends) -> None:
    stream, peer = ends
    peer.sendall(b"abc")

    assert [stream.receive(2, 10), stream.receive(2, 10)] == [b"ab", b"c"]


def test_all_is_sent_also_what_no_buffer_holds(ends: Ends) -> None:
    stream, peer = ends
    data = bytes(range(256)) * (1 << 14)
    with ThreadPoolExecutor(1) as other:
        sending = other.submit(stream.send, data, 10)
        received = bytearray()
        while len(received) < len(data):
            received += peer.recv(1 << 16)
        sending.result(10)
    assert received == data


def test_who_takes_nothing_is_waited_for_as_long_as_said(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        ends[0].send(bytes(1 << 26), 0.05)


def test_the_peers_end_is_no_byte_and_ours_still_sends(ends: Ends) -> None:
    stream, peer = ends
    peer.shutdown(socket.SHUT_WR)

    assert stream.receive(100, 10) == b""
    stream.send(b"more")
    assert peer.recv(100) == b"more"


def test_our_end_is_the_peers_no_byte_and_it_still_answers(ends: Ends) -> None:
    stream, peer = ends
    stream.send(b"all")
    stream.end()

    assert [peer.recv(100), peer.recv(100)] == [b"all", b""]
    peer.sendall(b"answer")
    assert stream.receive(100, 10) == b"answer"


def test_our_end_comes_behind_the_last_bytes(ends: Ends) -> None:
    stream, peer = ends
    stream.send(b"all")
    stream.end(b" of it")

    assert b"".join(iter(lambda: peer.recv(100), b"")) == b"all of it"


def test_who_sees_the_last_bytes_sees_our_end_too() -> None:
    """Else a peer that ends at the last bytes would do so now before, now after our end."""
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            stream = SocketStream(socket.create_connection(listening.getsockname()))
            peer = listening.accept()[0]
        poll = select.poll()
        poll.register(peer, select.POLLIN | select.POLLRDHUP)
        with peer, ThreadPoolExecutor(1) as other:
            seen = other.submit(poll.poll, 60_000)
            stream.end(b"all")
            [(_, events)] = seen.result()
            assert events & select.POLLRDHUP
        stream.close()


def test_who_says_nothing_is_waited_for_as_long_as_said_and_is_heard_afterwards(ends: Ends) -> None:
    stream, peer = ends
    with pytest.raises(TimeoutError):
        stream.receive(100, 0.05)
    peer.sendall(b"late")
    assert stream.receive(100) == b"late"


def test_who_resets_is_no_end_to_the_peer_and_what_it_is_told_stays_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stream = SocketStream(socket.create_connection(listening.getsockname()))
        peer = listening.accept()[0]
    with peer:
        peer.settimeout(60)
        stream.reset()
        with pytest.raises(ConnectionResetError):
            peer.recv(100)
    stream.reset()
    stream.close()


def test_a_unix_socket_that_is_reset_is_closed() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        SocketStream(ours).reset()
        assert theirs.recv(100) == b""


def test_a_reset_is_told_and_ending_after_it_is_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stream = SocketStream(socket.create_connection(listening.getsockname()))
        peer = listening.accept()[0]
    assert stream.local_address == peer.getpeername()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    peer.close()
    with pytest.raises(ConnectionResetError):
        stream.receive(100, 10)
    stream.end()
    stream.close()
    stream.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        stream.end()
