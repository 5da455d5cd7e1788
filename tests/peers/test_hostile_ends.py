"""Answers over HTTP/2 that end early: what is sent, when, and that nothing is before the body has begun."""

import contextlib
import socket

import pytest
from hyperframe.frame import DataFrame, HeadersFrame, PingFrame, SettingsFrame

from takeover.peers.hostile.http2_ends import ENDS
from tests.peers.upstream import Upstream

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
POST = b"\x83\x86\x41\x01a"  # :method POST, :scheme http, :authority a
GRPC = b"\x0f\x10\x10application/grpc"
NAMES = {0: "DATA", 1: "HEADERS", 3: "RST_STREAM", 4: "SETTINGS", 6: "PING", 7: "GOAWAY", 8: "CREDIT", 0x4D: "METADATA"}


def asked(client: socket.socket, name: str, more: bytes = b"") -> list[tuple[str, bytes]]:
    """The answer to a request whose body has but one byte, until the next PING is answered or the connection ends."""
    block = POST + b"\x44" + bytes([len(name) + 1]) + b"/" + name.encode() + more
    head = PREFACE + SettingsFrame(0).serialize() + HeadersFrame(1, block, flags=["END_HEADERS"]).serialize()
    before = exchanged(client, head, b"before..")
    assert {told for told, _ in before} == {"SETTINGS", "SETTINGS END", "PING END"}  # END is ACK there
    came = exchanged(client, DataFrame(1, b"a").serialize(), b"after...")
    assert [told for told, _ in came[:2]] == ["CREDIT", "CREDIT"]
    return [each for each in came[2:] if each != ("PING END", b"after...")]


def exchanged(client: socket.socket, sent: bytes, question: bytes) -> list[tuple[str, bytes]]:
    """The frames that come until a PING with that in it is answered: type, with END if so flagged, and payload."""
    client.sendall(sent + PingFrame(0, question).serialize())
    came = b""
    with contextlib.suppress(ConnectionResetError):
        while question not in came and (more := client.recv(1 << 16)):
            came += more
    found = []
    while came:
        end = 9 + int.from_bytes(came[:3], "big")
        assert len(came) >= end
        found.append((NAMES[came[3]] + (" END" if came[4] & 1 else ""), came[9:end]))
        came = came[end:]
    return found


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("nothing-rst-7", ["RST_STREAM"]),
        ("headers-rst-0", ["HEADERS", "RST_STREAM"]),
        ("body-rst-8", ["HEADERS", "DATA", "RST_STREAM"]),
        ("answer-rst-4095", ["HEADERS", "DATA", "DATA END", "RST_STREAM"]),
        ("bodiless-rst-2", ["HEADERS END", "RST_STREAM"]),
        ("trailers-close", ["HEADERS", "DATA", "DATA", "HEADERS END"]),
        ("body-goaway-below-11", ["HEADERS", "DATA", "GOAWAY", "DATA END"]),
        ("headers-later-goaway-at-0", ["HEADERS", "GOAWAY", "DATA", "DATA END"]),
        ("body-metadata", ["HEADERS", "DATA", "METADATA", "DATA END"]),
        ("unended-metadata", ["HEADERS", "DATA", "DATA", "METADATA", "DATA END"]),
        ("untrailed-metadata-twice", ["HEADERS", "DATA", "DATA", "METADATA", "METADATA", "HEADERS END"]),
        ("headers-metadata-with-end", ["HEADERS", "METADATA END", "DATA", "DATA END"]),
        ("nothing-metadata-of-100k", ["METADATA"] * 7 + ["HEADERS", "DATA", "DATA END"]),
        ("body-metadata-then-rst-8", ["HEADERS", "DATA", "METADATA", "RST_STREAM"]),
        ("moved-credit-0", ["HEADERS END", "CREDIT"]),
        ("hints-ping", ["HEADERS", "PING", "HEADERS", "DATA", "DATA END"]),
    ],
)
def test_an_answer_ends_at_its_moment(upstream: Upstream, name: str, sent: list[str]) -> None:
    with upstream.connect(8080) as client:
        assert [told for told, _ in asked(client, f"ends-{name}")] == sent


@pytest.mark.parametrize(("where", "last"), [("below", 0), ("at", 1), ("above", (1 << 20) + 1)])
def test_goaway_tells_of_a_stream_below_this_one_of_this_or_above(upstream: Upstream, where: str, last: int) -> None:
    with upstream.connect(8080) as client:
        came = dict(asked(client, f"ends-nothing-goaway-{where}-2"))
    assert came["GOAWAY"] == last.to_bytes(4, "big") + b"\0\0\0\x02hostile"


def test_a_call_over_grpc_gets_a_message_and_a_status(upstream: Upstream) -> None:
    with upstream.connect(8080) as client:
        came = asked(client, "ends-answer-rst-2", GRPC)
    assert b"".join(payload for told, payload in came if told == "DATA") == b"\0\0\0\0\x08hostile\n"
    assert [told for told, _ in came[-2:]] == ["HEADERS END", "RST_STREAM"]


def test_all_of_them_write_whole_frames_and_none_ends_the_program(upstream: Upstream) -> None:
    for name in ENDS:
        if "-later-" not in name:
            with upstream.connect(8080) as client:
                came = asked(client, name) if not name.endswith("-reset") else [("", b"")]
            assert came or name in ("ends-nothing-close", "ends-nothing-stall"), name
    assert upstream.control(b"end\n") == b"ended\n"
