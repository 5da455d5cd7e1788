"""Services over TLS and HTTP/2, and what they do when somebody comes again."""

import json
import ssl
from typing import Any

import grpc
import httpx
import pytest
from envoy.service.auth.v3 import external_auth_pb2
from envoy.service.redis_auth.v3 import redis_external_auth_pb2 as redis_auth_pb2
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from takeover.peers.services import authorization, redis, redis_auth, serving
from tests.peers.upstream import CERTIFICATES, Upstream

TLS, DEMANDING = serving.TLS_PORTS
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def trusting(client: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    context.check_hostname = False
    if client:
        context.load_cert_chain(CERTIFICATES / "client.pem")
    return context


def channel(services: Upstream, name: str) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials((CERTIFICATES / "ca.pem").read_bytes())
    options = [("grpc.ssl_target_name_override", f"{name}.hostile.test"), ("grpc.enable_retries", 0)]
    return grpc.secure_channel(services.place(TLS), credentials, options)


def asked(opened: grpc.Channel, path: str, request: Any, response: Any, *metadata: tuple[str, str]) -> Any:
    call = opened.unary_unary(path, type(request).SerializeToString, response.FromString)
    return json_format.MessageToDict(call(request, timeout=60, metadata=metadata), preserving_proto_field_name=True)


def check(opened: grpc.Channel, behaviour: Any) -> Any:
    request = external_auth_pb2.CheckRequest()
    request.attributes.request.http.headers["x-authz"] = json.dumps(behaviour)
    return asked(opened, authorization.CHECK, request, external_auth_pb2.CheckResponse)


def failed(opened: grpc.Channel, behaviour: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as error:
        check(opened, behaviour)
    return error.value.code()


def test_a_call_over_tls_is_answered_by_who_has_the_name(services: Upstream) -> None:
    with channel(services, "right") as opened:
        assert check(opened, {"tell": False}) == {}
    with channel(services, "untrusted") as opened:
        assert failed(opened, {}) == grpc.StatusCode.UNAVAILABLE


def test_who_demands_a_certificate_answers_who_has_one(services: Upstream) -> None:
    url = f"https://{services.place(DEMANDING)}/files/jwks.json"
    assert httpx.get(url, verify=trusting(client=True), trust_env=False).json()["keys"]
    with pytest.raises(httpx.TransportError):
        httpx.get(url, verify=trusting(), trust_env=False)


def test_who_comes_again_is_answered_otherwise_until_control_ends_all(services: Upstream) -> None:
    wish = {"status": 14, "then": {"like": "rst-7", "then": {"tell": False}}}
    for _ in range(2):
        with channel(services, "right") as opened:
            assert [failed(opened, wish) for _ in range(2)] == [grpc.StatusCode.UNAVAILABLE] * 2
            assert check(opened, wish) == check(opened, wish) == {}
        assert services.control(b"end\n") == b"ended\n"
    answer = {"x-answer": json.dumps({"status": 503, "then": {"status": 204}})}
    url = f"http://{services.place(serving.PORT)}/a"
    assert [httpx.get(url, headers=answer, trust_env=False).status_code for _ in range(2)] == [503, 204]


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        (7, grpc.StatusCode.UNAVAILABLE),
        (8, grpc.StatusCode.CANCELLED),
        ("close", grpc.StatusCode.UNAVAILABLE),
        ("reset", grpc.StatusCode.UNAVAILABLE),
    ],
)
def test_a_call_may_end_otherwise_after_its_answer(services: Upstream, ends: Any, code: grpc.StatusCode) -> None:
    with channel(services, "right") as opened:
        assert failed(opened, {"ends": ends}) == code


def test_a_call_may_never_end_after_its_answer(services: Upstream) -> None:
    with channel(services, "right") as opened:
        request = external_auth_pb2.CheckRequest()
        request.attributes.request.http.headers["x-authz"] = '{"ends": "hang"}'
        call = opened.unary_stream(authorization.CHECK, type(request).SerializeToString, lambda each: each)(request)
        assert next(call)
        assert call.is_active()
        call.cancel()


