"""envoy.service.rate_limit_quota.v3.RateLimitQuotaService: a bucket says itself which quota it gets.

The value of a bucket's key `answer` is what is answered to its first report (`calls`): a response, in whose actions a
bucket id that is missing is the reported one. Without that key nothing is assigned. The stream then ends, since one
that stays open is a request that never ends; each report of a client is one of `quotas` in what sinks took.
"""

from envoy.service.rate_limit_quota.v3 import rlqs_pb2

from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services import sinks
from takeover.peers.services.calls import Call, behaviour, told, without

STREAM = "/envoy.service.rate_limit_quota.v3.RateLimitQuotaService/StreamRateLimitQuotas"
_KEY = "answer"
_OF_CHANCE = frozenset({"time_elapsed"})


async def assign(stream: Stream) -> None:
    """Answers the first report of one stream."""
    call = Call(stream)
    reports = await call.receive(rlqs_pb2.RateLimitQuotaUsageReports)
    if reports is None:
        return
    sinks.take("quotas", without(told(reports), _OF_CHANCE))
    for usage in reports.bucket_quota_usages:
        if _KEY not in usage.bucket_id.bucket:
            continue
        written = behaviour(call, usage.bucket_id.bucket[_KEY])
        await call.behave(written)
        answer = call.response(rlqs_pb2.RateLimitQuotaResponse, written)
        for action in answer.bucket_action:
            if not action.HasField("bucket_id"):
                action.bucket_id.CopyFrom(usage.bucket_id)
        await call.send(answer)
    call.end()
