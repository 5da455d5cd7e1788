"""What Envoy tells plainly, shows of its connections, or asks of a Redis: by others' programs, or their bytes."""

import contextlib
import json
import socket
from typing import Any

import grpc
import httpx
import msgspec
import pytest
from envoy.service.network_ext_proc.v3 import network_external_processor_pb2 as processing
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

from takeover.peers.services import message_pack, network_processing, redis, serving, told_plainly
from tests.peers.upstream import Upstream


def told(services: Upstream, sink: str, query: str) -> list[Any]:
    path = f"http://{services.place(serving.PORT)}/told/{sink}?within=60&{query}"
    return list(map(json.loads, httpx.get(path, trust_env=False, timeout=90).text.splitlines()))


@pytest.mark.parametrize(
    "value",
    [
        [0, 127, 128, 65535, 65536, 1 << 40, -1, -32, -33, -40000, -(1 << 40)],
        ["", "é", "a" * 31, "b" * 32, "c" * 300, "d" * 70000],
        {"a": [None, True, False, 1.5], "b": {"c": {}}, **{str(each): each for each in range(20)}},
        list(range(20)),
    ],
)
def test_message_pack_is_read_as_it_was_written(value: Any) -> None:
    written = msgspec.msgpack.encode(value)
    assert message_pack.read(written + b"more") == (value, len(written))
    assert message_pack.is_array(written[0]) == isinstance(value, list)
    with pytest.raises(IndexError):
        message_pack.read(written[:-1])


def test_bytes_and_extensions_of_message_pack_are_digits() -> None:
    assert message_pack.read(msgspec.msgpack.encode([b"\x01\xff", msgspec.msgpack.Ext(5, b"ab")]))[0] == [
        "01ff",
        "056162",
    ]
    with pytest.raises(ValueError, match="0xc1"):
        message_pack.read(b"\xc1")


def test_lines_of_statsd_are_taken_over_udp_and_tcp(services: Upstream) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.sendto(b"a.udp:1|c\nb.udp:2|g", services.at(told_plainly.UDP_PORT))
    assert told(services, "statsd", "with=udp&count=2") == ["a.udp:1|c", "b.udp:2|g"]
    with services.connect(told_plainly.TCP_PORT) as opened:
        opened.sendall(b"a.tcp:1|c\nb.t")
        opened.sendall(b"cp:1|c\na.tcp:1|c\n")
        assert told(services, "statsd", "with=tcp&and=1|c&count=3&unique=yes") == ["a.tcp:1|c", "b.tcp:1|c"]


def test_entries_of_fluentd_are_taken_without_their_times(services: Upstream) -> None:
    message = msgspec.msgpack.encode(["tag", [[1700000000, {"path": "/a"}], [1700000001, {"path": "/b"}]], {"size": 2}])
    with services.connect(told_plainly.TCP_PORT) as opened:
        opened.sendall(message[:9])
        opened.sendall(message[9:])
        found = told(services, "fluentd", "count=2")
    assert found == [{"tag": "tag", "record": {"path": each}, "options": [{"size": 2}]} for each in ("/a", "/b")]


def test_counts_of_nothing_are_not_kept_of_metrics(services: Upstream) -> None:
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    scopes = getattr(request.resource_metrics.add(), request.resource_metrics.add().DESCRIPTOR.fields_by_number[2].name)
    for name, value in (("none", 0), ("one", 1)):
        scopes.add().metrics.add(name=name).sum.data_points.add(as_int=value)
    scopes.add().metrics.add(name="of-a-gauge").gauge.data_points.add(as_int=0)
    url = f"http://{services.place(serving.PORT)}/v1/metrics"
    assert httpx.post(url, content=request.SerializeToString(), trust_env=False).status_code == 200
    assert [each["name"] for each in told(services, "otlp-metrics", "count=2")] == ["one", "of-a-gauge"]


def processed(services: Upstream, wished: Any, *asked: Any) -> list[Any]:
    with grpc.insecure_channel(services.place(serving.PORT)) as channel:
        call = channel.stream_stream(
            network_processing.PROCESS,
            processing.ProcessingRequest.SerializeToString,
            processing.ProcessingResponse.FromString,
        )
        requests = [json_format.ParseDict(each, processing.ProcessingRequest()) for each in asked]
        answers = call(iter(requests), timeout=60, metadata=[("x-processing", json.dumps(wished))])
        return [json_format.MessageToDict(each, preserving_proto_field_name=True) for each in answers]


def test_bytes_of_connections_pass_or_become_what_was_wished(services: Upstream) -> None:
    read, end = {"read_data": {"data": "b25l"}}, {"read_data": {"end_of_stream": True}}
    write = {"write_data": {"data": "dHdv", "end_of_stream": True}}
    unmodified = {"data_processing_status": "UNMODIFIED"}
    assert processed(services, {}, read, write) == [read | unmodified, write | unmodified]
    changed = {"read_data": {"data": "bmV3"}, "data_processing_status": "MODIFIED"}
    assert processed(services, {"read_data": {"answer": changed}}, read, end) == [changed, end | unmodified]
    with pytest.raises(grpc.RpcError):
        processed(services, {"read_data": {"status": 13}}, read)


def commands(services: Upstream, *asked: bytes) -> bytes:
    with services.connect(redis.PORT) as opened:
        with contextlib.suppress(OSError):  # it may have ended the connection by now
            for each in asked:
                words = each.split()
                opened.sendall(
                    b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
                )
            opened.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while came := opened.recv(1 << 16):
                answer += came
        return answer


def test_a_redis_answers_and_sends_elsewhere_once(services: Upstream) -> None:
    assert commands(services, b"PING", b"GET nothing", b"GET key") == b"+PONG\r\n$-1\r\n$7\r\nGET key\r\n"
    _, port = services.at(redis.PORT)
    moved = f"-MOVED 1 127.0.0.1:{port}\r\n".encode()
    assert commands(services, b"GET moved", b"GET moved") == moved + b"$9\r\nGET moved\r\n"
    assert commands(services, b"GET ask", b"ASKING", b"GET ask").endswith(b"\r\n+OK\r\n$7\r\nGET ask\r\n")
    # Envoy asks by another connection, in small letters.
    assert commands(services, b"asking", b"GET ask") == b"+OK\r\n$7\r\nGET ask\r\n"
    assert str(port).encode() in commands(services, b"CLUSTER SLOTS")
    assert commands(services, b"GET silent", b"SET a 1", b"GET close", b"PING") == b"+OK\r\n"


def test_a_call_of_thrift_comes_back_as_its_reply(services: Upstream) -> None:
    with services.connect(12) as opened:
        opened.sendall(b"\0\0\0\x0d\x80\x01\0\x01\0\0\0\x01a\0\0\0\x01\0")
        assert opened.recv(100) == b"\0\0\0\x0d\x80\x01\0\x02\0\0\0\x01a\0\0\0\x01\0"
        opened.sendall(b"\x82\x21\x01\x01a\0")
        assert opened.recv(100) == b"\x82\x41\x01\x01a\0"
