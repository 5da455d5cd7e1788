"""What a client takes of a server's frames, right and wrong ones, and what it answers by itself."""

import time
from collections.abc import Iterable

import pytest
from hpack import Encoder

from takeover.model.document import Interim
from takeover.net import bounds
from takeover.net.http2_connection import FrameConnection
from takeover.net.http2_frames import frame, settings
from tests.net.scripted import ScriptedStream, in_pieces

SETTINGS = frame(4, 0, 0, settings([(1, 4096), (0xFEED, 5)]))
ACK = frame(4, 1, 0)


def taken(*frames: bytes, length: int = 1000, automatic: bool = True) -> tuple[FrameConnection, bytes]:
    """The connection after these, and what was sent of itself but for the acknowledgement of SETTINGS."""
    stream = ScriptedStream(*in_pieces(b"".join(frames), length))
    connection = FrameConnection(stream, automatic=automatic)
    connection.receive_until(lambda: False, time.monotonic() + 5)
    assert connection.end == "closed"
    return connection, stream.sent.removeprefix(ACK)


def block(*headers: tuple[str, str]) -> bytes:
    return Encoder().encode(headers)


def told(connection: FrameConnection) -> Iterable[str]:
    assert connection.frames[0] == "SETTINGS HEADER_TABLE_SIZE=4096 0xfeed=5"
    return connection.frames[1:]


@pytest.mark.parametrize("length", [1, 7, 1000])
def test_an_answer_frame_by_frame_however_it_comes(length: int) -> None:
    head = block((":status", "200"), ("server", "x"), ("cookie", "a"), ("cookie", "b"))
    connection, sent = taken(
        SETTINGS, ACK, frame(1, 4, 1, Encoder().encode([(":status", "103"), ("link", "a")])),
        frame(1, 0, 1, head[:3]), frame(9, 0, 1, head[3:5]), frame(9, 4, 1, head[5:]), frame(0, 8, 1, b"\2hey\0\0"),
        frame(1, 5, 1, block(("after", "y"))), length=length,
    )  # fmt: skip

    assert told(connection) == [
        "SETTINGS ACK", "HEADERS 1 :status 103", "HEADERS 1 :status 200, in 3 frames", "DATA 1 3 bytes",
        "HEADERS 1 END_STREAM",
    ]  # fmt: skip
    answer = connection.answer
    assert answer.interim == [Interim(103, headers=[("link", "a")])]
    assert (answer.status, answer.body, answer.stream_end, answer.is_whole) == (200, b"hey", "closed", True)
    assert answer.headers == [("server", "x"), ("cookie", "a"), ("cookie", "b")]
    assert answer.trailers == [("after", "y")]
    # The padding counts for both windows.
    assert sent == frame(8, 0, 0, b"\0\0\0\6") + frame(8, 0, 1, b"\0\0\0\6")


def test_windows_are_given_back_but_for_a_stream_that_has_ended() -> None:
    _, sent = taken(SETTINGS, frame(0, 1, 3, b"four"))
    assert sent == frame(8, 0, 0, b"\0\0\0\4")


def test_a_ping_is_answered_and_an_answer_is_not() -> None:
    connection, sent = taken(SETTINGS, frame(6, 0, 0, b"abcdefgh"), frame(6, 1, 0, b"12345678"))

    assert told(connection) == ["PING 6162636465666768", "PING ACK 3132333435363738"]
    assert sent == frame(6, 1, 0, b"abcdefgh")
    assert (connection.counts["ping", None], connection.counts["ping_ack", None]) == (1, 1)


def test_what_is_not_automatic_sends_nothing() -> None:
    connection, sent = taken(SETTINGS, frame(6, 0, 0, b"abcdefgh"), frame(0, 0, 1, b"x"), automatic=False)
    assert (sent, len(connection.frames)) == (b"", 3)


def test_who_gives_the_connection_up_gets_no_more() -> None:
    """Its end would become a reset."""
    connection, sent = taken(SETTINGS, frame(7, 0, 0, b"\0\0\0\1\0\0\0\x0bwhy"))
    assert (sent, connection.is_given_up) == (b"", True)
    assert told(connection) == ["GOAWAY ENHANCE_YOUR_CALM last 1 'why'"]

    connection, sent = taken(SETTINGS, frame(7, 0, 0, b"\0\0\0\1\0\0\0\0"), frame(0, 0, 1, b"x"))
    assert (bool(sent), connection.is_given_up) == (True, False)


def test_the_first_end_of_a_stream_is_its_end() -> None:
    connection, _ = taken(
        SETTINGS,
        frame(3, 0, 1, b"\0\0\0\x08"),
        frame(1, 5, 1, block((":status", "200"))),
        frame(3, 0, 3, b"\0\0\x12\x34"),
    )
    assert {number: each.stream_end for number, each in connection.answers.items()} == {
        1: "reset CANCEL", 3: "reset 4660",
    }  # fmt: skip
    assert (connection.ended, connection.counts["stream_end", 1], connection.counts["response", 1]) == (2, 1, 1)


