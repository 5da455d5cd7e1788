"""Probes through tunnels as they are written become bytes; what does not fit is one line with its place."""

import contextlib
import re
import socket
import threading
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.net.websocket import frame
from takeover.node.stream import SocketStream
from takeover.probes.protocols.written import AwaitEvent, End, Opened, Send
from tests.probes.reading import read_one

WEBSOCKET = "protocol: websocket\n"
CONNECT = "protocol: connect\n"


def test_a_handshake_is_the_usual_one_but_for_what_is_written(tmp_path: Path) -> None:
    text = "path: /a\nhost: b.example\nheaders: ['upgrade: h2c', 'X: y', 'upgrade: tls']\nwithout: [CONNECTION]"
    [handshake, opened] = read_one(tmp_path, WEBSOCKET + text).sends.steps

    assert opened == Opened()
    assert handshake.data.decode().split("\r\n") == [
        "GET /a HTTP/1.1", "Host: b.example", "upgrade: h2c", "upgrade: tls",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13", "X: y", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "head"),
    [
        ("target: a:1", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
        ("target: a:1\nhost: b", "CONNECT a:1 HTTP/1.1\r\nHost: b\r\n\r\n"),
        ("target: a:1\nwithout: [host]", "CONNECT a:1 HTTP/1.1\r\n\r\n"),
        ("target: a:1\nheaders: ['Host: c']", "CONNECT a:1 HTTP/1.1\r\nHost: c\r\n\r\n"),
    ],
)
def test_what_asks_for_a_tunnel(tmp_path: Path, fields: str, head: str) -> None:
    assert read_one(tmp_path, CONNECT + fields).sends.steps == (Send(head.encode(), "the handshake"), Opened())


def test_steps_follow_an_open_tunnel_or_do_not_wait(tmp_path: Path) -> None:
    text = "target: a:1\nsteps: [{send: a}, {await: true}, {await: true}, {end: true}]\n"
    steps = (Send(b"a"), AwaitEvent("bytes"), AwaitEvent("bytes", None, 2), End())

    assert read_one(tmp_path, CONNECT + text).sends.steps[1:] == (Opened(), *steps)
    assert read_one(tmp_path, f"{CONNECT}{text}eager: true").sends.steps[1:] == steps


def test_over_http2_they_go_as_frames(tmp_path: Path) -> None:
    text = "target: a:1\nover: http2\nsteps: [{send: {repeat: a, times: 16385}}, {end: true}]\n"
    preface, settings, handshake, opened, sent, end = read_one(tmp_path, CONNECT + text).sends.steps

    assert (settings, opened) == (AwaitEvent("settings"), Opened())
    assert preface.data == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    assert (handshake.data[3:9], handshake.what) == (b"\1\4\0\0\0\1", "the handshake")
    assert sent.data == b"\0\x40\0\0\0\0\0\0\1" + b"a" * 16384 + b"\0\0\1\0\0\0\0\0\1a"
    assert end.data == b"\0\0\0\0\1\0\0\0\1"


def test_frames_of_a_websocket(tmp_path: Path) -> None:
    text = """steps:
- {text: a}
- {binary: b, fin: false}
- {continuation: c, reserved: 7}
- {ping: "", masked: false}
- {pong: d, length: 200}
- {close: 0}
- {close: 1001, reason: why}
- {frame: 15, payload: e}
- {send: raw}
- {await: any}
- {await: any}
- {end: true}
"""
    sent = read_one(tmp_path, WEBSOCKET + text).sends.steps[2:]
    assert [each.data if isinstance(each, Send) else each for each in sent] == [
        frame(1, b"a"), frame(2, b"b", fin=False), frame(0, b"c", reserved=7), frame(9, b"", masked=False),
        frame(10, b"d", length=200), frame(8, b""), frame(8, b"\x03\xe9why"), frame(15, b"e"), b"raw",
        AwaitEvent("any"), AwaitEvent("any", None, 2), End(),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("announced", "end"), [("connection: close\r\n", "closed"), ("", "open")], ids=["announced", "not announced"]
)
@pytest.mark.parametrize("written", [WEBSOCKET, f"{CONNECT}target: a:1"], ids=["websocket", "connect"])
def test_the_end_that_a_refusal_announces_is_waited_for(tmp_path: Path, written: str, announced: str, end: str) -> None:
    probe = read_one(tmp_path, written)
    ours, theirs = socket.socketpair()
    theirs.sendall(f"HTTP/1.1 403 Forbidden\r\n{announced}content-length: 0\r\n\r\n".encode())

    def take_and_close() -> None:
        theirs.recv(1 << 16)  # what is left unread would make a reset of it
        theirs.close()

    closing = threading.Timer(0.05, take_and_close)
    with contextlib.closing(SocketStream(ours)) as stream:
        exchange = probe.protocol.exchange(probe, stream)
        closing.start()
        exchange.run()
        assert (exchange.answer.status, exchange.end) == (403, end)
    closing.join()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (CONNECT + "steps: []", 6, r"target is missing"),
        (CONNECT + "target: a:1\nover: http3", 9, "over is one of http1, http2, not http3"),
        (CONNECT + "target: a:1\nsteps: [{text: a}]", 9, "text is not supported; supported: send, await, end"),
        (CONNECT + "target: a:1\npath: /", 9, "path is not supported"),
        (CONNECT + 'target: "€"', 8, "each character stands for a byte"),
        (CONNECT + 'target: a:1\nheaders: ["x: €"]', 9, "each character stands for a byte"),
        (WEBSOCKET + "target: a:1", 8, "target is not supported"),
        (WEBSOCKET + "steps: [{text: a, ping: b}]", 8, "a step is one of text, binary, .*, not text and ping"),
        (WEBSOCKET + "steps: [{fin: true}]", 8, "a step is one of text, binary, .*, not none"),
        (WEBSOCKET + "steps: [{end: false}]", 8, "a step is one of"),
        (WEBSOCKET + "steps: [{text: a, reason: b}]", 8, "text takes fin, masked, reserved, length, not reason"),
        (WEBSOCKET + "steps: [{send: a, fin: false}]", 8, "send takes nothing besides, not fin"),
        (WEBSOCKET + "steps: [{await: hello}]", 8, "await is one of continuation, text, .*, any, not hello"),
        (WEBSOCKET + "steps: [{close: 65536}]", 8, "close must be .*at most 65535, not 65536"),
        (WEBSOCKET + "steps: [{frame: 16}]", 8, "frame must be .*at most 15, not 16"),
        (WEBSOCKET + "steps: [{text: a, reserved: 8}]", 8, "reserved must be .*at most 7, not 8"),
        (WEBSOCKET + 'steps: [{text: "€"}]', 8, "each character stands for a byte"),
        (WEBSOCKET + "steps: [" + "{text: {repeat: a, times: 4194304}}, " * 900 + "]", 6, "a probe sends at most"),
    ],
)
def test_bad_input_is_told_with_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_one(tmp_path, text)

    assert re.match(rf"\S*probes\.yaml:{line}: .*({message})", str(refused.value)), str(refused.value)
    assert "\n" not in str(refused.value)
