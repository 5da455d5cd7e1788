"""envoy.service.ratelimit.v3.RateLimitService: all is within its limit, unless a descriptor says otherwise.

An entry with the key `answer` has as its value what is answered (`calls`), the first one of all descriptors. The
answer's dynamic metadata has `asked`, the request.
"""

from envoy.service.ratelimit.v3 import rls_pb2

from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services.calls import Call, behaviour, metadata_of, told

SHOULD_RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
_KEY = "answer"


async def should_rate_limit(stream: Stream) -> None:
    """Answers one call."""
    call = Call(stream)
    asked = await call.receive(rls_pb2.RateLimitRequest)
    if asked is None:
        return
    values = [entry.value for each in asked.descriptors for entry in each.entries if entry.key == _KEY]
    written = behaviour(call, values[0] if values else "{}")
    await call.behave(written)
    answer = call.response(rls_pb2.RateLimitResponse, written)
    if not answer.overall_code:
        answer.overall_code = rls_pb2.RateLimitResponse.OK
    if said := metadata_of(stream, written, told(asked)):
        answer.dynamic_metadata.update(said)
    await call.send(answer)
    await call.finish(written)
