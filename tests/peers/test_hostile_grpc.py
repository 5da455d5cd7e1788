"""The hostile upstream over gRPC, asked by grpcio."""

import queue
from collections.abc import Iterator

import grpc
import pytest

from takeover.peers.hostile.grpc_answers import ANSWERS
from tests.peers.upstream import CERTIFICATES, Upstream


@pytest.fixture
def channel(upstream: Upstream) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(upstream.place(8080), [("grpc.enable_retries", 0)]) as opened:
        yield opened


def call(channel: grpc.Channel, name: str, timeout: float = 60) -> tuple[bytes | None, grpc.StatusCode, str]:
    """The message, the status and what is said of it."""
    try:
        answer, done = channel.unary_unary(f"/hostile.Any/{name}").with_call(b"asked", timeout=timeout)
    except grpc.RpcError as error:
        return None, error.code(), error.details() or ""
    return answer, done.code(), done.details() or ""


def test_a_message_comes_back_plain_and_over_tls(upstream: Upstream, channel: grpc.Channel) -> None:
    assert call(channel, "Echo") == (b"asked", grpc.StatusCode.OK, "")
    trusted = grpc.ssl_channel_credentials((CERTIFICATES / "ca.pem").read_bytes())
    options = [("grpc.ssl_target_name_override", "any.hostile.test")]
    with grpc.secure_channel(upstream.place(443), trusted, options) as encrypted:
        assert call(encrypted, "Echo") == (b"asked", grpc.StatusCode.OK, "")


def test_each_message_of_a_stream_comes_back_before_the_next_is_sent(channel: grpc.Channel) -> None:
    to_send: queue.Queue[bytes | None] = queue.Queue()
    answers = channel.stream_stream("/hostile.Any/Echo")(iter(to_send.get, None), timeout=120)
    for number in range(5):
        to_send.put(str(number).encode() * 50_000)
        assert next(answers) == str(number).encode() * 50_000
    to_send.put(None)
    assert list(answers) == []
    assert answers.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("code", list(grpc.StatusCode), ids=lambda code: code.name)
def test_every_status_with_its_words(channel: grpc.Channel, code: grpc.StatusCode) -> None:
    number = code.value[0]
    for name in (f"status-{number}", f"status-{number}-at-the-end", f"only-status-{number}"):
        message, got, said = call(channel, name)
        assert (got, said) == (code, "hostile ✓" if number else "")
        assert message == (b"hostile" if number == 0 and name != "only-status-0" else None)


def test_a_message_in_slow_pieces_is_one(channel: grpc.Channel) -> None:
    assert call(channel, "slow") == (b"hostile", grpc.StatusCode.OK, "")


def _seconds(told: str) -> float:
    """Of what gRPC writes of a timeout: a number and a unit."""
    return int(told[:-1]) * {"H": 3600, "M": 60, "S": 1, "m": 1e-3, "u": 1e-6, "n": 1e-9}[told[-1]]


def test_the_deadline_arrives_and_passes(channel: grpc.Channel) -> None:
    told, _, _ = call(channel, "Headers", timeout=90)
    assert told is not None
    [timeout] = [line for line in told.decode().splitlines() if line.startswith("grpc-timeout: ")]
    assert 0 < _seconds(timeout.partition(": ")[2]) <= 90 * 1.01  # gRPC rounds up, by less than a hundredth
    for name in ("silent", "begins-only", "message-only"):
        assert call(channel, name, timeout=0.2)[1] is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("rst-0", "INTERNAL"),
        ("rst-7", "UNAVAILABLE"),
        ("rst-8", "CANCELLED"),
        ("rst-11-after-message", "RESOURCE_EXHAUSTED"),
        ("close-after-message", "UNAVAILABLE"),
        ("reset-after-message", "UNAVAILABLE"),
        ("no-status", "UNKNOWN"),
        ("http-404", "UNIMPLEMENTED"),
        ("http-503", "UNAVAILABLE"),
        ("text", "UNKNOWN"),
        ("message-too-long", "RESOURCE_EXHAUSTED"),
        ("message-compressed", "INTERNAL"),
        ("status-99", "UNKNOWN"),
    ],
)
def test_what_grpcio_makes_of_an_answer(channel: grpc.Channel, name: str, code: str) -> None:
    message, got, said = call(channel, name)
    assert (message, got.name) == (None, code), said


def test_no_behaviour_ends_the_program(channel: grpc.Channel) -> None:
    for name in ANSWERS:
        call(channel, name, timeout=0.2)
    assert call(channel, "Echo")[0] == b"asked"