def test_the_answer_is_that_of_the_lowest_stream_that_has_one() -> None:
    frames = [frame(1, 5, each, Encoder().encode([(":status", f"20{each}")])) for each in (5, 3)]
    connection, _ = taken(SETTINGS, *frames)

    assert connection.answer.status == 203
    assert [*connection.answers] == [3, 5]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (frame(4, 0, 0, b"abc"), "SETTINGS 0 wrong: "),
        (frame(0, 0, 0, b"abc"), "DATA 0 wrong: "),
        (frame(6, 0, 0, b"abc"), "PING 0 wrong: "),
        (frame(1, 4, 1, b"\xff\xff\xff\xff\xff\xff"), "HEADERS 1 wrong: "),
        (frame(9, 4, 1, b"\x88"), "CONTINUATION 1 flags 0x4, 1 bytes"),
        (frame(0x4D, 0, 1, b"\0\x01k\x01v"), "METADATA 1 flags 0x0, 5 bytes"),
        (frame(0x4D, 4, 1, b"\0\x01z\x01v\0\x01a\x03b\r\n"), "METADATA 1 flags 0x4, 12 bytes, 'a: b\\r\\n', 'z: v'"),
        (frame(0x4D, 4, 1, b"\0\x01k\x32" + b"v" * 50), f"METADATA 1 flags 0x4, 54 bytes, 'k: {'v' * 40}… (50)'"),
        (frame(0x4D, 4, 1, b"\xff\xff\xff"), "METADATA 1 flags 0x4, 3 bytes, 'wrong'"),
        (frame(0xBE, 3, 7, b"abc"), "0xbe 7 flags 0x3, 3 bytes"),
        (frame(2, 0, 1, b"\0\0\0\0\1"), "PRIORITY 1 flags 0x0, 5 bytes"),
    ],
)
def test_what_is_wrong_or_unknown_is_told_and_the_next_frame_is_read(wrong: bytes, line: str) -> None:
    connection, _ = taken(SETTINGS, wrong, frame(1, 5, 3, block((":status", "204"))))

    first, second = told(connection)
    assert first.startswith(line)
    assert second == "HEADERS 3 :status 204 END_STREAM"


def test_a_status_that_is_no_number_is_none() -> None:
    connection, _ = taken(SETTINGS, frame(1, 5, 1, block((":status", "abc"))))
    assert (connection.answer.status, told(connection)) == (None, ["HEADERS 1 :status abc END_STREAM"])


def test_who_does_not_speak_http2_is_read_as_http1() -> None:
    connection, sent = taken(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno", length=20)

    assert (connection.answer.protocol, connection.answer.status, connection.answer.body) == ("HTTP/1.1", 400, b"no")
    assert (sent, connection.frames, connection.ended) == (b"", [], 1)


def test_a_frame_that_is_cut_off_is_none() -> None:
    connection, _ = taken(SETTINGS, frame(0, 0, 1, b"abcdef")[:-1])
    assert told(connection) == []


def ended(*frames: bytes) -> tuple[FrameConnection, int]:
    """The connection whose peer goes on with that, and how many bytes of it were left."""
    comes = in_pieces(b"".join(frames), 1000)
    stream = ScriptedStream(*comes)
    connection = FrameConnection(stream)
    connection.receive_until(lambda: False, time.monotonic() + 50)
    return connection, len(stream.receive(1 << 24))


def test_a_few_bytes_that_stand_for_many_headers_are_not_unpacked_for_ever() -> None:
    large = frame(1, 4, 1, Encoder().encode([("x", "y" * 4000)], huffman=False))
    again = [frame(1, 4, number, b"\xbe" * 1000) for number in range(3, 1003, 2)]
    connection, left = ended(SETTINGS, large, *again)

    assert (connection.end, left > 0) == ("endless", True)
    assert 1 < len(connection.answers) < 10


def test_more_frames_than_are_told_apart_end_it() -> None:
    connection, left = ended(SETTINGS, ACK * (bounds.MOST_FRAMES + 5_000))
    assert (connection.end, len(connection.frames), left > 0) == ("endless", bounds.MOST_FRAMES, True)


def test_metadata_is_told_by_the_last_of_its_frames() -> None:
    connection, _ = taken(
        SETTINGS, frame(0x4D, 0, 1, b"\0\x01k"), frame(0x4D, 4, 3, b""), frame(0x4D, 4, 1, b"\x01v"), frame(0x4D, 4, 1)
    )
    assert list(told(connection)) == [
        "METADATA 1 flags 0x0, 3 bytes", "METADATA 3 flags 0x4, 0 bytes", "METADATA 1 flags 0x4, 2 bytes, 'k: v'",
        "METADATA 1 flags 0x4, 0 bytes",
    ]  # fmt: skip
