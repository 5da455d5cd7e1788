"""What a service of gRPC answers besides its response, or instead of it."""

import contextlib
import json
from typing import Any

import grpc
import pytest
from envoy.service.auth.v3 import external_auth_pb2

from takeover.peers.services import authorization, serving
from tests.peers.upstream import Upstream


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
