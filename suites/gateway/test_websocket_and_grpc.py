"""Gateway, WebSocket and gRPC: who may upgrade and who is told why not, idle ends, deadlines, HTTP/1 bridged.

The application is the hostile upstream: the last part of a path, or a call's method, says what it does.
"""

import contextlib
import time
from collections.abc import Iterator

import pytest

from fixtures.exchange import Client, Headers, Sent, connect, exchanged
from fixtures.magnitude import EARLY
from fixtures.speaking import ACCEPT, Call, WebSocket, status_of
from takeover.evidence.observed import ObservedTraffic
from takeover.net import grpc
from takeover.net.http1 import Answer
from takeover.net.websocket import frame
from takeover.scene import Scene
from takeover.suite.verdicts import assert_answered_by_envoy, assert_routed

pytestmark = [pytest.mark.gateway, pytest.mark.scenario("gateway-websocket-and-grpc")]

HOST = "app.shadow.com"
GATEWAY = ["listener 0.0.0.0_8080", "http gateway_http"]
CHAT = [*GATEWAY, "cluster chat", "destination hostile/upstream/python"]
GRPC = [*GATEWAY, "cluster grpc", "destination hostile/upstream/python"]
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
BYE = frame(CLOSE, b"\x03\xe8bye")

OVER = pytest.mark.parametrize("over_http2", [False, True], ids=["http1", "http2"])


@contextlib.contextmanager
def websocket(
    scene: Scene, path: str, headers: Headers = (), *, over_http2: bool = False, upgrade: str = "websocket"
) -> Iterator[WebSocket]:
    """A WebSocket that a client asks the gateway for."""
    with contextlib.closing(connect(scene, "client/client", "", scene.host_name("gateway"), 8080)) as stream:
        yield WebSocket(stream, HOST, path, headers, over_http2=over_http2, upgrade=upgrade)


@contextlib.contextmanager
def call(scene: Scene, method: str, metadata: Headers = (), host: str = HOST) -> Iterator[Call]:
    """A call that a client has begun."""
    with contextlib.closing(connect(scene, "client/client", "", scene.host_name("gateway"), 8080)) as stream:
        yield Call(stream, host, f"/talk.Talk/{method}", metadata)


def assert_opened(socket: WebSocket, over_http2: bool) -> None:
    """The client was told that its WebSocket is there."""
    assert socket.answer.status == (200 if over_http2 else 101)
    assert socket.is_open
    assert dict(socket.answer.headers)["sec-websocket-accept"] == ACCEPT


def assert_upgraded(observed: ObservedTraffic, path: str, route: str = "chat") -> None:
    """Envoy counted one upgrade, which its application took over HTTP/1."""
    assert observed.trace == CHAT
    assert observed.counter("http.gateway_http.downstream_cx_upgrades_total") == 1
    assert observed.counter("cluster.chat.upstream_rq_101") == 1
    assert observed.envoy.route == route
    arrival = observed.arrival("hostile/upstream")
    assert (arrival.uri, arrival.host, arrival.protocol, arrival.status) == (path, HOST, "HTTP/1.1", 101)
    assert arrival.request_id == observed.envoy.request_id


@OVER
def test_frames_go_to_and_fro_until_both_have_closed(scene: Scene, over_http2: bool) -> None:
    with scene.watched() as observed, websocket(scene, "/chat/room?a=b", over_http2=over_http2) as socket:
        assert_opened(socket, over_http2)
        socket.send(frame(TEXT, b"hello"))
        assert socket.frames(1) == ["text 'hello'"]
        socket.send(frame(PING, b"there?"), frame(TEXT, b"in ", fin=False), frame(0, b"parts"))
        socket.send(frame(BINARY, b"\xff" * 100_000))
        # An end overtakes what waits for its window: over HTTP/2 it is a reset.
        assert len(socket.frames(4)) == 4
        socket.send(BYE)
        assert socket.ended()
        came = socket.frames(0)

    large = "binary '" + "\xff" * 100_000 + "'"
    assert came == ["text 'hello'", "pong 'there?'", "text 'in parts'", large, "close 1000 'bye'"]
    assert_upgraded(observed, "/chat/room?a=b")


