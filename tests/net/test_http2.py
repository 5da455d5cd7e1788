"""One exchange of HTTP/2 with a server that is made of h2's own frames."""

from collections.abc import Callable, Iterable

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame

from takeover.net.http2 import Exchange
from takeover.net.http2_frames import TYPES, frame
from takeover.net.request import Request
from tests.net.scripted import ScriptedStream, in_pieces

Headers = list[tuple[str, str]]
GET = Request("GET", "/path", "", "website", (), None, (), ())
OK: Headers = [(":status", "200"), ("server", "envoy")]


class Server:
    """The other side of stream 1: what it writes, and what it was sent."""

    def __init__(self) -> None:
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.h2.initiate_connection()
        client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        client.initiate_connection()
        client.send_headers(1, [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "x")], True)
        self.h2.receive_data(client.data_to_send())

    def written(self) -> bytes:
        return self.h2.data_to_send()


def as_text(header: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, header))


def received(sent: bytes) -> list[h2.events.Event]:
    """What a server takes of what a client sent."""
    server = h2.connection.H2Connection(
        h2.config.H2Configuration(client_side=False, header_encoding="latin-1", validate_inbound_headers=False)
    )
    return server.receive_data(sent)


def exchanged(write: Callable[[h2.connection.H2Connection], None], length: int = 1000) -> Exchange:
    """The exchange with a server that writes that, so many bytes at once."""
    server = Server()
    write(server.h2)
    exchange = Exchange(ScriptedStream(*in_pieces(server.written(), length)))
    exchange.send_and_receive(GET, 5)
    return exchange


def whole(server: h2.connection.H2Connection) -> None:
    server.send_headers(1, [(":status", "103"), ("link", "</a>")])
    server.send_headers(1, OK)
    server.send_data(1, b"hello ")
    server.send_data(1, b"you")
    server.send_headers(1, [("x-after", "yes")], end_stream=True)


@pytest.mark.parametrize("length", [1, 10, 1000])
def test_an_answer_by_its_parts_however_it_comes(length: int) -> None:
    exchange = exchanged(whole, length=length)
    answer = exchange.answer

    assert [(each.status, each.headers) for each in answer.interim] == [(103, [("link", "</a>")])]
    assert (answer.protocol, answer.status, answer.headers) == ("HTTP/2", 200, [("server", "envoy")])
    assert (answer.body, answer.trailers, answer.reason) == (b"hello you", [("x-after", "yes")], "")
    assert (answer.is_whole, exchange.end) == (True, "open")


def test_a_request_is_sent_by_its_parts() -> None:
    stream = ScriptedStream()
    request = Request("POST", "/a b", "", "website", ("X-One: 1", "empty:", "x-two:  2"), "body", (), ("x-after: y",))
    Exchange(stream).send_and_receive(request, 5)
    events = received(stream.sent)

    [head] = [each for each in events if isinstance(each, h2.events.RequestReceived)]
    [data] = [each for each in events if isinstance(each, h2.events.DataReceived)]
    [trailers] = [each for each in events if isinstance(each, h2.events.TrailersReceived)]
    assert [*map(as_text, head.headers)] == [
        (":method", "POST"), (":scheme", "http"), (":path", "/a b"), (":authority", "website"),
        ("X-One", "1"), ("empty", ""), ("x-two", " 2"),
    ]  # fmt: skip
    assert data.data == b"body"
    assert [*map(as_text, trailers.headers)] == [("x-after", "y")]
    assert isinstance(events[-1], h2.events.StreamEnded)


@pytest.mark.parametrize(
    ("request_", "kinds"),
    [
        (GET, ["RequestReceived", "StreamEnded"]),
        (Request("POST", "/", "", "", (), "", (), ()), ["RequestReceived", "DataReceived", "StreamEnded"]),
        (
            Request("POST", "/", "", "", (), None, ("a", "", "b"), ()),
            ["RequestReceived", "DataReceived", "DataReceived", "DataReceived", "StreamEnded"],
        ),
        (Request("POST", "/", "", "", (), None, (), ("a: b",)), ["RequestReceived", "TrailersReceived", "StreamEnded"]),
    ],
    ids=["nothing", "an empty body", "a frame for each chunk", "trailers alone"],
)
def test_a_request_ends_with_its_last_part(request_: Request, kinds: list[str]) -> None:
    stream = ScriptedStream()
    Exchange(stream).send_and_receive(request_, 5)

    names = [type(each).__name__ for each in received(stream.sent)]
    assert [each for each in names if each.endswith(("Received", "Ended"))] == kinds


