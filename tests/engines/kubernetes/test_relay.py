"""The relay program as a real process, its client, and real sockets."""

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from takeover.base.errors import TakeoverError
from takeover.engines.kubernetes.relay import Relay
from takeover.peers import relay as relay_program

Serve = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-u", relay_program.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


def client_of(process: subprocess.Popen[bytes]) -> tuple[Relay, threading.Thread]:
    """One, and the thread that reads for it: it ends once the process does, before anybody closes its output."""
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin.fileno(), process.stdout.fileno()
    lock = threading.Lock()

    def send(data: bytes) -> None:
        with lock:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(stdin, rest) :]

    relay = Relay(send, "relay under test")

    def read() -> None:
        while data := os.read(stdout, 1 << 16):
            relay.feed(data)
        relay.lost("the process ended")

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    return relay, reading


@pytest.fixture(scope="module")
def relay(process: subprocess.Popen[bytes]) -> Iterator[Relay]:
    relay, reading = client_of(process)
    assert relay.ready.wait(60)
    yield relay
    assert process.stdin is not None
    process.stdin.close()
    reading.join(60)


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A listening socket on loopback that hands its first connection to `serve`; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            peer, _ = listener.accept()
            with peer:
                serve(peer)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(60)
        assert not thread.is_alive()


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def everything(peer: socket.socket) -> bytes:
    pieces = []
    while data := peer.recv(1 << 16):
        pieces.append(data)
    return b"".join(pieces)


def test_bytes_go_both_ways_and_the_local_address_is_the_relays(relay: Relay) -> None:
    seen: list[tuple[str, int]] = []

    def serve(peer: socket.socket) -> None:
        seen.append(peer.getpeername())
        peer.sendall(peer.recv(100).upper())

    with server(serve) as port:
        stream = relay.connect("127.0.0.1", port)
        stream.send(b"abc\x00\xff")
        assert stream.receive(3) == b"ABC"
        assert stream.receive(100) == b"\x00\xff"
        assert stream.receive(100) == b""
        stream.close()
        stream.close()
    assert seen == [stream.local_address]


def test_a_connection_comes_from_the_address_that_is_named(relay: Relay) -> None:
    seen: list[str] = []
    with server(lambda peer: seen.append(peer.getpeername()[0])) as port:
        stream = relay.connect("localhost", port, source_address="127.0.0.9")
        assert stream.receive(1) == b""
        stream.close()
    assert seen == ["127.0.0.9"]


def test_an_address_that_nobody_here_has_is_named(relay: Relay) -> None:
    with pytest.raises(OSError, match=r"it cannot come from 192\.0\.2\.1: "):
        relay.connect("127.0.0.1", 9, source_address="192.0.2.1")


def test_half_close_lets_the_answer_still_come(relay: Relay) -> None:
    with server(lambda peer: peer.sendall(str(len(everything(peer))).encode())) as port:
        stream = relay.connect("localhost", port)
        stream.send(b"12345")
        stream.end()
        assert stream.receive(10) == b"5"
        assert stream.receive(10) == b""
        with pytest.raises(BrokenPipeError):
            stream.send(b"more")


def test_close_delivers_what_was_sent_before(relay: Relay) -> None:
    got: list[bytes] = []
    with server(lambda peer: got.append(everything(peer))) as port:
        stream = relay.connect("127.0.0.1", port)
        stream.send(b"x" * 500_000)
        stream.close()
    assert got == [b"x" * 500_000]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_who_resets_does_not_end_in_order(relay: Relay, how: str) -> None:
    got, ready = list[bytes](), threading.Event()

    def serve(peer: socket.socket) -> None:
        got.append(peer.recv(100))
        ready.set()
        try:
            got.append(peer.recv(100))
        except ConnectionResetError:
            got.append(b"reset")

    with server(serve) as port:
        stream = relay.connect("127.0.0.1", port)
        stream.send(b"hello")
        assert ready.wait(60)
        getattr(stream, how)()
        stream.close()
        with pytest.raises(BrokenPipeError):
            stream.send(b"more")
    assert got == [b"hello", b"reset" if how == "reset" else b""]


def test_a_refused_connection(relay: Relay) -> None:
    with socket.socket() as silent:  # it keeps the port, at which nobody listens
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(ConnectionRefusedError, match=f"127.0.0.1:{port}"):
            relay.connect("127.0.0.1", port)