@OVER
@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("in-fragments", ["text 'ho' not the last", "continuation 'sti' not the last", "continuation 'le'"]),
        ("ping", ["ping 'hostile'"]),
        ("close-1001", ["close 1001 'hostile'"]),
        ("close-4999", ["close 4999 'hostile'"]),
        ("close-none", ["close ''"]),
        ("masked", ["text 'hostile' masked"]),
        ("reserved-bit", ["text 'hostile' reserved 4"]),
        ("reserved-opcode", ["0x3 'hostile'"]),
    ],
)
def test_what_the_application_sends_comes_as_it_is(
    scene: Scene, name: str, frames: list[str], over_http2: bool
) -> None:
    """Envoy does not look into the frames."""
    with scene.watched() as observed, websocket(scene, f"/chat/{name}", over_http2=over_http2) as socket:
        assert_opened(socket, over_http2)
        assert socket.frames(len(frames)) == frames
        socket.send(BYE)
        assert socket.ended()

    assert_upgraded(observed, f"/chat/{name}")


@OVER
@pytest.mark.parametrize(("status", "header"), [(401, "www-authenticate"), (403, ""), (426, "sec-websocket-version")])
def test_what_the_application_refuses_is_its_answer(scene: Scene, status: int, header: str, over_http2: bool) -> None:
    path = f"/chat/refuse-{status}"
    with scene.watched() as observed, websocket(scene, path, over_http2=over_http2) as socket:
        assert not socket.is_open

    assert (socket.answer.status, socket.answer.body) == (status, b"hostile\n")
    assert not header or socket.answer.value(header)
    assert_routed(observed, CHAT)
    assert observed.arrival("hostile/upstream").status == observed.envoy.status == status


@OVER
def test_who_has_one_may_upgrade(scene: Scene, over_http2: bool) -> None:
    token = (("authorization", "Bearer alice"),)
    with scene.watched() as observed, websocket(scene, "/private/room", token, over_http2=over_http2) as socket:
        assert_opened(socket, over_http2)
        socket.send(BYE)
        assert socket.ended()

    assert_upgraded(observed, "/private/room")


@OVER
def test_who_has_no_token_is_told_so(scene: Scene, over_http2: bool) -> None:
    with scene.watched() as observed, websocket(scene, "/private/room", over_http2=over_http2) as socket:
        assert not socket.is_open

    answer = socket.answer
    assert (answer.status, answer.body, answer.value("www-authenticate")) == (401, b"a token, please\n", "bearer")
    assert_answered_by_envoy(observed, GATEWAY, "-", "direct_response")
    assert observed.envoy.route == "private-without-a-token"


@OVER
@pytest.mark.parametrize("path", ["/", "/plain", "/chatter", "/CHAT", "/a/chat"])
def test_elsewhere_nothing_upgrades(scene: Scene, path: str, over_http2: bool) -> None:
    with scene.watched() as observed, websocket(scene, path, over_http2=over_http2) as socket:
        assert not socket.is_open

    assert (socket.answer.status, socket.answer.body) == (403, b"")
    assert observed.trace == GATEWAY
    assert (observed.envoy.route, observed.envoy.details) == ("plain", "upgrade_failed")
    assert observed.counter("http.gateway_http.downstream_rq_ws_on_non_ws_route") == 1


@pytest.mark.parametrize("upgrade", ["h2c", "spdy/3.1", "tls/1.0"])
def test_nothing_else_is_upgraded_to(scene: Scene, upgrade: str) -> None:
    with scene.watched() as observed, websocket(scene, "/other", upgrade=upgrade) as socket:
        assert not socket.is_open

    assert observed.counter("http.gateway_http.downstream_cx_upgrades_total") == 0


def test_another_protocol_is_told_so_too(scene: Scene) -> None:
    """A header alone asks for no upgrade."""
    with scene.watched() as observed:
        answer = ask(scene, Sent("GET", "/chat", (("host", HOST), ("upgrade", "spdy/3.1"))), over_http2=False)

    assert (answer.status, answer.body) == (426, b"WebSocket only\n")
    assert_answered_by_envoy(observed, GATEWAY, "-", "direct_response")


