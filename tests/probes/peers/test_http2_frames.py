"""Frames step by step to a real Envoy: its own HTTP/2 says what each of them is worth."""

from collections.abc import Callable

import pytest

from takeover.probes.protocols.contract import Exchange
from tests.probes.peers.conftest import Exchanged

HEADERS = '":method: GET", ":scheme: http", ":path: /", ":authority: a.example"'
GET = f"headers: [{HEADERS}], end_stream: true"
BEGIN = "protocol: http2\nsteps:\n- {settings: []}\n"
Frames = Callable[[str], Exchange]
ANSWER = ["HEADERS 1 :status 200", "DATA 1 6 bytes END_STREAM"]


@pytest.fixture
def frames(exchanged: Exchanged, envoy: int) -> Frames:
    """The exchange of a probe over HTTP/2 that has those steps after an empty SETTINGS, or those fields."""
    return lambda text: exchanged(text if text.startswith("protocol") else BEGIN + text, envoy)


def told(exchange: Exchange, *begin: str) -> list[str]:
    """The frames that begin so; all but the connection's usual first ones, if nothing is said."""
    came = exchange.answer.frames
    assert came is not None
    if begin:
        return [each for each in came if each.startswith(begin)]
    return [each for each in came if not each.startswith(("SETTINGS", "WINDOW_UPDATE 0 "))]


@pytest.mark.parametrize(
    "steps",
    [
        f"- {{{GET}}}",
        f"- {{{GET}, split: 5}}",
        f"- {{{GET}, padding: 5}}",
        f"- {{{GET}, padding: 0, split: 7}}",
        f"- {{{GET}, flags: [END_HEADERS, 2]}}",
        f"- {{headers: [{HEADERS}, 'cookie: a=1', 'cookie: b=2'], flags: [END_STREAM]}}\n- {{continuation: ['x: y']}}",
        f"- {{headers: [{HEADERS}]}}\n- {{data: hello, padding: 3}}\n- {{headers: ['x-after: 1'], end_stream: true}}",
        f"- {{headers: [{HEADERS}], block: \"\\0\\x01x\\x01y\", end_stream: true}}",
        f"- {{frame: 0x77, payload: hi, flags: [0xff], stream: 9}}\n- {{{GET}}}",
        f"- {{priority: 16, depends_on: 3, exclusive: true}}\n- {{{GET}}}",
        f"- {{goaway: NO_ERROR, debug: bye}}\n- {{{GET}}}",
        f"- {{settings: ['0x1234: 5', 'HEADER_TABLE_SIZE: 0']}}\n- {{await: settings_ack}}\n- {{{GET}}}",
    ],
)  # fmt: skip
def test_what_is_right_is_answered(frames: Frames, steps: str) -> None:
    exchange = frames(steps)
    answer = exchange.answer

    assert (answer.protocol, answer.status, answer.body, answer.stream_end) == ("HTTP/2", 200, b"hello\n", "closed")
    assert told(exchange) == ANSWER
    assert exchange.end == "open"


@pytest.mark.parametrize(
    ("steps", "goaway"),
    [
        ("- {data: x, stream: 5}", "GOAWAY PROTOCOL_ERROR last 0 'DATA: stream in idle'"),
        (f"- {{continuation: [{HEADERS}]}}", "GOAWAY PROTOCOL_ERROR last 0 'CONTINUATION: unexpected'"),
        ("- {ping: abc}", "GOAWAY FRAME_SIZE_ERROR last 0"),
        ("- {ping: abcdefgh, length: 7}", "GOAWAY FRAME_SIZE_ERROR last 0"),
        ("- {frame: SETTINGS, payload: abcde}", "GOAWAY FRAME_SIZE_ERROR last 0"),
        ('- {send: "GET / HTTP/1.1"}', "GOAWAY FRAME_SIZE_ERROR last 0 'too large frame size'"),
    ],
)
def test_what_is_wrong_ends_the_connection_by_its_error(frames: Frames, steps: str, goaway: str) -> None:
    exchange = frames(steps)

    assert told(exchange) == [goaway]
    assert exchange.answer.status is None
    assert exchange.end in ("closed", "reset")  # a race, by the kernel