def test_a_name_that_does_not_resolve(relay: Relay) -> None:
    with pytest.raises(socket.gaierror):
        relay.connect("nowhere.invalid", 80)


def test_a_destination_that_does_not_answer(relay: Relay) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = socket.create_connection(full.getsockname())
        with pytest.raises(TimeoutError, match=r"no answer in 0\.3 s"):
            relay.connect("127.0.0.1", full.getsockname()[1], timeout=0.3)
        waiting.close()


def test_a_reset_is_told_from_an_end_and_comes_after_the_data(relay: Relay) -> None:
    go = threading.Event()

    def serve(peer: socket.socket) -> None:
        peer.sendall(b"last words")
        assert go.wait(60)
        reset(peer)

    with server(serve) as port:
        stream = relay.connect("127.0.0.1", port)
        assert stream.receive(100) == b"last words"
        go.set()
        with pytest.raises(ConnectionResetError):
            stream.receive(100)
        with pytest.raises(ConnectionResetError):
            stream.send(b"x")
        stream.close()


def test_sending_into_a_reset_connection_is_a_reset_too(relay: Relay) -> None:
    opened, done = threading.Event(), threading.Event()

    def serve(peer: socket.socket) -> None:
        assert opened.wait(60)  # before that, opening the connection itself could fail
        reset(peer)
        done.set()

    with server(serve) as port:
        stream = relay.connect("127.0.0.1", port)
        opened.set()
        assert done.wait(60)
        with pytest.raises(ConnectionResetError):
            stream.send(b"x" * 10_000_000)
        with pytest.raises(ConnectionResetError):
            stream.receive(1)


def test_a_silent_peer_times_out_and_the_stream_still_works(relay: Relay) -> None:
    go = threading.Event()

    def serve(peer: socket.socket) -> None:
        assert go.wait(60)
        peer.sendall(b"late")

    with server(serve) as port:
        stream = relay.connect("127.0.0.1", port)
        with pytest.raises(TimeoutError):
            stream.receive(1, timeout=0.1)
        go.set()
        assert stream.receive(10) == b"late"
        stream.close()


def test_ten_megabytes_there_and_back(relay: Relay) -> None:
    body = os.urandom(10_000_000)

    with server(lambda peer: peer.sendall(everything(peer))) as port:
        stream = relay.connect("127.0.0.1", port)
        stream.send(body)
        stream.end()
        back = bytearray()
        while data := stream.receive(1 << 20):
            back += data
        stream.close()
    assert bytes(back) == body


def test_a_peer_that_does_not_read_holds_up_only_its_own_connection(relay: Relay) -> None:
    go = threading.Event()

    def serve(peer: socket.socket) -> None:
        assert go.wait(60)
        everything(peer)

    with server(serve) as port:
        stuck = relay.connect("127.0.0.1", port)
        with pytest.raises(TimeoutError):
            stuck.send(b"x" * 30_000_000, timeout=1)
        with server(lambda peer: peer.sendall(peer.recv(10))) as other:
            stream = relay.connect("127.0.0.1", other)
            stream.send(b"hello")
            assert stream.receive(10) == b"hello"
            stream.close()
        go.set()
        stuck.close()


def test_fifty_connections_at_once(relay: Relay) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        streams = [relay.connect("127.0.0.1", port) for _ in range(50)]
        peers: dict[object, socket.socket] = {}
        for _ in streams:
            peer, address = listener.accept()
            peers[address] = peer
        for number, stream in enumerate(streams):
            stream.send(str(number).encode())
        for number, stream in enumerate(streams):
            assert peers[stream.local_address].recv(10) == str(number).encode()
            stream.close()
        for peer in peers.values():
            assert peer.recv(10) == b""
            peer.close()


def test_a_relay_that_dies_is_named() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", relay_program.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as doomed:
        other, reading = client_of(doomed)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = other.connect("127.0.0.1", listener.getsockname()[1])
            doomed.kill()
            with pytest.raises(TakeoverError, match="the process ended"):
                stream.receive(1)
        assert not other.alive
        with pytest.raises(TakeoverError, match="relay under test is gone"):
            other.connect("127.0.0.1", 1)
        reading.join(60)
