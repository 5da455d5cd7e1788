"""envoy.service.ratelimit.v3.RateLimitService: all is within its limit, unless a descriptor says otherwise.

An entry with the key `answer` has as its value what is answered (`calls`), the first one of all descriptors; without
one, the first value of any key that is such an object of JSON, as it is or as in a query. The answer's dynamic metadata
has `asked`, the request.
"""

import json
from collections.abc import Iterator
from urllib.parse import unquote

from envoy.service.ratelimit.v3 import rls_pb2

from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services.calls import BEHAVIOURS, Call, behaviour, metadata_of, told

SHOULD_RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
_KEY = "answer"


async def should_rate_limit(stream: Stream) -> None:
    """Answers one call."""
    call = Call(stream)
    asked = await call.receive(rls_pb2.RateLimitRequest)
    if asked is None:
        return
    written = behaviour(call, _said(asked))
    await call.behave(written)
    answer = call.response(rls_pb2.RateLimitResponse, written)
    if not answer.overall_code:
        answer.overall_code = rls_pb2.RateLimitResponse.OK
    if said := metadata_of(stream, written, told(asked)):
        answer.dynamic_metadata.update(said)
    await call.send(answer)
    await call.finish(written)


def _said(asked: rls_pb2.RateLimitRequest) -> str:
    """What a descriptor's entry says of the answer; an empty object where none does."""
    entries = [entry for each in asked.descriptors for entry in each.entries]
    named = [each.value for each in entries if each.key == _KEY]
    texts: Iterator[str] = (text for each in entries for text in (each.value, unquote(each.value)))
    return str(named[0]) if named else next((each for each in texts if _is_behaviour(each)), "{}")


def _is_behaviour(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and not BEHAVIOURS.isdisjoint(found)
