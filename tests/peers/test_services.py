"""What Envoy's filters, loggers and tracers ask, asked by grpcio and httpx."""

import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import grpc
import httpx
import pytest
from envoy.service.accesslog.v3 import als_pb2
from envoy.service.auth.v3 import external_auth_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2
from envoy.service.ratelimit.v3 import rls_pb2
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from takeover.evidence.quiescence import waited_for
from takeover.peers.services import authorization, dns, health, processing, rate_limit, serving, wire
from tests.peers.asking import ask_head_and_get
from tests.peers.upstream import Upstream, program, run


@pytest.fixture
def channel(services: Upstream) -> Iterator[grpc.Channel]:
    options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(services.place(serving.PORT), options) as opened:
        yield opened


def told(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def unary(channel: grpc.Channel, path: str, request: Any, response: Any, timeout: float = 60) -> Any:
    call = channel.unary_unary(path, type(request).SerializeToString, response.FromString)
    return told(call(request, timeout=timeout))


def check(channel: grpc.Channel, behaviour: Any, timeout: float = 60) -> Any:
    asked = external_auth_pb2.CheckRequest()
    asked.attributes.request.http.headers.update({"x-authz": json.dumps(behaviour), "x-user": "me"})
    asked.attributes.request.time.seconds = 1
    return unary(channel, authorization.CHECK, asked, external_auth_pb2.CheckResponse, timeout)


def limit(channel: grpc.Channel, behaviour: Any, timeout: float = 60) -> Any:
    asked = rls_pb2.RateLimitRequest(domain="d")
    asked.descriptors.add().entries.add(key="user", value="me")
    asked.descriptors.add().entries.add(key="answer", value=json.dumps(behaviour))
    return unary(channel, rate_limit.SHOULD_RATE_LIMIT, asked, rls_pb2.RateLimitResponse, timeout)


def test_who_is_not_told_otherwise_allows_and_says_what_was_asked(channel: grpc.Channel) -> None:
    assert check(channel, {}) == {
        "dynamic_metadata": {"asked": {"attributes": {"request": {"http": {"headers": {"x-user": "me"}}}}}}
    }
    entries = [{"entries": [{"key": "user", "value": "me"}]}, {"entries": [{"key": "answer", "value": "{}"}]}]
    assert limit(channel, {}) == {
        "overall_code": "OK", "dynamic_metadata": {"asked": {"domain": "d", "descriptors": entries}}
    }  # fmt: skip


def test_an_answer_is_what_was_wished(channel: grpc.Channel) -> None:
    denied = {"status": {"code": 7}, "denied_response": {"status": {"code": "Unauthorized"}, "body": "no"}}
    assert check(channel, {"answer": denied, "tell": False}) == denied
    over = {"overall_code": "OVER_LIMIT", "response_headers_to_add": [{"key": "a", "value": "b"}]}
    assert limit(channel, {"answer": over, "tell": False}) == over


def test_headers_as_they_came_say_what_is_answered_too(channel: grpc.Channel) -> None:
    """As Envoy sends them with encode_raw_headers."""
    denied = {"status": {"code": 7}}
    asked = external_auth_pb2.CheckRequest()
    for key, value in (("x-authz", json.dumps({"answer": denied})), ("x-request-id", "chance"), ("x-user", "me")):
        asked.attributes.request.http.header_map.headers.add(key=key, raw_value=value.encode())
    found = unary(channel, authorization.CHECK, asked, external_auth_pb2.CheckResponse)
    assert found["status"] == denied["status"]
    http = found["dynamic_metadata"]["asked"]["attributes"]["request"]["http"]
    assert [each["key"] for each in http["header_map"]["headers"]] == ["x-user"]


@pytest.mark.parametrize("written", [str, quote], ids=["as it is", "as in a query"])
def test_a_limit_is_what_the_value_of_any_key_says_if_it_says_one(
    channel: grpc.Channel, written: Callable[[str], str]
) -> None:
    asked = rls_pb2.RateLimitRequest(domain="d")
    asked.descriptors.add().entries.add(key="json", value='{"user": "me"}')
    asked.descriptors.add().entries.add(key="list", value="{no json")
    over = {"overall_code": "OVER_LIMIT"}
    asked.descriptors.add().entries.add(key="user", value=written(json.dumps({"answer": over, "tell": False})))
    assert unary(channel, rate_limit.SHOULD_RATE_LIMIT, asked, rls_pb2.RateLimitResponse) == over


@pytest.mark.parametrize("ask", [check, limit])
def test_a_call_may_end_without_an_answer(channel: grpc.Channel, ask: Callable[..., Any]) -> None:
    def status(behaviour: Any, is_late: bool = False) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as caught:
            ask(channel, behaviour, 0.2 if is_late else 60)
        error: Any = caught.value
        return error.code(), error.details()

    assert status({"status": 14, "message": "away"}) == (grpc.StatusCode.UNAVAILABLE, "away")
    assert status({"hang": True}, is_late=True)[0] is grpc.StatusCode.DEADLINE_EXCEEDED
    assert status({"reset": 7})[0] is grpc.StatusCode.UNAVAILABLE
    assert status({"answer": {"nothing_like_that": 1}})[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert status([])[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert (
        status({"delay": 1}, is_late=True)[0] is grpc.StatusCode.DEADLINE_EXCEEDED
    )  # the last: its connection waits, too


def process(channel: grpc.Channel, *asked: Any) -> list[Any]:
    kind = external_processor_pb2.ProcessingRequest
    call = channel.stream_stream(
        processing.PROCESS, kind.SerializeToString, external_processor_pb2.ProcessingResponse.FromString
    )
    requests = [json_format.ParseDict(each, kind()) for each in asked]
    return [told(each) for each in call(iter(requests), timeout=60)]


def test_each_message_of_a_processed_request_has_its_answer(channel: grpc.Channel) -> None:
    wished = {
        "request_headers": {"answer": {"mode_override": {"request_body_mode": "BUFFERED"}}},
        "request_body": {"answer": {"request_body": {"response": {"body_mutation": {"body": "TmV3"}}}}},
    }
    headers = [{"key": ":path", "rawValue": "Lw=="}, {"key": "x-processing", "value": json.dumps(wished)}]
    answers = process(
        channel, {"request_headers": {"headers": {"headers": headers}}}, {"request_body": {"body": "T2xk"}}
    )
    came = {"0 request_headers": {"request_headers": {"headers": [":path: /"]}}}
    assert answers[0] == {
        "request_headers": {},
        "mode_override": {"request_body_mode": "BUFFERED"},
        "dynamic_metadata": {"ext_proc": came},
    }
    assert answers[1]["request_body"] == {"response": {"body_mutation": {"body": "TmV3"}}}
    assert answers[1]["dynamic_metadata"]["ext_proc"] == came | {"1 request_body": {"request_body": {"body": "Old"}}}
    assert len(answers) == 2


@pytest.mark.parametrize("echo", ["each", "last"])
@pytest.mark.parametrize("has_trailers", [False, True])
def test_a_processor_has_a_body_come_back_as_it_came_or_at_its_end(
    channel: grpc.Channel, echo: str, has_trailers: bool
) -> None:
    wished = json.dumps({"request_body": {"echo": echo}})
    asked: list[Any] = [{"request_headers": {"headers": {"headers": [{"key": "x-processing", "value": wished}]}}}]
    asked += [{"request_body": {"body": "YWJj"}}, {"request_body": {"body": "ZGVm", "end_of_stream": not has_trailers}}]
    asked += [{"request_trailers": {}}] if has_trailers else []
    head, *answers = process(channel, *asked)
    assert "request_headers" in head
    if has_trailers:
        assert "request_trailers" in answers.pop()
    pieces = [each["request_body"]["response"]["body_mutation"]["streamed_response"] for each in answers]
    last = {} if has_trailers else {"end_of_stream": True}
    whole = [{"body": "YWJj"}, {"body": "ZGVm", **last}] if echo == "each" else [{"body": "YWJjZGVm", **last}]
    assert pieces == whole


def test_a_body_that_is_streamed_both_ways_comes_back_unless_told_otherwise(channel: grpc.Channel) -> None:
    def bodies(wished: Any) -> list[Any]:
        pair = {"key": "x-processing", "value": json.dumps({"request_body": wished})}
        modes = {"request_body_mode": "FULL_DUPLEX_STREAMED", "response_body_mode": "BUFFERED"}
        first = {"request_headers": {"headers": {"headers": [pair]}}, "protocol_config": modes}
        pieces = [{"request_body": {"body": "YWJj"}}, {"request_body": {"body": "ZGVm", "end_of_stream": True}}]
        return process(channel, first, *pieces, {"response_body": {"body": "YWJj"}})[1:]

    pieces = [{"body": "YWJj"}, {"body": "ZGVm", "end_of_stream": True}]
    streamed = [{"request_body": {"response": {"body_mutation": {"streamed_response": each}}}} for each in pieces]
    for wished in ({}, {"tell": False}):
        *came, last = bodies(wished)
        assert came == streamed
        assert last["response_body"] == {}
    assert len(bodies({"none": True})) == 1
    assert all(each["request_body"] == {} for each in bodies({"answer": {}})[:2])


def test_a_processor_may_say_nothing_or_end(channel: grpc.Channel) -> None:
    def headers(wished: Any) -> Any:
        pair = {"key": "x-processing", "value": json.dumps({"request_headers": wished})}
        return {"request_headers": {"headers": {"headers": [pair]}}}

    assert process(channel, headers({"none": True})) == []
    assert len(process(channel, headers({"more": [{}, {}]}))) == 3
    assert len(process(channel, headers({"end": True}), {"request_body": {"body": ""}})) == 1


def test_health_is_what_its_name_says(channel: grpc.Channel) -> None:
    call = channel.unary_unary(health.CHECK)
    assert call(b"", timeout=60) == b"\x08\x01"
    assert call(b"\x0a\x0bNOT_SERVING", timeout=60) == b"\x08\x02"
    with pytest.raises(grpc.RpcError):
        call(b"\x0a\x01a", timeout=60)


def test_any_other_method_is_the_hostile_upstreams(channel: grpc.Channel, services: Upstream) -> None:
    assert channel.unary_unary("/hostile.Any/Echo")(b"asked", timeout=60) == b"asked"
    assert b"200 OK" in get_raw(services, 80)


def get_raw(services: Upstream, port: int) -> bytes:
    with services.connect(port) as opened:
        opened.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        return opened.recv(1000)


def test_what_sinks_took_is_given_once_without_what_is_not_wanted(channel: grpc.Channel, services: Upstream) -> None:
    logs = als_pb2.StreamAccessLogsMessage()
    logs.identifier.log_name = "log"
    for path in ("/a", "/b"):
        logs.http_logs.log_entry.add().request.path = path
    call = channel.stream_unary(
        "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs", type(logs).SerializeToString
    )
    call(iter([logs]), timeout=60)

    def given(sink: str, **query: str) -> list[Any]:
        url = f"http://{services.place(serving.PORT)}/told/{sink}"
        return [
            json.loads(line) for line in httpx.get(url, params=query, trust_env=False, timeout=60).text.splitlines()
        ]

    assert given("access-logs", **{"with": "/b"}) == [
        {"identifier": {"log_name": "log"}, "http_logs": {"request": {"path": "/b"}}}
    ]
    assert given("access-logs", without="path,identifier") == [{"http_logs": {"request": {}}}]
    assert given("access-logs", within="0") == []
    once = als_pb2.StreamAccessLogsMessage()
    once.CopyFrom(logs)
    once.identifier.log_name = "once"
    more = threading.Event()
    call(itertools.chain([once], iter(more.wait, True)), timeout=60)  # ended by the service: we have more to say
    more.set()
    assert len(given("access-logs", count="2")) == 2
    spans = trace_service_pb2.ExportTraceServiceRequest()
    span = spans.resource_spans.add().instrumentation_library_spans.add().spans.add(name="span")
    for _ in range(2):
        channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export", type(spans).SerializeToString
        )(spans, timeout=60)
    post = httpx.post(
        f"http://{services.place(serving.PORT)}/v1/traces", content=spans.SerializeToString(), trust_env=False
    )
    assert (post.status_code, given("otlp-traces", count="3")) == (200, [told(spans)] * 3)
    span.trace_id, span.parent_span_id = b"\x0a" * 16, b"\xff" * 8
    for key in ("b", "a"):
        span.attributes.add(key=key)
    channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export", type(spans).SerializeToString)(
        spans, timeout=60
    )
    [taken] = given("otlp-traces")
    assert taken["resource_spans"][0]["instrumentation_library_spans"][0]["spans"] == [
        {"name": "span", "trace_id": "0a" * 16, "parent_span_id": "ff" * 8, "attributes": [{"key": "a"}, {"key": "b"}]}
    ]
    collector = f"http://{services.place(serving.PORT)}/api/v2/spans"
    ids = [f"{int(time.time()):08x}00000000", "0000000000000001"]
    httpx.post(collector, json=[{"traceId": each} for each in ids], trust_env=False, timeout=60)
    assert given("zipkin", count="2", sorted="yes") == [
        {"traceId": ids[1], "traceIdHasTheTime": False},
        {"traceId": ids[0], "traceIdHasTheTime": True},
    ]
    httpx.post(collector, json=[{"id": "1"}], trust_env=False, timeout=60)
    assert services.control(b"end\n") == b"ended\n"
    assert given("zipkin", within="0") == []
    assert ["told", "zipkin", {"id": "1"}] in services.log()


def test_over_http_files_and_what_was_wished(services: Upstream) -> None:
    url = f"http://{services.place(serving.PORT)}"
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        assert len(client.get("/files/jwks.json").json()["keys"]) == 4
        assert client.get("/files/nothing").status_code == 404
        wished = {"status": 401, "headers": ["x-a: 1"], "body": "no"}
        answer = client.post("/any?a=b", headers={"x-answer": json.dumps(wished)}, content=b"body")
    assert (answer.status_code, answer.headers["x-a"], answer.text) == (401, "1", "no")
    asked = json.loads(answer.headers["x-asked"])
    assert (asked["method"], asked["target"], asked["body"]) == ("POST", "/any?a=b", "body")
    assert "x-answer" not in asked["headers"]


def test_who_asks_by_head_gets_no_body(services: Upstream) -> None:
    wished = json.dumps({"body": "hello"})
    head, get = ask_head_and_get(services.at(serving.PORT), {"x-answer": wished})
    assert (head.status, head.value("content-length")) == (200, "5")
    assert (get.status, get.body) == (200, b"hello")
    command = (program("nghttp"), "-v", "--no-dep", "-H", ":method: HEAD", "-H", f"x-answer: {wished}")
    told = run(*command, f"http://{services.place(serving.PORT)}/any").stdout
    assert "content-length: 5" in told
    assert "RST_STREAM" not in told


@pytest.mark.parametrize("body", ["", "so much"])
def test_over_http_an_answer_ends_with_the_trailers_that_were_wished(services: Upstream, body: str) -> None:
    wished = json.dumps({"headers": ["x-a: 1"], "body": body, "trailers": ["x-load: 2", "x-load: 3"]})
    with services.connect(serving.PORT) as client:
        client.sendall(f"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-answer: {wished}\r\n\r\n".encode())
        client.shutdown(socket.SHUT_WR)
        came = b"".join(iter(lambda: client.recv(1 << 16), b""))
    head, _, rest = came.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    chunk = f"{len(body):x}\r\n{body}\r\n" if body else ""
    assert rest == f"{chunk}0\r\nx-load: 2\r\nx-load: 3\r\n\r\n".encode()


@pytest.mark.parametrize(("method", "body"), [("POST", ""), ("POST", "so much"), ("HEAD", "so much")])
def test_over_http2_trailers_end_it_without_chunks(services: Upstream, method: str, body: str) -> None:
    wished = json.dumps({"headers": ["x-a: 1"], "body": body, "trailers": ["x-load: 2", "x-load: 3"]})
    command = (program("nghttp"), "-v", "--no-dep", "-H", f":method: {method}", "-H", f"x-answer: {wished}")
    told = run(*command, f"http://{services.place(serving.PORT)}/any").stdout
    assert ") x-a: 1\n" in told
    assert "transfer-encoding" not in told
    assert "RST_STREAM" not in told
    sent = body if method == "POST" else ""
    assert (f"recv DATA frame <length={len(sent)}," in told) == bool(sent)
    trailers = [") x-load: 2\n", ") x-load: 3\n"] if method == "POST" else []
    assert [each for each in (") x-load: 2\n", ") x-load: 3\n") if each in told] == trailers


def query(name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


@pytest.mark.parametrize(
    ("name", "kind", "code", "records"),
    [
        ("a-127-0-0-1.a-127-0-0-2.test", 1, 0, [b"\x7f\0\0\1", b"\x7f\0\0\2"]),
        ("aaaa-0-0-0-0-0-0-0-1.a-127-0-0-1.test", 28, 0, [b"\0" * 15 + b"\1"]),
        ("a-127-0-0-1.test", 28, 0, []),
        ("srv-80-1-2-a-127-0-0-1.test", 33, 0, [b"\0\1\0\2\0\x50\x0ba-127-0-0-1\4test\0"]),
        ("nxdomain.a-127-0-0-1.test", 1, 3, []),
        ("servfail.test", 1, 2, []),
        ("a-servfail.aaaa-0-0-0-0-0-0-0-1.test", 1, 2, []),
        ("a-servfail.aaaa-0-0-0-0-0-0-0-1.test", 28, 0, [b"\0" * 15 + b"\1"]),
        ("aaaa-nxdomain.test", 28, 3, []),
        ("aaaa-nxdomain.test", 1, 0, []),
        ("a-b-c-d-e.a-1-2-3-400.a-team.ttl-x.ttl-.ttl-99999999999.test", 1, 0, []),
        ("aaaa-0-0-0-0-0-0-0-fffff.aaaa-team-0-0-0-0-0-0-0.test", 28, 0, []),
        ("srv-records.srv-a-b-c-d.srv-70000-0-0-a.srv.test", 33, 0, []),
    ],
)
def test_a_name_says_what_is_answered(name: str, kind: int, code: int, records: list[bytes]) -> None:
    answer = dns.Answers().answer(query(name, kind)) or b""
    number, flags, questions, count, _, _ = struct.unpack_from("!HHHHHH", answer)
    assert (number, flags & 15, flags >> 15, questions, count) == (7, code, 1, 1, len(records))
    rest = answer[len(query(name, kind)) :]
    for each in records:
        assert rest[:12] == struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(each))
        assert rest[12 : 12 + len(each)] == each
        rest = rest[12 + len(each) :]
    assert rest == b""


def test_a_label_that_begins_like_a_delay_is_none() -> None:
    assert dns.delay(query("slow-x.slow-.a-127-0-0-1.test", 1)) == 0
    assert dns.delay(query("slow-food.slow-50.test", 1)) == 0.05


def test_records_take_turns_and_names_are_silent() -> None:
    answers = dns.Answers()
    asked = query("turns.a-127-0-0-1.a-127-0-0-2.ttl-1.test", 1)
    came = [answers.answer(asked) or b"" for _ in range(3)]
    assert [each[-4:] for each in came] == [b"\x7f\0\0\1", b"\x7f\0\0\2", b"\x7f\0\0\1"]
    assert came[0][-10:-6] == b"\0\0\0\1"
    assert answers.answer(query("silent.test", 1)) is None
    assert answers.answer(b"garbage") is answers.answer(came[0]) is None
    assert dns.delay(query("slow-50.test", 1)) == 0.05


def test_a_name_is_answered_otherwise_once_a_type_is_asked_again() -> None:
    answers = dns.Answers()
    name = "ttl-1.a-127-0-0-1.aaaa-0-0-0-0-0-0-0-1.then.ttl-7.a-127-0-0-2.aaaa-servfail.then.nxdomain.test"

    def asked(kind: int) -> tuple[int, bytes]:
        answer = answers.answer(query(name, kind)) or b""
        return answer[3] & 15, answer[-10:] if answer[7] else b""

    a, aaaa = 1, 28
    assert asked(a) == (0, b"\0\0\0\1\0\x04\x7f\0\0\1")
    assert asked(aaaa)[0] == 0
    assert asked(aaaa) == (2, b"")
    assert asked(a) == (0, b"\0\0\0\7\0\x04\x7f\0\0\2")
    assert [asked(a)[0], asked(aaaa)[0], asked(a)[0]] == [3, 3, 3]


def test_an_answer_waits_for_the_one_before_it() -> None:
    order, sent = dns.Order(), list[str]()
    name = "aaaa-last.a-127-0-0-1.aaaa-0-0-0-0-0-0-0-1.test"
    waiting = threading.Thread(target=order.send, args=(query(name, 28), lambda: sent.append("aaaa")))
    waiting.start()
    order.send(query("other.test", 28), lambda: sent.append("other"))
    order.send(query(name, 1), lambda: sent.append("a"))
    waiting.join(60)
    assert sent == ["other", "a", "aaaa"]


def test_an_answer_does_not_wait_for_one_that_nobody_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.Order, "LONGEST", 0.01)
    sent = list[str]()
    dns.Order().send(query("aaaa-last.test", 28), lambda: sent.append("aaaa"))
    assert sent == ["aaaa"]


