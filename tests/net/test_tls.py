"""TLS over a stream: what is read and written where, and when. The cipher here only turns bytes around."""

import ssl
from typing import Any

import pytest

from takeover.net.tls import TlsStream
from tests.net.scripted import ScriptedStream


class Turned:
    """What `SSLContext.wrap_bio` gives: a hello first, then messages of four bytes, each turned around."""

    def __init__(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, name: str | None) -> None:
        self._incoming, self._outgoing, self._name = incoming, outgoing, name
        self._greeted = False

    def _read(self) -> bytes:
        if self._incoming.pending < 4:
            raise ssl.SSLZeroReturnError if self._incoming.eof else ssl.SSLWantReadError
        return self._incoming.read(4)[::-1]

    def do_handshake(self) -> None:
        if not self._greeted:
            self._outgoing.write(f"hello {self._name}".encode())
            self._greeted = True
        if self._read() != b"olla":
            self._outgoing.write(b"alert")
            raise ssl.SSLError(1, "no greeting")

    def write(self, data: bytes) -> int:
        self._outgoing.write(data[::-1])
        return len(data)

    def read(self, _: int) -> bytes:
        return self._read()

    def unwrap(self) -> None:
        self._outgoing.write(b" bye")
        self._read()


def tls(stream: ScriptedStream, timeout: float | None = None) -> TlsStream:
    class Context:
        @staticmethod
        def wrap_bio(
            incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_hostname: str | None, session: None
        ) -> Turned:
            assert session is None
            return Turned(incoming, outgoing, server_hostname)

    context: Any = Context()
    made = TlsStream(stream, context, "website")
    made.shake_hands(timeout)
    return made


def test_hands_are_shaken_first_whatever_pieces_come() -> None:
    stream = ScriptedStream(b"a", b"llo")
    made = tls(stream, 30.0)

    assert stream.sent == b"hello website"
    assert made.local_address == stream.local_address
    assert all(each is not None and 20 < each <= 30 for each in stream.timeouts)


def test_a_failed_handshake_is_told_to_the_other_side_too() -> None:
    stream = ScriptedStream(b"what")
    with pytest.raises(ssl.SSLError, match="no greeting"):
        tls(stream)
    assert stream.sent == b"hello websitealert"


def test_who_ends_the_connection_in_the_handshake_has_not_greeted() -> None:
    with pytest.raises(ssl.SSLError):
        tls(ScriptedStream())


def test_what_is_sent_and_what_comes_to_the_last_byte() -> None:
    stream = ScriptedStream(b"alloABC", b"DEF", b"GH")
    made = tls(stream)
    made.send(b"question", 5.0)

    assert stream.sent.endswith(b"noitseuq")
    assert [made.receive(100, 5.0) for _ in range(3)] == [b"DCBA", b"HGFE", b""]
    assert made.receive(100) == b""


def test_errors_of_the_stream_are_its_own() -> None:
    made = tls(ScriptedStream(b"allo", TimeoutError("late"), ConnectionResetError("reset")))
    with pytest.raises(TimeoutError, match="late"):
        made.receive(100)
    with pytest.raises(ConnectionResetError, match="reset"):
        made.receive(100)


def test_closing_closes_the_connection_and_resetting_resets_it() -> None:
    stream, other = ScriptedStream(b"allo"), ScriptedStream(b"allo")
    tls(stream).close()
    tls(other).reset()
    assert (stream.is_closed, stream.is_reset, stream.sent) == (True, False, b"hello website")
    assert (other.is_closed, other.is_reset, other.sent) == (False, True, b"hello website")


def test_to_end_says_so_first_and_what_came_before_and_comes_after_is_received() -> None:
    stream = ScriptedStream(b"alloABCDEFGH", b"IJKL")
    made = tls(stream)
    made.end()
    assert (stream.sent, stream.has_ended, stream.is_closed) == (b"hello website bye", True, False)
    assert [made.receive(each) for each in (3, 100, 100, 100, 100)] == [b"DCB", b"A", b"HGFE", b"LKJI", b""]


def test_who_has_little_time_has_that_and_none_after_it() -> None:
    made = tls(ScriptedStream(b"al", b"loABCD"), 60)
    assert made.receive(100, 60) == b"DCBA"
    late = tls(ScriptedStream(b"allo", b"ABCD"))
    with pytest.raises(TimeoutError):
        late.receive(100, -1)