SETTINGS = SettingsFrame(0).serialize()
WINDOWS = b"".join(WindowUpdateFrame(stream, window_increment=100_000).serialize() for stream in (0, 1))
LARGE = Request("POST", "/", "", "", (), "a" * 150_000, (), ("x-after: y",))


def data_sent(sent: bytes) -> list[int]:
    """The lengths of the DATA frames that a client sent."""
    lengths, at = [], len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    while at < len(sent):
        frame, length = Frame.parse_frame_header(memoryview(sent[at : at + 9]))
        lengths += [length] if isinstance(frame, DataFrame) else []
        at += 9 + length
    return lengths


def test_a_long_body_goes_in_frames_as_long_as_the_peer_takes_and_waits_for_its_windows() -> None:
    stream = ScriptedStream(SETTINGS, WINDOWS, Exception("after the request"))
    with pytest.raises(Exception, match="after the request"):
        Exchange(stream).send_and_receive(LARGE, 5)

    lengths = data_sent(stream.sent)
    assert (sum(lengths), max(lengths)) == (150_000, 16_384)
    assert sum(lengths[:4]) == 65_535  # what a window has in the beginning


@pytest.mark.parametrize(
    ("given_up", "reason", "end"),
    [
        (RstStreamFrame(1, error_code=7).serialize(), "RST_STREAM REFUSED_STREAM", "open"),
        (WINDOWS + GoAwayFrame(0, error_code=2).serialize(), "GOAWAY INTERNAL_ERROR", "closed"),
        (b"", "", "closed"),
    ],
    ids=["RST_STREAM", "GOAWAY", "the end"],
)
def test_the_rest_of_a_body_that_nobody_takes_is_not_sent(given_up: bytes, reason: str, end: str) -> None:
    exchange = Exchange(stream := ScriptedStream(SETTINGS, *filter(None, [given_up])))
    exchange.send_and_receive(LARGE, 5)

    assert (exchange.answer.reason, exchange.end) == (reason, end)
    assert sum(data_sent(stream.sent)) == 65_535


@pytest.mark.parametrize(("host", "authority"), [(None, []), ("", [(":authority", "")])])
def test_without_a_host_there_is_no_authority_and_an_empty_one_is_one(
    host: str | None, authority: list[tuple[str, str]]
) -> None:
    stream = ScriptedStream()
    Exchange(stream).send_and_receive(Request("GET", "/", "", host, (), None, (), ()), 5)

    [head] = [each for each in received(stream.sent) if isinstance(each, h2.events.RequestReceived)]
    told = [as_text(each) for each in head.headers]
    assert told == [(":method", "GET"), (":scheme", "http"), (":path", "/"), *authority]


def test_a_stream_that_is_reset_says_so() -> None:
    exchange = exchanged(lambda server: server.reset_stream(1, h2.errors.ErrorCodes.REFUSED_STREAM))

    assert (exchange.answer.reason, exchange.answer.is_whole) == ("RST_STREAM REFUSED_STREAM", True)
    assert (exchange.answer.status, exchange.end) == (None, "open")


@pytest.mark.parametrize(("data", "told"), [(None, ""), (b"why", " why")])
def test_a_connection_that_is_given_up_says_so_and_its_end_is_waited_for(data: bytes | None, told: str) -> None:
    exchange = exchanged(lambda server: server.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM, data))

    assert exchange.answer.reason == f"GOAWAY ENHANCE_YOUR_CALM{told}"
    assert (exchange.answer.is_whole, exchange.end) == (False, "closed")


@pytest.mark.parametrize("length", [1, 10, 1000])
def test_an_answer_comes_though_the_peer_takes_no_more_streams(length: int) -> None:
    """As Envoy answers where max_requests_per_connection is 1: GOAWAY is its first word."""
    server = Server()
    goaway = frame(TYPES["GOAWAY"], 0, 0, b"\x7f\xff\xff\xff" + bytes(4))
    before = server.written()
    whole(server.h2)
    exchange = Exchange(ScriptedStream(*in_pieces(before + goaway + server.written(), length)))
    exchange.send_and_receive(GET, 5)

    answer = exchange.answer
    assert (answer.status, answer.body, answer.trailers) == (200, b"hello you", [("x-after", "yes")])
    assert (answer.reason, answer.is_whole, exchange.end) == ("GOAWAY NO_ERROR", True, "open")