def test_files_and_collectors_answer_over_http2(services: Upstream) -> None:
    with httpx.Client(http1=False, http2=True, verify=trusting(), trust_env=False) as client:
        base = f"https://{services.place(TLS)}"
        assert client.get(f"{base}/files/jwks.json").json()["keys"]
        assert client.get(f"{base}/files/none").status_code == 404
        answer = {"x-answer": json.dumps({"status": 503, "body": "no", "headers": ["x-a: 1"]})}
        refused = client.post(f"{base}/api/v2/spans", json=[{"name": "a"}], headers=answer)
        assert (refused.status_code, refused.text, refused.headers["x-a"]) == (503, "no", "1")
        assert client.get(f"{base}/told/zipkin?within=60").json() == {"name": "a"}
        request = trace_service_pb2.ExportTraceServiceRequest().SerializeToString()
        assert client.post(f"{base}/v1/traces", content=request).status_code == 200
        assert client.get(f"{base}/deny-by-503").text.startswith(":method: GET")  # as at the hostile upstream


def test_a_collector_takes_what_it_then_refuses(services: Upstream) -> None:
    with channel(services, "right") as opened:
        request = trace_service_pb2.ExportTraceServiceRequest()
        with pytest.raises(grpc.RpcError) as error:
            asked(opened, EXPORT, request, trace_service_pb2.ExportTraceServiceResponse, ("x-taken", '{"status": 8}'))
        assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    url = f"http://{services.place(serving.PORT)}/told/otlp-traces?within=60"
    assert httpx.get(url, trust_env=False).text


def test_who_asks_by_which_headers_is_told_on_request(services: Upstream) -> None:
    with channel(services, "right") as opened:
        told = check(opened, {"tell": "call"})["dynamic_metadata"]["call"]
        assert "te: trailers" in told
        assert not [each for each in told if each.startswith(("user-agent", "grpc-timeout"))]
        request = trace_service_pb2.ExportTraceServiceRequest()
        asked(opened, EXPORT, request, trace_service_pb2.ExportTraceServiceResponse, ("x-tell", "call"), ("x-a", "b"))
    url = f"http://{services.place(serving.PORT)}"
    httpx.post(f"{url}/v1/traces", headers={"x-tell": "call", "x-c": "d"}, trust_env=False)
    lines = httpx.get(f"{url}/told/call?count=2&within=60", trust_env=False).text.splitlines()
    assert ["x-a: b" in lines[0], "x-c: d" in lines[1]] == [True, True]


def authenticated(services: Upstream, user: str, password: str) -> Any:
    request = redis_auth_pb2.RedisProxyExternalAuthRequest(username=user, password=password)
    with channel(services, "right") as opened:
        return asked(opened, redis_auth.AUTHENTICATE, request, redis_auth_pb2.RedisProxyExternalAuthResponse)


def test_a_password_says_who_may_come_in(services: Upstream) -> None:
    assert authenticated(services, "a", "secret") == {}
    denied = authenticated(services, "a", "other")
    assert (denied["status"], denied["message"]) == ({"code": 16}, "nobody is a")
    assert "expiration" in authenticated(services, "", '{"expires": 1.5}')
    assert authenticated(services, "", '{"answer": {"message": "m"}}') == {"message": "m"}
    url = f"http://{services.place(serving.PORT)}/told/redis-auth?count=4&within=60"
    assert json.loads(httpx.get(url, trust_env=False).text.splitlines()[0]) == {"username": "a", "password": "secret"}


def test_a_redis_over_tls_tells_by_which_credentials_a_connection_began(services: Upstream) -> None:
    with services.connect(redis.ENCRYPTED) as plain, trusting().wrap_socket(plain) as opened:
        opened.sendall(b"*3\r\n$4\r\nAUTH\r\n$1\r\na\r\n$5\r\nwrong\r\n")
        assert opened.recv(100).startswith(b"-WRONGPASS")
        opened.sendall(b"*2\r\n$4\r\nAUTH\r\n$1\r\nb\r\n*2\r\n$3\r\nGET\r\n$11\r\ncredentials\r\n")
        came = b""
        while came.count(b"\r\n") < 3:
            came += opened.recv(100)
        assert came == b"+OK\r\n$20\r\nAUTH a wrong, AUTH b\r\n"
