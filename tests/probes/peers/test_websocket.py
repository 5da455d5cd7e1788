"""WebSocket with the server of the library `websockets`, and over HTTP/2 through a real Envoy to it."""

from collections.abc import Callable

import pytest

from takeover.probes.protocols.contract import Exchange
from tests.probes.peers.conftest import Exchanged

WAYS = pytest.mark.parametrize("way", ["straight", "http1", "http2"])
OPEN = "protocol: websocket\n"
Ask = Callable[..., Exchange]


@pytest.fixture
def ask(exchanged: Exchanged, envoy: int, websockets: int) -> Ask:
    """The exchange of a WebSocket with those fields, straight to its server or through Envoy."""

    def asked(way: str, text: str, path: str = "/ws") -> Exchange:
        # Envoy makes an upgrade of HTTP/1 of it, but no key, which the server asks for.
        over, key = ("over: http2\n", "'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=='") if way == "http2" else ("", "")
        text = text.replace("KEY", key) if "KEY" in text else f"headers: [{key}]\n{text}"
        return exchanged(f"{OPEN}path: {path}\n{over}{text}", websockets if way == "straight" else envoy)

    return asked


@WAYS
def test_frames_go_to_and_fro(way: str, ask: Ask) -> None:
    exchange = ask(
        way,
        """steps:
- {text: hello}
- {await: text}
- {binary: "\\xff\\0"}
- {await: binary}
- {ping: are you there}
- {await: pong}
- {text: in, fin: false}
- {continuation: " parts"}
- {await: text}
- {text: {repeat: a, times: 70000}}
- {await: text}
- {close: 1000, reason: bye}
""",
    )
    answer = exchange.answer
    assert answer.status == (200 if way == "http2" else 101)
    assert answer.frames == [
        "text 'hello'", "binary 'ÿ\\x00'", "pong 'are you there'", "text 'in parts'", f"text '{'a' * 70000}'",
        "close 1000 'bye'",
    ]  # fmt: skip
    assert answer.body == b""
    if way != "http2":
        accept = {name.lower(): value for name, value in answer.headers}["sec-websocket-accept"]
        assert accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@WAYS
def test_a_refused_upgrade_is_an_answer(way: str, ask: Ask) -> None:
    exchange = ask(way, "steps: [{text: hello}, {await: text}]\n", "/ws/token")
    answer = exchange.answer

    assert (answer.status, answer.body, answer.frames) == (401, b"a token, please\n", None)


@WAYS
def test_with_what_it_asks_for_it_is_taken(way: str, ask: Ask) -> None:
    answer = ask(way, "headers: ['authorization: me', KEY]\nsteps: [{text: hello}, {await: any}]\n", "/ws/token").answer
    assert answer.frames == ["text 'hello'"]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("text: hello, masked: false", 1002),
        ("text: hello, reserved: 4", 1002),
        ("frame: 3, payload: hello", 1002),
        ("continuation: hello", 1002),
        ('text: "\\xff"', 1007),
        ("ping: {repeat: a, times: 126}", 1002),
        ("ping: a, fin: false", 1002),
        ("close: 1005", 1002),
        ("binary: a, length: 9223372036854775807", 1009),
        ('send: "\\x83\\x80\\0\\0\\0\\0"', 1002),
    ],
)
def test_what_is_wrong_is_refused_by_the_server(step: str, code: int, ask: Ask) -> None:
    exchange = ask("straight", f"steps: [{{{step}}}]\n")

    assert exchange.answer.frames is not None
    [frame] = exchange.answer.frames
    assert frame.startswith(f"close {code} ")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("headers: ['Sec-WebSocket-Version: 12', KEY]", 400),
        ("without: [Upgrade]", 426),
        ("without: [sec-websocket-key]", 400),
        ("without: [Sec-WebSocket-VERSION]", 400),
    ],
)
def test_a_handshake_that_is_wrong(fields: str, status: int, ask: Ask) -> None:
    assert ask("straight", fields + "\n").answer.status == status


def test_an_open_one_alone_ends_by_itself(ask: Ask) -> None:
    answer = ask("http2", "within: 9\n").answer
    assert (answer.status, answer.frames, answer.has_no_end, answer.stream_end) == (200, [], True, "open")


def test_our_end_ends_it(ask: Ask) -> None:
    assert ask("straight", "steps: [{end: true}]\n").end == "closed"


def test_without_a_key_envoy_makes_an_upgrade_that_servers_refuse(exchanged: Exchanged, envoy: int) -> None:
    """RFC 8441 has no key; HTTP/1 needs one."""
    assert exchanged(f"{OPEN}path: /ws\nover: http2", envoy).answer.status == 400
