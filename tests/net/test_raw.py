"""Raw bytes to a server that answers, ends, resets, or says nothing: what came, to the last byte, and how it ended."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from takeover.net.raw import Conversation, converse
from takeover.node.stream import SocketStream

Serve = Callable[[socket.socket], None]
RESET = b"\1\0\0\0\0\0\0\0"


@pytest.fixture
def served() -> Iterator[Callable[[Serve], SocketStream]]:
    """Connects to a server that does that with its connection."""
    with contextlib.ExitStack() as closing:

        def connect(serve: Serve) -> SocketStream:
            listening = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
            ours = socket.create_connection(listening.getsockname(), 60)
            theirs = listening.accept()[0]
            closing.callback(theirs.close)
            closing.callback(ours.close)
            thread = threading.Thread(target=serve, args=(theirs,))
            thread.start()
            closing.callback(thread.join, 10)
            return SocketStream(ours)

        yield connect


def reset(server: socket.socket) -> None:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    server.close()


def answer_and_close(server: socket.socket) -> None:
    server.sendall(server.recv(100).upper())
    server.close()


def answer_and_reset(server: socket.socket) -> None:
    """Resets once its answer was taken: a reset that comes before would take it away."""
    server.sendall(server.recv(100).upper())
    server.recv(100)
    reset(server)


def answer(server: socket.socket) -> None:
    server.sendall(server.recv(100).upper())


def test_an_end_in_order_is_no_reset(served: Callable[[Serve], SocketStream]) -> None:
    assert converse(served(answer_and_close), b"hello") == Conversation(b"HELLO", "closed")


def test_a_reset_is_no_end_in_order(served: Callable[[Serve], SocketStream]) -> None:
    assert converse(served(reset), b"") == Conversation(b"", "reset")


def test_a_reset_after_an_answer_keeps_the_answer(served: Callable[[Serve], SocketStream]) -> None:
    stream = served(answer_and_reset)

    def enough(received: bytes) -> bool:
        if received == b"HELLO":
            stream.send(b"taken")
        return False

    assert converse(stream, b"hello", enough=enough) == Conversation(b"HELLO", "reset")


def test_a_reset_while_sending_is_one(served: Callable[[Serve], SocketStream]) -> None:
    stream = served(reset)
    with contextlib.suppress(ConnectionResetError):
        stream.receive(1)  # now it is known here

    assert converse(stream, b"hello") == Conversation(b"", "reset")


def test_what_is_enough_ends_it_at_once_with_its_last_byte(served: Callable[[Serve], SocketStream]) -> None:
    got = converse(served(answer), b"hello", timeout=60, enough=lambda received: received.endswith(b"LO"))

    assert got == Conversation(b"HELLO", "open")


def test_who_says_nothing_more_is_waited_for_no_longer_than_said(served: Callable[[Serve], SocketStream]) -> None:
    assert converse(served(answer), b"hello", timeout=1) == Conversation(b"HELLO", "open")


def test_of_many_pieces_every_byte_arrives(served: Callable[[Serve], SocketStream]) -> None:
    data = bytes(range(256)) * 4096

    def pieces(server: socket.socket) -> None:
        for begin in range(0, len(data), 10_007):
            server.sendall(data[begin : begin + 10_007])
        server.close()

    assert converse(served(pieces), b"") == Conversation(data, "closed")
