"""envoy.service.redis_auth.v3.RedisProxyExternalAuth: who has the password `secret` may come in, unless it says more.

A password that is an object of JSON says what is answered (`calls`), and besides, `expires`: in how many seconds what
was granted ends. What was asked is kept by the sink `redis-auth`.
"""

import time

from envoy.service.redis_auth.v3 import redis_external_auth_pb2 as redis_auth

from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services import sinks
from takeover.peers.services.calls import Call, behaviour, told

AUTHENTICATE = "/envoy.service.redis_auth.v3.RedisProxyExternalAuth/Authenticate"
SINK = "redis-auth"
_RIGHT = "secret"
_UNAUTHENTICATED = 16
_EXPIRES = "expires"


async def authenticate(stream: Stream) -> None:
    """Answers one call."""
    call = Call(stream)
    asked = await call.receive(redis_auth.RedisProxyExternalAuthRequest)
    if asked is None:
        return
    sinks.take(SINK, told(asked))
    has_wish = asked.password.startswith("{")
    written = behaviour(call, asked.password if has_wish else "{}")
    await call.behave(written)
    answer = call.response(redis_auth.RedisProxyExternalAuthResponse, written)
    if not has_wish and asked.password != _RIGHT:
        answer.status.code = _UNAUTHENTICATED
        answer.message = f"nobody is {asked.username or 'there'}"
    if _EXPIRES in written:
        answer.expiration.FromNanoseconds(time.time_ns() + round(written[_EXPIRES] * 1e9))
    await call.send(answer)
    await call.finish(written)