@OVER
@pytest.mark.parametrize("path", ["/chat", "/chat/room", "/private", "/quiet"])
def test_who_does_not_ask_for_websocket_is_told_what_is_spoken(scene: Scene, path: str, over_http2: bool) -> None:
    with scene.watched() as observed:
        answer = ask(scene, Sent("GET", path, (("host", HOST), ("authorization", "x"))), over_http2)

    assert (answer.status, answer.body) == (426, b"WebSocket only\n")
    assert answer.value("sec-websocket-version") == "13"
    assert_answered_by_envoy(observed, GATEWAY, "-", "direct_response")
    assert observed.envoy.route == "no-upgrade"


@OVER
@pytest.mark.parametrize("path", ["/plain", "/talk.Talk/Echo"])
def test_plain_requests_are_plain(scene: Scene, path: str, over_http2: bool) -> None:
    with scene.watched() as observed:
        answer = ask(scene, Sent("GET", path, (("host", HOST),)), over_http2)

    assert answer.status == 200
    assert answer.body.startswith(f"GET {path} HTTP/1.1\r\n".encode())
    assert_routed(observed, CHAT)
    assert observed.envoy.route == "plain"


def test_only_a_quiet_websocket_is_ended(scene: Scene) -> None:
    """One that says nothing for 0.3 s is; on another route nothing happens to one that says nothing meanwhile."""
    with scene.watched() as observed, websocket(scene, "/chat") as other:
        assert_opened(other, over_http2=False)
        began = time.monotonic()
        with websocket(scene, "/quiet") as quiet:
            assert_opened(quiet, over_http2=False)
            assert quiet.ended()
            assert time.monotonic() - began >= 0.3 - EARLY
        other.send(frame(TEXT, b"hello"), BYE)
        assert other.ended()
        assert other.frames(0) == ["text 'hello'", "close 1000 'bye'"]

    first, second = observed.entries
    assert (first.route, first.flags, first.details) == ("quiet", "SI", "stream_idle_timeout")
    assert second.route == "chat"
    assert observed.counter("http.gateway_http.downstream_rq_idle_timeout") == 1


def test_a_call_and_its_status(scene: Scene) -> None:
    with scene.watched() as observed, call(scene, "Echo", (("x-mine", "1"),)) as talk:
        talk.send(b"hello", ends=True)
        answer = talk.answer()

    assert_routed(observed, GRPC)
    assert (answer.status, status_of(answer)) == (200, ("0", ""))
    assert (answer.messages, answer.body, answer.stream_end) == ([b"hello"], b"", "closed")
    assert answer.trailers == [("grpc-status", "0")]
    assert (observed.envoy.route, observed.arrival("hostile/upstream").protocol) == ("grpc", "HTTP/2.0")


def test_messages_in_turns(scene: Scene) -> None:
    """A stream: each is sent when the one before has come back."""
    with scene.watched() as observed, call(scene, "Echo") as talk:
        for number, each in enumerate((b"one", b"", b"\0" * 30_000), 1):
            talk.send(each)
            assert talk.messages(number)[-1] == each
        talk.send(ends=True)
        assert status_of(talk.answer()) == ("0", "")

    assert_routed(observed, GRPC)


@pytest.mark.parametrize(
    ("method", "status", "messages"),
    [
        ("status-7", ("7", "hostile %E2%9C%93"), [b"hostile"]),
        ("only-status-5", ("5", "hostile %E2%9C%93"), []),
        ("only-status-14", ("14", "hostile %E2%9C%93"), []),
        ("two-messages", ("0", ""), [b"hostile", b"hostile"]),
        ("no-message", ("0", ""), []),
        ("message-compressed", ("0", ""), [b"flag 1: hostile"]),
        ("status-of-letters", ("OK", ""), [b"hostile"]),
    ],
)
def test_what_the_application_says_of_a_call_comes_as_it_is(
    scene: Scene, method: str, status: tuple[str, str], messages: list[bytes]
) -> None:
    with scene.watched() as observed, call(scene, method) as talk:
        talk.send(b"hello", ends=True)
        answer = talk.answer()

    assert (answer.status, status_of(answer), answer.messages) == (200, status, messages)
    assert_routed(observed, GRPC)


