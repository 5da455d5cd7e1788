"""What Envoy tells without being asked: access logs, traces, logs, metrics. Each message is written down and kept.

A line on stdout is an array of the word "told", the sink's name and the message. `http` gives what is kept to who asks;
when control has the connections ended, it is forgotten. A call's header `x-taken` says what becomes of one to a
collector of OTLP once its message has been taken (`calls`).
"""

import base64
import functools
import json
import os
import threading
import time
from collections.abc import Callable

from envoy.service.accesslog.v3 import als_pb2
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2

from takeover.peers.hostile.http2 import GrpcAnswer
from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services import wire
from takeover.peers.services.calls import CALL, Call, Json, behaviour, headers_told, told

_MOST_KEPT = 30_000
"""An Envoy tells a thousand statistics at once."""
_OTLP = "/opentelemetry.proto.collector"
_TAKEN = "x-taken"

TRACES, LOGS, METRICS = (
    trace_service_pb2.ExportTraceServiceRequest,
    logs_service_pb2.ExportLogsServiceRequest,
    metrics_service_pb2.ExportMetricsServiceRequest,
)

_SCOPES = metrics_pb2.ResourceMetrics.DESCRIPTOR.fields_by_number[2].name
"""The field that the package's proto files call scope_metrics, or instrumentation_library_metrics: they are older."""

_kept: list[tuple[str, Json]] = []
_changing = threading.Condition()


def take(sink: str, message: Json) -> None:
    """Writes one message down, and keeps it."""
    os.write(1, json.dumps(["told", sink, message]).encode() + b"\n")
    with _changing:
        _kept.append((sink, message))
        del _kept[:-_MOST_KEPT]
        _changing.notify_all()


def take_all(sink: str, messages: list[Json]) -> None:
    """Keeps many at once, and writes none down: of thousands of statistics somebody asks for a few."""
    with _changing:
        _kept.extend((sink, each) for each in messages)
        del _kept[:-_MOST_KEPT]
        _changing.notify_all()


def otlp(message: Message) -> Json:
    """A message of OTLP as JSON."""
    return _with_ids(told(message))


def _with_ids(value: Json) -> Json:
    """A copy with ids in hexadecimal digits, as OTLP's JSON has them, and attributes, a map, in one order."""
    if isinstance(value, list):
        return list(map(_with_ids, value))
    if not isinstance(value, dict):
        return value
    copied: Json = {
        name: base64.b64decode(each).hex() if name.endswith(("trace_id", "span_id")) else _with_ids(each)
        for name, each in value.items()
    }
    if "attributes" in copied:
        copied["attributes"].sort(key=lambda each: each.get("key", ""))
    return copied


def forget() -> None:
    """Keeps nothing of what came until now."""
    with _changing:
        _kept.clear()


def given(sink: str, count: int, within: float, wanted: Callable[[Json], bool]) -> list[Json]:
    """What is kept of that sink, of that which is wanted, and keeps it no longer.

    Args:
        count: so many are waited for.
        within: seconds that are waited at most.
    """
    deadline = time.monotonic() + within
    with _changing:
        while True:
            found = [(name, each) for name, each in _kept if name == sink and wanted(each)]
            left = deadline - time.monotonic()
            if len(found) >= count or left <= 0:
                break
            _changing.wait(left)
        for each in found:
            _kept.remove(each)
    return [each for _, each in found]


async def _access_logs(stream: Stream) -> None:
    """Each entry is one; what the stream began with (`identifier`) stands in all.

    Of a log named "once" the first message is the last one: a stream that stays open is a request that never ends. It
    has its end before who waits for that message knows of it, and may end the connection.
    """
    call = Call(stream)
    identifier: Json = {}
    while (message := await call.receive(als_pb2.StreamAccessLogsMessage)) is not None:
        found = told(message)
        identifier = found.get("identifier", identifier)
        is_last = identifier.get("log_name") == "once"
        if is_last:
            await _answer_all(call)
        for kind in ("http_logs", "tcp_logs"):
            for entry in found.get(kind, {}).get("log_entry", ()):
                take("access-logs", {"identifier": identifier, kind: entry})
        if is_last:
            return
    await _answer_all(call)


async def _answer_all(call: Call) -> None:
    await call.send(als_pb2.StreamAccessLogsResponse())
    call.end()


def _without_chance(segment: Json) -> Json:
    """A segment without what differs every time: its own id, and the times of its spans and of what they log."""
    segment.pop("2", None)
    for span in segment.get("3", []):
        span.pop("3", None)
        span.pop("4", None)
        for log in span.get("13", []):
            log.pop("1", None)
    return segment


async def _segments(stream: Stream) -> None:
    """SkyWalking's segments, whose proto files nobody publishes as a package."""
    call = Call(stream)
    while (message := await call.receive_bytes()) is not None:
        take("skywalking", _without_chance(wire.read(message)))
    await call.send(als_pb2.StreamAccessLogsResponse())  # an empty message, too
    call.end()


async def _metrics(stream: Stream) -> None:
    """Each family of metrics is one. Nobody publishes their proto files as a package: their fields have numbers."""
    call = Call(stream)
    while (message := await call.receive_bytes()) is not None:
        take_all("metrics", wire.read(message).get("2", []))
    await call.send(als_pb2.StreamAccessLogsResponse())  # an empty message, too
    call.end()


def take_metrics(message: metrics_service_pb2.ExportMetricsServiceRequest) -> None:
    """Keeps each metric of OTLP as one, but for counts of nothing: they are most of a thousand."""
    for resource in message.resource_metrics:
        for scope in getattr(resource, _SCOPES):
            counted = [each for each in scope.metrics if any(point.as_int for point in each.sum.data_points)]
            others = [each for each in scope.metrics if not each.HasField("sum")]
            take_all("otlp-metrics", list(map(otlp, counted + others)))


def _export(sink: str, kind: type[Message]) -> GrpcAnswer:
    async def answer(stream: Stream) -> None:
        call = Call(stream)
        message = await call.receive(kind)
        if message is None:
            return
        taken = functools.partial(_take_export, sink, message, stream)
        written = behaviour(call, stream.values.get(_TAKEN, "{}"))
        if "hang" in written:
            taken()
            await call.behave(written)
        try:
            await call.behave(written)
            await _answer_all(call)  # all of it was taken: an empty message, too
        finally:  # before it, who waits for this might end the connection
            taken()

    return answer


def _take_export(sink: str, message: Message, stream: Stream) -> None:
    if isinstance(message, METRICS):
        take_metrics(message)
        return
    take(sink, otlp(message))
    if stream.values.get("x-tell") == CALL:
        take(CALL, {"target": stream.values.get(":path"), "headers": headers_told(stream.came)})


METHODS: dict[str, GrpcAnswer] = {
    "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs": _access_logs,
    "/envoy.service.metrics.v3.MetricsService/StreamMetrics": _metrics,
    "/skywalking.v3.TraceSegmentReportService/collect": _segments,
    f"{_OTLP}.trace.v1.TraceService/Export": _export("otlp-traces", TRACES),
    f"{_OTLP}.logs.v1.LogsService/Export": _export("otlp-logs", LOGS),
    f"{_OTLP}.metrics.v1.MetricsService/Export": _export("otlp-metrics", METRICS),
}
