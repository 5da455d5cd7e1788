"""What a service of gRPC answers besides its response, or instead of it."""

import contextlib
import json
from typing import Any

import grpc
import pytest
from envoy.data.accesslog.v3 import accesslog_pb2
from envoy.service.accesslog.v3 import als_pb2
from envoy.service.auth.v3 import external_auth_pb2

from takeover.peers.services import authorization, serving
from tests.peers.upstream import Upstream

ACCESS_LOGS = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"


def called(services: Upstream, behaviour: Any) -> tuple[Any, list[bytes], grpc.StatusCode]:
    """The call's initial metadata, its messages and its status."""
    request = external_auth_pb2.CheckRequest()
    request.attributes.request.http.headers["x-authz"] = json.dumps(behaviour)
    with grpc.insecure_channel(services.place(serving.PORT), [("grpc.enable_retries", 0)]) as opened:
        call = opened.unary_stream(authorization.CHECK, type(request).SerializeToString, bytes)(request, timeout=60)
        messages = []
        with contextlib.suppress(grpc.RpcError):
            messages.extend(call)
        return dict(call.initial_metadata()), messages, call.code()


def test_an_answer_has_headers_besides(services: Upstream) -> None:
    headers, messages, status = called(services, {"headers": {"x-of-the-service": "yes"}, "tell": False})
    assert (headers["x-of-the-service"], messages, status) == ("yes", [b""], grpc.StatusCode.OK)


def test_a_status_has_headers_besides(services: Upstream) -> None:
    _, messages, status = called(services, {"headers": {"x-of-the-service": "yes"}, "status": 14})
    assert (messages, status) == ([], grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize("raw", [[], [""], ["0aff", "", "ba3e03616263"]])
def test_messages_are_sent_as_they_are(services: Upstream, raw: list[str]) -> None:
    _, messages, status = called(services, {"raw": raw})
    assert ([each.hex() for each in messages], status) == (raw, grpc.StatusCode.OK)


def test_messages_may_have_another_end(services: Upstream) -> None:
    assert called(services, {"raw": [""], "ends": 7})[1:] == ([b""], grpc.StatusCode.UNAVAILABLE)


@pytest.mark.parametrize(
    ("taken", "status"), [({}, grpc.StatusCode.OK), ({"status": 8}, grpc.StatusCode.RESOURCE_EXHAUSTED)]
)
def test_the_stream_of_a_log_ends_as_it_is_told(services: Upstream, taken: Any, status: grpc.StatusCode) -> None:
    message = als_pb2.StreamAccessLogsMessage()
    message.identifier.log_name = "once"
    message.http_logs.log_entry.append(accesslog_pb2.HTTPAccessLogEntry())
    with grpc.insecure_channel(services.place(serving.PORT), [("grpc.enable_retries", 0)]) as opened:
        stream = opened.stream_stream(ACCESS_LOGS, type(message).SerializeToString, bytes)
        call = stream(iter([message]), timeout=60, metadata=[("x-taken", json.dumps(taken))])
        with contextlib.suppress(grpc.RpcError):
            _ = [*call]
        assert call.code() == status