@pytest.mark.parametrize(("timeout", "told"), [("400m", "400m"), ("60S", "500m"), ("", "")])
def test_the_application_learns_the_deadline_that_holds(scene: Scene, timeout: str, told: str) -> None:
    metadata = (("x-mine", "1"), *((("grpc-timeout", timeout),) if timeout else ()))
    with scene.watched() as observed, call(scene, "Headers", metadata) as talk:
        talk.send(ends=True)
        [message] = talk.answer().messages or [b""]

    seen = dict(line.partition(": ")[::2] for line in message.decode().splitlines())
    assert (seen["te"], seen["x-mine"], seen.get("grpc-timeout", "")) == ("trailers", "1", told)
    assert_routed(observed, GRPC)


@pytest.mark.parametrize(("timeout", "seconds"), [("100m", 0.1), ("60S", 0.5)])
def test_a_call_ends_with_its_deadline(scene: Scene, timeout: str, seconds: float) -> None:
    began = time.monotonic()
    with scene.watched() as observed, call(scene, "silent", (("grpc-timeout", timeout),)) as talk:
        talk.send(b"hello", ends=True)
        answer = talk.answer()
        took = time.monotonic() - began

    assert (answer.status, status_of(answer)[0], answer.messages) == (200, "4", [])
    assert seconds - EARLY <= took < seconds + 8
    assert observed.trace == GRPC
    assert (observed.envoy.route, observed.envoy.details) == ("grpc", "max_duration_timeout")
    assert observed.counter("http.gateway_http.downstream_rq_max_duration_reached") == 1
    assert observed.counter("cluster.grpc.upstream_rq_tx_reset") == 1


def test_a_call_that_the_application_resets_has_no_status(scene: Scene) -> None:
    with scene.watched() as observed, call(scene, "rst-8-after-message") as talk:
        talk.send(b"hello", ends=True)
        answer = talk.answer()

    assert (answer.messages, status_of(answer)) == ([b"hostile"], ("", ""))
    assert answer.stream_end.startswith("reset ")
    assert (observed.trace, observed.envoy.flags) == (GRPC, "UR")


@pytest.mark.parametrize(
    ("method", "code", "status", "body"),
    [
        ("Echo", 200, "0", grpc.message(b"hello")),
        ("status-7", 503, "7", grpc.message(b"hostile")),
        ("only-status-5", 200, "5", b""),
        ("two-messages", 200, "0", 2 * grpc.message(b"hostile")),
    ],
)
def test_a_client_of_http1_gets_the_status_in_the_head(
    scene: Scene, method: str, code: int, status: str, body: bytes
) -> None:
    with scene.watched() as observed:
        answer = bridged(scene, method)

    assert (answer.status, answer.value("grpc-status"), answer.body) == (code, status, body)
    assert (answer.value("content-length"), answer.trailers) == (str(len(body)), [])
    assert_routed(observed, GRPC)
    assert (observed.envoy.protocol, observed.arrival("hostile/upstream").protocol) == ("HTTP/1.1", "HTTP/2.0")


def test_a_deadline_holds_for_a_client_of_http1_too(scene: Scene) -> None:
    with scene.watched() as observed:
        answer = bridged(scene, "silent", (("grpc-timeout", "100m"),))

    assert (answer.value("grpc-status"), answer.body) == ("4", b"")
    assert observed.envoy.details == "max_duration_timeout"


def test_another_host_finds_no_route(scene: Scene) -> None:
    with scene.watched() as observed, call(scene, "Echo", host="other.shadow.com") as talk:
        talk.send(b"hello", ends=True)
        answer = talk.answer()

    assert (answer.status, status_of(answer)[0], answer.messages) == (200, "12", [])
    assert_answered_by_envoy(observed, GATEWAY, "NR", "route_not_found")


def ask(scene: Scene, request: Sent, over_http2: bool) -> Answer:
    """The answer to a request that is no call and asks for no upgrade."""
    stream = connect(scene, "client/client", "", scene.host_name("gateway"), 8080)
    if over_http2:
        return exchanged(stream, request).answer
    with contextlib.closing(stream):
        return Client(stream).ask(request)


def bridged(scene: Scene, method: str, metadata: Headers = ()) -> Answer:
    """The answer to a call that is made over HTTP/1."""
    headers = (("host", HOST), ("content-type", "application/grpc"), *metadata)
    return ask(scene, Sent("POST", f"/talk.Talk/{method}", headers, grpc.message(b"hello")), over_http2=False)