def test_without_its_first_settings_it_is_refused(frames: Frames) -> None:
    exchange = frames(f"protocol: http2\nsteps: [{{{GET}}}]")

    assert told(exchange) == ["GOAWAY PROTOCOL_ERROR last 0 'SETTINGS expected'"]


def test_without_the_preface_it_is_http1(frames: Frames) -> None:
    exchange = frames('protocol: http2\npreface: false\nsteps: [{send: "GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"}]')
    answer = exchange.answer

    assert (answer.protocol, answer.status, answer.body) == ("HTTP/1.1", 200, b"hello\n")
    assert answer.frames == []


def test_several_streams_on_one_connection(frames: Frames) -> None:
    exchange = frames(f"- {{{GET}}}\n- {{{GET}, stream: 3}}\n- {{{GET.replace('GET', 'HEAD')}, stream: 7}}")
    answer = exchange.answer

    assert (answer.status, answer.body, answer.stream_end) == (200, b"hello\n", "closed")
    further = {number: (each.status, each.body, each.stream_end) for number, each in answer.streams.items()}
    assert further == {3: (200, b"hello\n", "closed"), 7: (200, b"", "closed")}


def test_a_repeat_goes_from_stream_to_stream(frames: Frames) -> None:
    exchange = frames(f"- repeat: 100\n  steps:\n  - {{{GET}}}\n  - {{await: response}}\n  - {{await: stream_end}}")

    assert [*exchange.answer.streams] == list(range(3, 201, 2))
    assert {each.status for each in exchange.answer.streams.values()} == {200}


def test_a_flood_is_answered_or_ends_the_connection(frames: Frames) -> None:
    exchange = frames(f"- {{repeat: 5000, steps: [{{{GET}}}, {{rst_stream: CANCEL}}]}}\n- {{await: goaway}}")

    assert exchange.end in ("closed", "reset")
    assert exchange.answer.status in (None, 200)


def test_a_ping_comes_back(frames: Frames) -> None:
    exchange = frames(f"- {{ping: abcdefgh}}\n- {{await: ping_ack}}\n- {{{GET}}}")

    assert told(exchange) == ["PING ACK 6162636465666768", *ANSWER]


def test_a_window_is_kept_to_and_given(frames: Frames) -> None:
    steps = f"[{{settings: ['INITIAL_WINDOW_SIZE: 2']}}, {{{GET}}}, {{await: data}}, {{window_update: 4, stream: 1}}]"
    exchange = frames(f"protocol: http2\nautomatic: false\nsteps: {steps}")

    assert told(exchange) == [ANSWER[0], "DATA 1 2 bytes", "DATA 1 4 bytes END_STREAM"]
    assert exchange.answer.body == b"hello\n"


def test_what_is_not_automatic_is_left_to_the_steps(frames: Frames) -> None:
    """Envoy gives no more than the window, which nobody gives back."""
    text = f"protocol: http2\nautomatic: false\nwithin: 3\nsteps: [{{settings: ['INITIAL_WINDOW_SIZE: 2']}}, {{{GET}}}]"
    exchange = frames(text)

    assert (exchange.answer.body, exchange.answer.stream_end, exchange.end) == (b"he", "open", "open")


def test_our_reset_ends_the_stream_and_not_the_connection(frames: Frames) -> None:
    exchange = frames(f"- {{headers: [{HEADERS}]}}\n- {{rst_stream: 8}}\n- {{{GET}, stream: 3}}")

    assert told(exchange, "HEADERS", "DATA")[-2:] == ["HEADERS 3 :status 200", "DATA 3 6 bytes END_STREAM"]
    assert exchange.end == "open"


def test_the_end_of_our_direction_ends_all(frames: Frames) -> None:
    exchange = frames(f"- {{{GET}}}\n- {{await: stream_end, stream: 1}}\n- {{end: true}}")

    assert (exchange.answer.status, exchange.end) == (200, "closed")


def test_a_list_of_headers_of_any_size(frames: Frames) -> None:
    long = f"headers: [{HEADERS}, ['x: ', {{repeat: ab, times: LENGTH}}]], split: 16384, end_stream: true"
    taken, refused = (frames(f"- {{{long.replace('LENGTH', each)}}}") for each in ("20000", "100000"))

    assert taken.answer.status == 200
    assert told(refused) == ["GOAWAY COMPRESSION_ERROR last 1"]
