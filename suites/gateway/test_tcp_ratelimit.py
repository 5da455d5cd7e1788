"""3.2 Gateway, TCP rate limit: two connections live, the third is closed, whoever it comes from.

The article says that the limit counts ip:port, so that one client cannot test it. Measured: it is one bucket for the
filter chain. Connections from one client, each from a port of its own, share it with those of other Pods.

Closed means that Envoy's limit closed it (`URX` in the listener's log, the limit's counter), and that nothing arrived.
"""

import contextlib
import itertools

import pytest

from takeover.evidence.observed import ObservedTraffic
from takeover.net import raw
from takeover.net.stream import ByteStream
from takeover.scenario.edits import replace
from takeover.scene import Scene
from takeover.suite.buckets import Bucket, attempt, until_told_apart

NAME = "gateway-tcp-ratelimit"
pytestmark = [pytest.mark.gateway, pytest.mark.ratelimit]

REQUEST = b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"
FILTERS = "$.static_resources.listeners[0].filter_chains[0].filters"
BUCKET = f"{FILTERS}[?@.name=='envoy.filters.network.local_ratelimit'].typed_config.token_bucket"
NO_REFILL = replace("envoy.yaml", f"{BUCKET}.fill_interval.seconds", 3600)
TRACE = ["listener 0.0.0.0_8080", "http ingress_http", "cluster shadow_cluster", "destination gateway/nginx"]


def served(stream: ByteStream) -> bool:
    """Whether a request on this connection is answered; if not, it must have ended without a byte."""
    conversation = raw.converse(stream, REQUEST, enough=lambda received: b"myage: \n" in received)
    assert conversation.end == "open" or conversation.received == b""
    return conversation.received.startswith(b"HTTP/1.1 200 OK\r\n")


def assert_witnessed(observed: ObservedTraffic, requests: int, closed: int) -> None:
    """All these requests arrived and no more, and that many connections were closed by Envoy's limit."""
    assert observed.trace == TRACE
    assert observed.counter("local_rate_limit.local_rate_limiter.rate_limited") == closed
    assert [each.flags for each in observed.entries if each.request_id is None] == ["URX"] * closed
    passed = [each.request_id for each in observed.entries if each.flags == "-"]
    assert len(passed) == requests
    assert [each.request_id for each in observed.destination("gateway")] == passed


def with_size(size: int) -> pytest.MarkDecorator:
    return pytest.mark.scenario(NAME, NO_REFILL, replace("envoy.yaml", f"{BUCKET}.max_tokens", size), fresh=True)


@pytest.mark.parametrize("size", [pytest.param(size, marks=with_size(size)) for size in (2, 5)])
def test_as_many_connections_live_as_the_bucket_has_tokens(scene: Scene, size: int) -> None:
    gateway = scene.host_name("gateway")
    with scene.watched() as observed, contextlib.ExitStack() as opened:
        streams = [
            opened.enter_context(contextlib.closing(scene.connect("client/client", gateway, 8080))) for _ in range(size)
        ]
        # Requests cost nothing: only the connection takes a token.
        for stream in streams * 10:
            assert served(stream)

        # Neither another port of the same Pod nor another Pod has a bucket of its own.
        for pod, container in [("client/client", ""), ("client/client", ""), ("gateway", "nginx")]:
            with contextlib.closing(scene.connect(pod, gateway, 8080, container)) as stream:
                assert not served(stream)

        assert all(served(stream) for stream in streams)
    assert_witnessed(observed, requests=11 * size, closed=3)
    assert observed.counter("listener.0.0.0.0_8080.downstream_cx_total") == size + 3
    assert_nothing_is_exempt(scene)


# What a connection's first bytes may be. http_inspector tells the protocols apart before the limit is asked.
FIRST_BYTES = {
    "HTTP/1.1": REQUEST,
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "HTTP/0.9": b"GET /\r\n",
    "OPTIONS": b"OPTIONS * HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(64),
    "SSH": b"SSH-2.0-OpenSSH_9.9\r\n",
    "PROXY": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 8080\r\n" + REQUEST,
    "no text": bytes(range(256)),
}


def assert_nothing_is_exempt(scene: Scene) -> None:
    """The bucket is empty for whatever connection."""
    gateway = scene.host_name("gateway")
    clients = [("client/client", "", gateway), ("gateway", "nginx", gateway), ("gateway", "nginx", "127.0.0.1")]
    connections = list(itertools.product(FIRST_BYTES.items(), clients))
    with scene.watched() as observed:
        for (name, first), (pod, container, to) in connections:
            conversation = scene.converse(pod, to, 8080, first, container)
            assert (conversation.received, conversation.end != "open") == (b"", True), f"{name} from {pod} to {to}"
    assert observed.trace == TRACE[:2]
    assert [each.flags for each in observed.entries] == ["URX"] * len(connections)


@pytest.mark.scenario(NAME, NO_REFILL, fresh=True)
def test_who_sends_nothing_takes_no_token(scene: Scene) -> None:
    with scene.watched() as observed, contextlib.ExitStack() as opened:
        for _ in range(5):
            opened.enter_context(contextlib.closing(scene.connect("client/client", scene.host_name("gateway"), 8080)))
        # http_inspector waits for the first bytes before the connection gets to the filter chain.
        speaking = [
            opened.enter_context(contextlib.closing(scene.connect("client/client", scene.host_name("gateway"), 8080)))
            for _ in range(2)
        ]
        assert [served(stream) for stream in speaking] == [True, True]
    assert_witnessed(observed, requests=2, closed=0)


@pytest.mark.scenario(NAME, fresh=True)
def test_the_bucket_empties_and_refills(scene: Scene) -> None:
    gateway = scene.host_name("gateway")

    def connection() -> bool:
        with contextlib.closing(scene.connect("client/client", gateway, 8080)) as stream:
            return served(stream)

    bucket = Bucket(max_tokens=2, tokens_per_fill=1, fill_interval=1.0)
    with scene.watched() as observed:
        attempts = [attempt(connection) for _ in range(5)]
        assert [each.passed for each in attempts[:2]] == [True, True], "a full bucket"
        assert bucket.contradiction(attempts) == ""
        attempts = until_told_apart(bucket, attempts, connection)
    scene.measurements.append(bucket.measurement(attempts))
    assert bucket.contradiction(attempts) == ""
    passed = [each.passed for each in attempts]
    assert_witnessed(observed, requests=passed.count(True), closed=passed.count(False))
