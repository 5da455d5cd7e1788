"""What buckets of quotas are assigned, asked by grpcio."""

import json
from typing import Any

import grpc
import httpx
import pytest
from envoy.service.rate_limit_quota.v3 import rlqs_pb2
from google.protobuf import json_format

from takeover.peers.services import quota, serving
from tests.peers.upstream import Upstream


def answers(services: Upstream, *buckets: dict[str, str]) -> list[Any]:
    """What one stream is answered, to a report of these buckets."""
    reports = rlqs_pb2.RateLimitQuotaUsageReports(domain="d")
    for bucket in buckets:
        reports.bucket_quota_usages.add(num_requests_allowed=1).bucket_id.bucket.update(bucket)
    with grpc.insecure_channel(services.place(serving.PORT)) as channel:
        stream = channel.stream_stream(
            quota.STREAM,
            rlqs_pb2.RateLimitQuotaUsageReports.SerializeToString,
            rlqs_pb2.RateLimitQuotaResponse.FromString,
        )
        came = stream(iter([reports]), timeout=60)
        return [json_format.MessageToDict(each, preserving_proto_field_name=True) for each in came]


def assigned(seconds: str) -> dict[str, Any]:
    return {"quota_assignment_action": {"assignment_time_to_live": seconds}}


def test_a_bucket_is_assigned_what_it_says_and_the_stream_ends(services: Upstream) -> None:
    bucket = {"plan": "a", "answer": json.dumps({"answer": {"bucket_action": [assigned("7s")]}})}
    [answer] = answers(services, bucket, {"plan": "b"})
    assert answer == {"bucket_action": [{"bucket_id": {"bucket": bucket}, **assigned("7s")}]}


def test_a_bucket_may_name_another_one(services: Upstream) -> None:
    other = {"bucket_id": {"bucket": {"plan": "z"}}, "abandon_action": {}}
    [answer] = answers(services, {"answer": json.dumps({"answer": {"bucket_action": [other]}})})
    assert answer == {"bucket_action": [other]}


def test_a_bucket_may_end_the_stream_with_a_status(services: Upstream) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        answers(services, {"answer": json.dumps({"status": 14})})
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def test_what_was_reported_is_told(services: Upstream) -> None:
    answers(services, {"plan": "told"})
    told = httpx.get(f"http://{services.place(serving.PORT)}/told/quotas", params={"with": '"told"', "within": 60})
    assert json.loads(told.text) == {
        "domain": "d",
        "bucket_quota_usages": [{"bucket_id": {"bucket": {"plan": "told"}}, "num_requests_allowed": "1"}],
    }
