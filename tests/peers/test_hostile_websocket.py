"""The hostile upstream over WebSocket, asked by the package websockets; over HTTP/2, which it lacks, by h2."""

import base64
import re
from collections import deque

import pytest
import websockets.exceptions
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RemoteSettingsChanged, ResponseReceived
from websockets.sync.client import ClientConnection, connect
from wsproto.frame_protocol import FrameProtocol

from takeover.peers.hostile.websocket import BEHAVIOURS
from tests.peers.upstream import CERTIFICATES, Upstream, program, run


def opened(upstream: Upstream, path: str) -> ClientConnection:
    return connect(f"ws://{upstream.place(8080)}/{path}", proxy=None, open_timeout=60, close_timeout=60)


def test_every_message_comes_back_and_the_close_is_told(upstream: Upstream) -> None:
    with opened(upstream, "any") as client:
        for message in ("text ✓", b"\x00\xff", "", b"a" * 100_000):
            client.send(message)
            assert client.recv(60) == message
        client.send(iter(["in ", "fragments"]))
        assert client.recv(60) == "in fragments"
        assert client.ping().wait(60)
        client.close(4001, "enough")
    assert client.close_code == 4001
    assert upstream.seen(8080)["websocket"] == {"messages": 5, "close": [4001, "enough"]}


def test_over_tls(upstream: Upstream) -> None:
    import ssl

    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    with upstream.connect(443) as plain, connect("wss://any.hostile.test/any", sock=plain, ssl=context) as client:
        client.send("hello")
        assert client.recv(60) == "hello"


@pytest.mark.parametrize(
    ("status", "header"), [(401, "www-authenticate"), (403, ""), (426, "sec-websocket-version"), (500, "")]
)
def test_refusals(upstream: Upstream, status: int, header: str) -> None:
    with pytest.raises(websockets.exceptions.InvalidStatus) as raised:
        opened(upstream, f"refuse-{status}")
    response = raised.value.response
    assert response.status_code == status
    assert not header or header in response.headers
    assert response.body == b"hostile\n"


@pytest.mark.parametrize("name", ["wrong-accept", "no-accept"])
def test_a_handshake_that_is_wrong(upstream: Upstream, name: str) -> None:
    with pytest.raises(websockets.exceptions.InvalidHandshake):
        opened(upstream, name)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("close-1000", 1000), ("close-1011", 1011), ("close-4999", 4999), ("close-none", 1005),
        ("close-1005", 1002), ("close-999", 1002), ("close-with-a-byte", 1002),
        ("end", 1006), ("reset", 1006), ("half-a-frame", 1006),
        ("masked", 1002), ("reserved-bit", 1002), ("reserved-opcode", 1002), ("fragment-alone", 1002),
        ("ping-in-fragments", 1002), ("bad-text", 1007),
    ],
)  # fmt: skip
def test_how_the_package_sees_each_end(upstream: Upstream, name: str, code: int) -> None:
    """What the server did wrong the client closes with that code."""
    with opened(upstream, name) as client, pytest.raises(websockets.exceptions.ConnectionClosed) as raised:
        deque(iter(lambda: client.recv(60), None))
    ended = raised.value
    [told] = {each.code for each in (ended.rcvd, ended.sent) if each is not None} or {1006}
    assert told == code


@pytest.mark.parametrize("name", ["in-fragments", "fragments-between"])
def test_fragments_arrive_as_one_message(upstream: Upstream, name: str) -> None:
    with opened(upstream, name) as client:
        assert client.recv(60) == "hostile"


def test_no_behaviour_ends_the_program(upstream: Upstream) -> None:
    for name in BEHAVIOURS:
        with upstream.connect(8080) as client:
            client.sendall(
                f"GET /{name} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                f"Sec-WebSocket-Key: {base64.b64encode(b'0123456789abcdef').decode()}\r\n\r\n".encode()
            )
            assert client.recv(12) == b"HTTP/1.1 101"


def test_over_http2_it_is_a_connect_with_a_protocol(upstream: Upstream) -> None:
    client = H2Connection(H2Configuration(header_encoding="utf-8"))
    client.initiate_connection()
    frames = FrameProtocol(client=True, extensions=[])
    asked = [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/any"),
        (":authority", "a"), ("sec-websocket-version", "13"),
    ]  # fmt: skip
    came: list[Event] = []
    with upstream.connect(8080) as stream:
        client.send_headers(1, asked)
        client.send_data(1, bytes(frames.send_data("hello", fin=True)))
        stream.sendall(client.data_to_send())
        while not any(isinstance(each, DataReceived) for each in came):
            came += client.receive_data(stream.recv(1 << 16))
    [settings] = [each for each in came if isinstance(each, RemoteSettingsChanged)]
    assert settings.changed_settings[8].new_value == 1
    [answer] = [each for each in came if isinstance(each, ResponseReceived)]
    assert [tuple(map(str, each)) for each in answer.headers] == [(":status", "200")]
    [data] = [each for each in came if isinstance(each, DataReceived)]
    assert data.data == b"\x81\x05hello"


def test_a_tunnel_over_http1_and_http2(upstream: Upstream) -> None:
    address, port = upstream.at(8080)
    proxy = ["--proxytunnel", "--proxy", f"http://{address}:{port}"]
    ended = run(program("curl"), "-sv", *proxy, "http://203.0.113.7/echoed")
    assert "CONNECT 203.0.113.7:80 HTTP/1.1" in ended.stderr
    assert re.search(r"< HTTP/1.1 200 OK", ended.stderr)
    assert "GET /echoed HTTP/1.1" in ended.stderr + ended.stdout


def test_a_connection_that_was_used_before_may_become_one(upstream: Upstream) -> None:
    """As proxies do, which keep their connections."""
    handshake = b"GET /any HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    with upstream.connect(8080) as client, client.makefile("rb") as came:
        client.sendall(b"GET /empty HTTP/1.1\r\nHost: a\r\n\r\n")
        assert came.readline() == b"HTTP/1.1 200 OK\r\n"
        assert [*iter(came.readline, b"\r\n")] == [b"content-length: 0\r\n"]
        client.sendall(handshake)
        assert came.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        assert len([*iter(came.readline, b"\r\n")]) == 3
        client.sendall(b"\x81\x80\0\0\0\0")
        assert came.read(2) == b"\x81\x00"