def test_a_goaway_among_headers_is_no_http2() -> None:
    server = Server()
    goaway = frame(TYPES["GOAWAY"], 0, 0, bytes(8))
    exchange = Exchange(ScriptedStream(server.written() + frame(TYPES["HEADERS"], 0, 1, b"\x88") + goaway))
    exchange.send_and_receive(GET, 5)

    assert exchange.answer.reason.startswith("not HTTP/2: ")


@pytest.mark.parametrize("trailers", [(), ("x-after: y",)])
@pytest.mark.parametrize("length", [16384, 16385, 65535, 65536, 200_000])
def test_a_request_body_of_any_length_is_sent_as_the_windows_allow(length: int, trailers: tuple[str, ...]) -> None:
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
    server.initiate_connection()
    exchange = Exchange(stream := Answering(server))
    exchange.send_and_receive(Request("POST", "/", "", "website", (), "a" * length, (), trailers), 5)

    assert (stream.received, exchange.answer.status) == (length, 200)


class Answering(ScriptedStream):
    """A server that gives back windows, and answers at the request's end."""

    def __init__(self, server: h2.connection.H2Connection) -> None:
        super().__init__()
        self._server = server
        self.received = 0

    def send(self, data: bytes, timeout: float | None = None) -> None:
        for event in self._server.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                self.received += len(event.data or b"")
                self._server.acknowledge_received_data(event.flow_controlled_length or 0, 1)
            elif isinstance(event, h2.events.StreamEnded):
                self._server.send_headers(1, OK, end_stream=True)
        super().send(data, timeout)

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if data := self._server.data_to_send():
            self._comes.append(data)
        return super().receive(max_bytes, timeout)


def test_a_code_that_nobody_knows_is_told_by_its_number() -> None:
    exchange = exchanged(lambda server: server.reset_stream(1, 4711))

    assert exchange.answer.reason == "RST_STREAM 4711"


def test_what_is_no_http2_is_told() -> None:
    exchange = Exchange(ScriptedStream(b"\0\0\1\0\0\0\0\0\0x"))
    exchange.send_and_receive(GET, 5)

    assert exchange.answer.reason.startswith("not HTTP/2: ")
    assert (exchange.answer.is_whole, exchange.end) == (True, "open")


@pytest.mark.parametrize(
    ("comes", "end"),
    [
        ((), "closed"),
        ((ConnectionResetError(),), "reset"),
        ((BrokenPipeError(),), "reset"),
        ((TimeoutError(),), "open"),
    ],
)
def test_how_a_connection_ends_without_an_answer(comes: tuple[Exception, ...], end: str) -> None:
    exchange = Exchange(ScriptedStream(*comes))
    exchange.send_and_receive(GET, 5)

    assert (exchange.end, exchange.answer.is_whole, exchange.answer.status) == (end, False, None)


def test_a_status_that_is_no_number_is_none() -> None:
    server = Server()
    server.h2.config.validate_outbound_headers = False
    server.h2.send_headers(1, [(":status", "200")], end_stream=True)
    written = (
        server.written().replace(b"\x88", b"\x48\x03abc").replace(b"\x00\x00\x01\x01\x05", b"\x00\x00\x05\x01\x05")
    )
    exchange = Exchange(ScriptedStream(written))
    exchange.send_and_receive(GET, 5)

    assert exchange.answer.status is None
    assert exchange.answer.headers == []


def test_a_long_body_is_acknowledged_while_it_comes() -> None:
    """Or no more of it would come than fits into the window."""
    server = Server()
    server.h2.send_headers(1, OK)
    server.h2.send_data(1, b"x" * 16384)
    server.h2.send_data(1, b"x" * 16384)
    server.h2.send_data(1, b"x" * 16384)
    written = server.written()
    stream = ScriptedStream(*in_pieces(written, 1000))
    Exchange(stream).send_and_receive(GET, 5)

    updated = [each for each in received(stream.sent) if isinstance(each, h2.events.WindowUpdated)]
    assert {each.stream_id for each in updated} >= {0, 1}


def test_no_more_time_is_waited_than_there_is() -> None:
    stream = ScriptedStream(TimeoutError())
    Exchange(stream).send_and_receive(GET, 0)
    assert stream.timeouts[-1] == 0.001

    stream = ScriptedStream(b"\0\0\0\4\0\0\0\0\0", TimeoutError())
    Exchange(stream).send_and_receive(GET, 100)
    assert all(each is None or 50 < each <= 100 for each in stream.timeouts)
