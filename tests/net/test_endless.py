"""An answer without end does not keep its client: each exchange has a deadline and a bound on bytes, and says so."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hpack import Encoder

from takeover.engines.local import objects
from takeover.engines.local.inside import probes
from takeover.envoy.used_stats import NoStatsError, UsedStats
from takeover.net import bounds, http, http1, http2, raw
from takeover.net.http2_frames import frame
from takeover.net.request import Request
from takeover.net.tls import TlsStream
from takeover.node.stream import SocketStream
from takeover.probes.probe import Place, Probe
from takeover.probes.protocols.contract import named
from takeover.probes.protocols.http1 import Http1Sends
from takeover.probes.protocols.written import Send
from tests.probes.reading import read_one

HEAD = b"HTTP/1.1 200 OK\r\n"
FLOODS = {
    "bytes": b"x" * (1 << 16),
    "chunks": HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 10_000,
    "headers": HEAD + b"x: y\r\n" * 10_000,
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000,
    "a body": HEAD + b"content-length: 99999999999\r\n\r\n" + b"x" * (1 << 16),
    "HTTP/2": b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x7f\xff\xff\xff"  # SETTINGS
    + b"\x00\x00\x08\x06\x00\x00\x00\x00\x00pingping" * 3_000,
}
SETTINGS = FLOODS["HTTP/2"][:15]
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
FRAMED = {
    "settings": SETTINGS * 5_000,
    "streams": SETTINGS + frame(1, 4, 1, b"\x88") * 5_000,
    "one frame": SETTINGS + frame(0, 0, 1, b"x" * 100_000, (1 << 24) - 1),
    "messages": SETTINGS
    + frame(1, 4, 1, Encoder().encode([(":status", "200"), ("content-type", "application/grpc")]))
    + frame(0, 0, 1, bytes(10_000)),
    "WebSocket": SWITCHING + b"\x81\0" * 30_000,
    "WebSocket of one frame": SWITCHING + b"\x81\x7f\0\0\0\xff" + b"x" * 100_000,
}
_OPEN: list[SocketStream] = []
WITHIN = 1.0
"""Seconds until the first bytes of a server must be there."""
MOST = 60.0
"""Seconds within which even a slow machine ends what has an end."""


@pytest.fixture
def serve() -> Iterator[Callable[[bytes, float], int]]:
    """Starts a server that sends the bytes again and again, the head once; returns its port."""
    over, threads, listeners = threading.Event(), list[threading.Thread](), list[socket.socket]()

    def start(data: bytes, pause: float) -> int:
        listening = socket.create_server(("127.0.0.1", 0))

        def answer() -> None:
            with listening, contextlib.suppress(OSError), listening.accept()[0] as connection:
                first, blank, rest = data.partition(b"\r\n\r\n")
                again = rest if blank and rest and b"100" not in first else data
                connection.sendall(first + blank if again is rest else b"")
                connection.settimeout(60)
                while not over.wait(pause):
                    connection.sendall(again)

        listeners.append(listening)
        threads.append(threading.Thread(target=answer))
        threads[-1].start()
        port: int = listening.getsockname()[1]
        return port

    yield start
    over.set()
    while _OPEN:
        _OPEN.pop().close()
    for listening in listeners:
        with contextlib.suppress(OSError):  # it had its client; to close it would not wake who waits for one
            listening.shutdown(socket.SHUT_RDWR)
    for each in threads:
        each.join()


def stream_to(port: int) -> SocketStream:
    _OPEN.append(SocketStream(socket.create_connection(("127.0.0.1", port), 60)))
    return _OPEN[-1]


def probe(until: bytes = b"") -> Probe:
    sends = Http1Sends((Send(b"GET / HTTP/1.1\r\n\r\n"),), None, "GET")
    protocol = named("http1")
    place = Place("host", "127.0.0.1", 1)
    request = protocol.record(sends, "a/b", place.record)
    return Probe("endless", "here", "a", "b", place, protocol, sends, 1, until, WITHIN, request)


def converses(port: int) -> str:
    return raw.converse(stream_to(port), b"hello", WITHIN).end


def probes_http1(port: int) -> str:
    exchange = named("http1").exchange(probe(), stream_to(port))
    exchange.run()
    exchange.look_for_the_end()
    return exchange.end


def probes_http2(port: int) -> str:
    exchange = http2.Exchange(stream_to(port))
    exchange.send_and_receive(Request("GET", "/", "1.1", "a", (), None, (), ()), WITHIN)
    return exchange.end


def probes_written(tmp_path: Path, fields: str) -> Callable[[int], str]:
    """The probe with those fields."""

    def client(port: int) -> str:
        written = read_one(tmp_path, f"{fields}\nwithin: {WITHIN}\n")
        exchange = written.protocol.exchange(written, stream_to(port))
        exchange.run()
        exchange.look_for_the_end()
        return str(exchange.end)

    return client


@pytest.mark.parametrize("flood", ["chunks", "HTTP/2", *FRAMED])
@pytest.mark.parametrize(
    "fields",
    [
        "protocol: http2\nanswers: 1000\nsteps: [{settings: []}, {await: rst_stream}]",
        "protocol: grpc\npath: /a.B/C\nsteps: [{await: message}, {await: message}, {message: a}]",
        "protocol: websocket\nsteps: [{await: any}, {text: a}]",
        "protocol: connect\ntarget: a:1\nuntil: never",
    ],
    ids=["http2", "grpc", "websocket", "connect"],
)
def test_no_flood_keeps_a_probe_that_has_frames(
    serve: Callable[[bytes, float], int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fields: str, flood: str
) -> None:
    monkeypatch.setattr(bounds, "FLOWING", 0.2)
    monkeypatch.setattr(bounds, "MOST_BYTES", 2 << 20)
    client = probes_written(tmp_path, fields)
    begin = time.monotonic()
    end = client(serve({**FLOODS, **FRAMED}[flood], 0.0))

    assert end == "endless"
    assert time.monotonic() - begin < MOST


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("client", [converses, probes_http1, probes_http2])
def test_a_flood_ends_by_its_bytes_or_its_time(
    serve: Callable[[bytes, float], int],
    monkeypatch: pytest.MonkeyPatch,
    client: Callable[[int], str],
    flood: str,
) -> None:
    monkeypatch.setattr(bounds, "FLOWING", 0.2)
    monkeypatch.setattr(bounds, "MOST_BYTES", 2 << 20)
    begin = time.monotonic()

    end = client(serve(FLOODS[flood], 0.0))

    is_no_http2 = client is probes_http2 and flood != "HTTP/2"  # which ends it at once
    assert end == "endless" or (is_no_http2 and end == "open")
    assert time.monotonic() - begin < MOST


@pytest.mark.parametrize("client", [converses, probes_http1])
def test_drops_end_by_their_time(serve: Callable[[bytes, float], int], client: Callable[[int], str]) -> None:
    begin = time.monotonic()
    assert client(serve(b"x", 0.05)) == "open"
    assert time.monotonic() - begin < MOST


class Flowing:
    """A stream on which bytes always are there; `passes` tells it how long it takes to take one in."""

    local_address = ("", 0)

    def __init__(self, passes: Callable[[], None]) -> None:
        self._passes = passes

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - a stream's
        self._passes()
        return b"x" * 100

    def send(self, data: bytes, timeout: float | None = None) -> None: ...

    def end(self, last: bytes = b"") -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


def test_what_flows_when_the_time_is_up_may_still_end(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])

    def passes() -> None:
        seconds[0] += 1.0

    whole = raw.converse(Flowing(passes), b"", 3.0, lambda data: len(data) >= 700)
    assert (whole.end, len(whole.received)) == ("open", 700)
    begin = seconds[0]
    assert raw.converse(Flowing(passes), b"", 3.0).end == "endless"
    assert seconds[0] == begin + 3.0 + bounds.FLOWING + 1


@pytest.mark.parametrize(
    ("data", "pause"),
    [
        (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n", 0.05),
        (HEAD + b"content-length: 1000000\r\n\r\nx", 0.05),
        (b"H", 0.05),
        (HEAD + b"\r\n" + b"x" * 1000, 0.0),
    ],
    ids=["chunks", "body", "head", "flood"],
)
def test_a_client_library_gives_up(
    serve: Callable[[bytes, float], int], monkeypatch: pytest.MonkeyPatch, data: bytes, pause: float
) -> None:
    monkeypatch.setattr(http, "LONGEST", 2.0)
    monkeypatch.setattr(http, "MOST_BYTES", 1 << 20)
    port, begin = serve(data, pause), time.monotonic()

    with http.client(lambda *_: stream_to(port), "http://there") as client:
        client.timeout = httpx.Timeout(1.9)
        with pytest.raises(httpx.TransportError) as caught:
            client.get("/")

    assert any(each in str(caught.value) for each in ("the whole exchange took too long", "longer than 1048576 bytes"))
    assert time.monotonic() - begin < MOST


def test_a_compressed_answer_is_bounded_before_it_is_unpacked(
    serve: Callable[[bytes, float], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_PACKED_BYTES", 1 << 10)
    port = serve(HEAD + b"content-encoding: identity-like\r\n\r\n" + b"x" * 100, 0.0)
    with (
        http.client(lambda *_: stream_to(port), "http://there") as client,
        pytest.raises(httpx.ReadError, match="the answer is longer than 1024 bytes"),
    ):
        client.get("/")


def test_a_long_timeout_that_is_asked_for_counts(
    serve: Callable[[bytes, float], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LONGEST", 0.1)
    port = serve(HEAD + b"content-length: 20\r\n\r\nx", 0.02)
    with http.client(lambda *_: stream_to(port), "http://there") as client:
        assert client.get("/", timeout=60).text == "x" * 20


def test_a_handshake_has_one_time_for_all_of_it(serve: Callable[[bytes, float], int]) -> None:
    drops = serve(b"\x16\x03\x03\x40\x00" + b"\x0b" * 3, 0.05)  # the beginning of a long record
    begin = time.monotonic()
    with pytest.raises((TimeoutError, ssl.SSLError)):
        TlsStream(stream_to(drops), ssl.create_default_context(), "there").shake_hands(0.5)
    assert time.monotonic() - begin < MOST


def test_envoy_statistics_without_end_are_a_hang(
    serve: Callable[[bytes, float], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("takeover.envoy.used_stats._WHOLE", 0.3)
    port = serve(HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n", 0.05)
    with pytest.raises(NoStatsError, match="answers without end") as caught:
        UsedStats(stream_to(port)).now()
    assert caught.value.hangs


@pytest.mark.parametrize(
    ("data", "pause", "ready", "told"),
    [
        (HEAD + b"content-length: 9\r\n\r\nx", 0.05, True, "answered 200"),
        (b"HTTP/1.1 503 No\r\n\r\nx", 0.0, False, "answered 503"),
        (HEAD + b"x: y\r\n", 0.0, False, "more comes than is taken in"),
        (b"H", 0.05, False, "port "),
    ],
)
def test_a_readiness_probe_waits_for_a_head_and_no_longer(
    serve: Callable[[bytes, float], int], data: bytes, pause: float, ready: bool, told: str
) -> None:
    spec = objects.Probe(http_get=objects.HttpGet(port=serve(data, pause)), timeout_seconds=1 if data == b"H" else 60)
    readiness = probes.Readiness(objects.Container(name="c", image="nginx"), spec, "127.0.0.1", lambda _: None)  # type: ignore[arg-type,return-value]
    begin = time.monotonic()

    readiness.advance(begin)

    assert (readiness.ready, told in readiness.last_seen) == (ready, True), readiness.last_seen
    assert time.monotonic() - begin < MOST


def test_a_long_answer_is_read_in_the_time_that_its_length_takes() -> None:
    chunks = HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500_000 + b"0\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000 + HEAD + b"content-length: 0\r\n\r\n"
    begin = time.thread_time()

    assert http1.read(chunks, "GET").body == b"x" * 500_000
    assert len(http1.read(interim, "GET").interim) == 100_000

    assert time.thread_time() - begin < 20  # squared it would be many minutes
