"""3.2 Gateway, TCP rate limit: two connections live, the third is closed, whoever it comes from.

The article says that the limit counts ip:port, so that one client cannot test it. Measured: it is one bucket for the
filter chain. Connections from one client, each from a port of its own, share it with those of other Pods.
"""

import contextlib

import pytest

from takeover.engines.interface import ByteStream
from takeover.scenario.edits import replace
from takeover.scene import Scene
from takeover.traffic import raw
from takeover.traffic.buckets import Bucket, until_refilled

NAME = "gateway-tcp-ratelimit"
pytestmark = [pytest.mark.gateway, pytest.mark.ratelimit]

REQUEST = b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"
BUCKET = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.token_bucket"
NO_REFILL = replace("envoy.yaml", f"{BUCKET}.fill_interval.seconds", 3600)
LIMITED = "local_rate_limit.local_rate_limiter.rate_limited"


def served(stream: ByteStream) -> bool:
    """Whether a request on this connection is answered; if not, it must have ended without a byte."""
    conversation = raw.converse(stream, REQUEST, enough=lambda received: b"myage: \n" in received)
    assert conversation.end == "open" or conversation.received == b""
    return conversation.received.startswith(b"HTTP/1.1 200 OK\r\n")


def with_size(size: int) -> pytest.MarkDecorator:
    return pytest.mark.scenario(NAME, NO_REFILL, replace("envoy.yaml", f"{BUCKET}.max_tokens", size), fresh=True)


@pytest.mark.parametrize("size", [pytest.param(size, marks=with_size(size)) for size in (2, 5)])
def test_as_many_connections_live_as_the_bucket_has_tokens(scene: Scene, size: int) -> None:
    gateway = scene.host_name("gateway")
    with contextlib.ExitStack() as opened:
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
    assert scene.envoy.stats(LIMITED) == {LIMITED: 3}


@pytest.mark.scenario(NAME, NO_REFILL, fresh=True)
def test_who_sends_nothing_takes_no_token(scene: Scene) -> None:
    with contextlib.ExitStack() as opened:
        for _ in range(5):
            opened.enter_context(contextlib.closing(scene.connect("client/client", scene.host_name("gateway"), 8080)))
        # http_inspector waits for the first bytes before the connection gets to the filter chain.
        for _ in range(2):
            stream = scene.connect("client/client", scene.host_name("gateway"), 8080)
            assert served(opened.enter_context(contextlib.closing(stream)))


@pytest.mark.scenario(NAME, fresh=True)
def test_the_bucket_refills(scene: Scene) -> None:
    gateway = scene.host_name("gateway")

    def connection() -> bool:
        with contextlib.closing(scene.connect("client/client", gateway, 8080)) as stream:
            return served(stream)

    attempts = until_refilled(connection)
    assert Bucket(max_tokens=2, tokens_per_fill=1, fill_interval=1.0).contradiction(attempts) == ""
