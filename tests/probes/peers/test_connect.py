"""CONNECT through a real Envoy that ends the tunnel at a plain server."""

import pytest

from tests.probes.peers.conftest import Exchanged

OVER = pytest.mark.parametrize("over", ["http1", "http2"])
TO = "protocol: connect\ntarget: somewhere:7\n"


@OVER
def test_bytes_go_through_the_tunnel_once_it_is_there(over: str, exchanged: Exchanged, envoy: int) -> None:
    steps = "[{send: hello}, {await: true}, {send: [', ', {repeat: ab, times: 20000}, you]}]"
    exchange = exchanged(f"{TO}over: {over}\nuntil: you\nsteps: {steps}", envoy)
    answer = exchange.answer

    assert (answer.status, answer.protocol) == (200, {"http1": "HTTP/1.1", "http2": "HTTP/2"}[over])
    assert answer.body == b"hello, " + b"ab" * 20000 + b"you"
    assert (answer.stream_end, exchange.end) == ({"http1": "", "http2": "open"}[over], "open")
    assert answer.has_no_end


@OVER
def test_our_end_goes_through_and_comes_back(over: str, exchanged: Exchanged, envoy: int) -> None:
    exchange = exchanged(f"{TO}over: {over}\nsteps: [{{send: hello}}, {{await: true}}, {{end: true}}]", envoy)

    assert exchange.answer.body == b"hello"
    assert (exchange.answer.stream_end, exchange.end) == (("", "closed") if over == "http1" else ("closed", "open"))


@OVER
def test_a_tunnel_alone(over: str, exchanged: Exchanged, envoy: int) -> None:
    answer = exchanged(f"{TO}over: {over}", envoy).answer
    assert (answer.status, answer.body, answer.has_no_end) == (200, b"", True)


@OVER
def test_what_is_refused_takes_no_bytes(over: str, exchanged: Exchanged, envoy: int) -> None:
    exchange = exchanged(
        f"{TO}over: {over}\nheaders: ['x-refuse: 1']\nsteps: [{{send: hello}}, {{await: true}}]", envoy
    )
    answer = exchange.answer

    assert (answer.status, answer.body, answer.has_no_end) == (403, b"no tunnel\n", False)
    assert [value for name, value in answer.headers if name == "content-length"] == ["10"]


def test_bytes_that_do_not_wait_for_the_answer(exchanged: Exchanged, envoy: int) -> None:
    exchange = exchanged(f"{TO}eager: true\nsteps: [{{send: hello}}, {{await: true}}]", envoy)
    assert (exchange.answer.status, exchange.answer.body) == (200, b"hello")


def test_usual_headers_may_be_others_or_none(exchanged: Exchanged, envoy: int) -> None:
    without = exchanged(f"{TO}without: [host]\nheaders: ['x-refuse: 1']", envoy)
    assert without.answer.status == 403  # the target is enough for it
    other = exchanged(f"{TO}over: http2\nheaders: [':authority: other:1', 'x-refuse: 1']", envoy)
    assert (other.answer.status, other.answer.stream_end) == (403, "closed")