def test_what_was_asked_is_counted_by_name_and_type() -> None:
    asked = dns.Asked()
    for name, kind, port in (("b.test", 1, 5), ("a.test", 1, 5), ("a.test", 28, 6), ("a.test", 1, 6), ("other", 99, 7)):
        asked.take(query(name, kind), port)
    asked.take(b"garbage", 8)
    assert asked.told(".test") == [
        {"name": "a.test", "asked": {"a": 2, "aaaa": 1}},
        {"name": "b.test", "asked": {"a": 1}},
    ]
    assert asked.told("other") == [{"name": "other", "asked": {"99": 1}}]
    assert asked.told("nobody") == []
    assert [asked.ports(each) for each in (".test", "a.test", "b.test", "other", "nobody")] == [2, 2, 1, 1, 0]


def test_names_are_answered_over_udp(services: Upstream) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)

        def missing() -> str:
            asking.sendto(query("a-127-0-0-9.test", 1), services.at(dns.PORT))
            try:
                return "" if asking.recv(512).endswith(b"\x7f\0\0\x09") else "another answer"
            except TimeoutError:
                return "no answer"

        assert not waited_for(missing, 60)
    told = f"http://{services.place(serving.PORT)}/told/dns?with=a-127-0-0-9"
    assert httpx.get(told, trust_env=False).json()["name"] == "a-127-0-0-9.test"
    assert httpx.get(f"{told}&ports=true", trust_env=False).json() == {"ports": 1}


def test_a_message_without_its_proto_file_has_numbers() -> None:
    logs = als_pb2.StreamAccessLogsMessage()
    logs.identifier.log_name = "log"
    logs.http_logs.log_entry.add().response.response_code.value = 300
    answer = {"4": [{"1": [{"1": [300]}]}]}
    assert wire.read(logs.SerializeToString()) == {"1": [{"2": ["log"]}], "2": [{"1": [answer]}]}
    with pytest.raises(ValueError, match="without its end"):
        wire.read(b"\x0a\x05a")
