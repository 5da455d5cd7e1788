"""Httpx over streams of ours: no byte is lost on the way, and each failure has httpx's own name."""

import socket

import httpx
import pytest

from takeover.net import http
from takeover.net.stream import ByteStream
from tests.net.scripted import ScriptedStream, in_pieces

HEAD = b"HTTP/1.1 200 OK\r\nServer: envoy\r\n"
PLAIN = HEAD + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
UNTIL_THE_END = HEAD + b"Connection: close\r\n\r\nhello"


class Dialling:
    """Gives streams, one after the other; an exception is raised in the place of one."""

    def __init__(self, *streams: ScriptedStream | Exception) -> None:
        self._streams = list(streams)
        self.dialled: list[tuple[str, int, float]] = []

    def __call__(self, host: str, port: int, timeout: float) -> ByteStream:
        self.dialled.append((host, port, timeout))
        stream = self._streams.pop(0)
        if isinstance(stream, Exception):
            raise stream
        return stream


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED, UNTIL_THE_END], ids=["length", "chunks", "until the end"])
@pytest.mark.parametrize("length", [1, 7, 1000])
def test_an_answer_is_whole_to_its_last_byte_however_it_comes(answer: bytes, length: int) -> None:
    with http.client(Dialling(ScriptedStream(*in_pieces(answer, length)))) as client:
        response = client.get("http://website:81/path")

    assert (response.status_code, response.text, response.headers["server"]) == (200, "hello", "envoy")


def test_a_request_is_sent_whole_to_where_it_is_meant_to_go() -> None:
    stream = ScriptedStream(PLAIN)
    dialling = Dialling(stream)
    with http.client(dialling) as client:
        client.post("http://website:81/a%20b?c=d", content=b"body", headers={"x-one": "1"}, timeout=3)

    assert dialling.dialled == [("website", 81, 3)]
    head, _, body = stream.sent.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a%20b?c=d HTTP/1.1\r\n")
    assert {b"Host: website:81", b"x-one: 1", b"Content-Length: 4"} <= set(head.split(b"\r\n"))
    assert body == b"body"
    assert set(stream.timeouts) == {3}
    assert stream.is_closed


def test_a_target_is_sent_as_it_is_given() -> None:
    stream = ScriptedStream(PLAIN)
    with http.client(Dialling(stream), "http://envoy.admin") as client:
        client.get("/", extensions={"target": b"/a//b/../c"})

    assert stream.sent.startswith(b"GET /a//b/../c HTTP/1.1\r\nHost: envoy.admin\r\n")


def test_ten_seconds_are_waited_unless_said_otherwise_and_none_means_that_too() -> None:
    streams = [ScriptedStream(PLAIN, PLAIN), ScriptedStream(PLAIN)]
    dialling = Dialling(*streams)
    with http.client(dialling) as client:
        client.get("http://website/")
    with http.client(dialling) as client:
        client.get("http://website/", timeout=None)

    assert dialling.dialled == [("website", 80, 10.0)] * 2
    for stream in streams:
        assert all(each is not None and 5 < each <= 10 for each in stream.timeouts)


def test_a_connection_is_kept_for_the_next_request() -> None:
    dialling = Dialling(ScriptedStream(PLAIN, PLAIN))
    with http.client(dialling) as client:
        assert [client.get("http://website/").text for _ in range(2)] == ["hello", "hello"]

    assert len(dialling.dialled) == 1


@pytest.mark.parametrize(
    ("comes", "error"),
    [
        (ConnectionRefusedError("refused"), httpx.ConnectError),
        (socket.gaierror(-2, "unknown"), httpx.ConnectError),
        (TimeoutError("no answer to connect"), httpx.ConnectTimeout),
        (ScriptedStream(PLAIN[:30], ConnectionResetError("reset")), httpx.ReadError),
        (ScriptedStream(PLAIN[:-1], TimeoutError("late")), httpx.ReadTimeout),
        (ScriptedStream(PLAIN[:-1]), httpx.RemoteProtocolError),
        (ScriptedStream(), httpx.RemoteProtocolError),
    ],
    ids=["refused", "no name", "unanswered", "reset", "late", "cut off", "nothing"],
)
def test_a_failure_has_httpxs_name(comes: ScriptedStream | Exception, error: type[httpx.RequestError]) -> None:
    with http.client(Dialling(comes)) as client, pytest.raises(error) as raised:
        client.get("http://website/there")

    assert raised.type is error
    assert str(raised.value.request.url) == "http://website/there"
    assert str(raised.value)


class Unwritable(ScriptedStream):
    """One that takes nothing."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def send(self, data: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - a ByteStream's signature
        raise self._error


def test_a_request_that_cannot_be_sent_is_told_as_that_unless_there_is_an_answer() -> None:
    with http.client(Dialling(Unwritable(TimeoutError("full")))) as client, pytest.raises(httpx.WriteTimeout):
        client.get("http://website/")


def test_who_speaks_no_tls_fails_to_connect_and_is_closed() -> None:
    stream = ScriptedStream(PLAIN)
    with (
        http.client(Dialling(stream)) as client,
        pytest.raises(httpx.ConnectError, match="SSL"),
    ):
        client.get("https://website/")

    assert b"website" in stream.sent  # which server is meant
    assert stream.is_closed


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    dialling = Dialling(ScriptedStream(PLAIN))
    with http.client(dialling) as client:
        client.get("http://website/")

    assert dialling.dialled[0][0] == "website"
