"""What a service of gRPC answers besides its response, or instead of it."""

import contextlib
import json
from typing import Any

import grpc
import httpx
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


@pytest.mark.parametrize(
    "wrong",
    [
        {"delay": "1"}, {"delay": -1}, {"delay": True}, {"status": "x"}, {"message": 5}, {"reset": 1 << 32},
        {"like": "nothing-like-that"}, {"headers": ["a: b"]}, {"headers": {"a": 1}}, {"raw": "00"}, {"raw": ["zz"]},
        {"answer": {}, "ends": "never"}, 5,
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_done_ends_the_call_and_says_why(services: Upstream, wrong: Any) -> None:
    request = external_auth_pb2.CheckRequest()
    request.attributes.request.http.headers["x-authz"] = json.dumps(wrong)
    with grpc.insecure_channel(services.place(serving.PORT), [("grpc.enable_retries", 0)]) as opened:
        with pytest.raises(grpc.RpcError) as caught:
            opened.unary_unary(authorization.CHECK, type(request).SerializeToString, bytes)(request, timeout=60)
        error: Any = caught.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith("no behaviour: ")
    assert ([*wrong][-1] if isinstance(wrong, dict) else str(wrong)) in error.details()


@pytest.mark.parametrize(
    "wrong", ["no json", "5", '{"status": "x"}', '{"headers": "a: b"}', '{"body": 5}', '{"delay": "x"}']
)
@pytest.mark.parametrize("path", ["/any", "/v1/traces"])
def test_what_cannot_be_answered_over_http_is_refused(services: Upstream, wrong: str, path: str) -> None:
    answer = httpx.post(
        f"http://{services.place(serving.PORT)}{path}", headers={"x-answer": wrong}, trust_env=False, timeout=60
    )
    assert answer.status_code == 400
    assert answer.text.startswith("x-answer")


def test_spans_that_are_none_are_refused(services: Upstream) -> None:
    url = f"http://{services.place(serving.PORT)}/api/v2/spans"
    assert httpx.post(url, content=b"\x0a\x02\xab", trust_env=False, timeout=60).status_code == 400


def test_messages_may_have_another_end(services: Upstream) -> None:
    assert called(services, {"raw": [""], "ends": 7})[1:] == ([b""], grpc.StatusCode.UNAVAILABLE)
