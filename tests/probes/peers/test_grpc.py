"""gRPC with grpcio's server, straight and through a real Envoy."""

import time
from collections.abc import Callable

import pytest

from takeover.net.http1 import Answer
from takeover.probes.protocols.contract import Exchange
from tests.probes.peers.conftest import Exchanged

WAYS = pytest.mark.parametrize("way", ["straight", "envoy"])
Call = Callable[..., Exchange]


@pytest.fixture
def call(exchanged: Exchanged, envoy: int, grpc_server: int) -> Call:
    """The exchange of a call with those fields, straight to its server or through Envoy."""

    def called(way: str, method: str, text: str) -> Exchange:
        port = grpc_server if way == "straight" else envoy
        return exchanged(f"protocol: grpc\npath: /echo.Echo/{method}\n{text}\n", port)

    return called


def status(answer: Answer) -> tuple[str, str]:
    """The status and its message: in trailers, or in the head of an answer that has nothing else."""
    told = dict([*answer.headers, *answer.trailers])
    return told["grpc-status"], told.get("grpc-message", "")


@WAYS
def test_a_unary_call(way: str, call: Call) -> None:
    exchange = call(way, "Unary", "messages: [hello]\nmetadata: ['x-mine: 1']")
    answer = exchange.answer

    assert (answer.status, answer.messages, answer.body) == (200, [b"hello"], b"")
    assert dict(answer.trailers)["x-seen"] == "1"
    assert (status(answer)[0], answer.stream_end, exchange.end) == ("0", "closed", "open")


@WAYS
def test_messages_in_turns(way: str, call: Call) -> None:
    """Each is sent when the one before has come back."""
    steps = "[{message: a}, {await: message}, {hex: 00ff 10}, {await: message}, {message: {repeat: b, times: 40000}},"
    answer = call(way, "Each", f"steps: {steps} {{await: message}}, {{end: true}}]").answer

    assert answer.messages == [b"a", b"\0\xff\x10", b"b" * 40000]
    assert status(answer) == ("0", "")


@WAYS
def test_several_at_once_and_none(way: str, call: Call) -> None:
    assert call(way, "Each", "messages: [a, '', c]").answer.messages == [b"a", b"", b"c"]
    none = call(way, "Each", "messages: []").answer
    assert (none.messages, status(none)) == ([], ("0", ""))


@WAYS
def test_a_status_that_is_an_error(way: str, call: Call) -> None:
    answer = call(way, "Fail", "messages: [hello]").answer
    assert (answer.status, answer.messages, status(answer)) == (200, [], ("7", "not you"))
    assert status(call(way, "Nothing", "messages: [hello]").answer)[0] == "12"


@WAYS
def test_a_deadline(way: str, call: Call) -> None:
    began = time.monotonic()
    exchange = call(way, "Wait", "messages: [hello]\ntimeout: 100m\nwithin: 9")

    # The server resets what is late, an Envoy says it.
    late = exchange.answer.stream_end.startswith("reset") or status(exchange.answer)[0] == "4"
    assert late
    assert time.monotonic() - began >= 0.05  # the server counts from when it was asked, by a clock of its own


@WAYS
def test_a_call_that_we_cancel_ends_nothing_else(way: str, call: Call) -> None:
    exchange = call(way, "Each", "steps: [{message: a}, {await: message}, {cancel: CANCEL}]")
    assert (exchange.answer.messages, exchange.answer.stream_end, exchange.end) == ([b"a"], "open", "open")


def test_a_call_that_is_left_open(call: Call) -> None:
    answer = call("envoy", "Each", "within: 9\nsteps: [{message: a}, {await: headers}, {await: message}]").answer
    assert (answer.status, answer.messages, answer.has_no_end) == (200, [b"a"], True)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("steps: [{message: a, flag: 1}, {end: true}]", "13"),
        ("steps: [{message: a, length: 99}, {end: true}]", "12"),
        ("steps: [{send: abc}, {end: true}]", "12"),
    ],
)
def test_what_is_wrong_is_refused_by_the_server(fields: str, expected: str, call: Call) -> None:
    assert status(call("straight", "Unary", fields).answer)[0] == expected


def test_usual_headers_may_be_left_out(call: Call) -> None:
    answer = call("straight", "Unary", "messages: [a]\nwithout: [te, ':scheme']").answer
    assert (answer.status, answer.messages, answer.stream_end) == (None, None, "reset INTERNAL_ERROR")
