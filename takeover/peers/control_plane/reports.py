"""What Envoys report to who asks them to: how much load their clusters had (LRS), and how well endpoints are (HDS).

They report when they are asked over the HTTP API, and in between as good as never: what goes on by itself would show in
what is observed of other things.
"""

import asyncio
from collections.abc import Collection
from typing import Any

import grpc
from envoy.service.health.v3 import hds_pb2
from envoy.service.load_stats.v3 import lrs_pb2
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from takeover.peers.control_plane import protos
from takeover.peers.control_plane.written import WrittenError

LOADS = "envoy.service.load_stats.v3.LoadReportingService", "StreamLoadStats"
HEALTH = "envoy.service.health.v3.HealthDiscoveryService", "StreamHealthCheck"

_SOON, _NEVER = 20_000_000, 3600 * 1_000_000_000
"""Nanoseconds until an Envoy reports."""
_SORTED = {"upstream_locality_stats", "load_metric_stats", "dropped_requests"}
"""Lists that an Envoy makes of what it keeps in no order."""

Json = Any


class Reports:
    """Both services.

    What an Envoy reports is kept until the next time that somebody asks.
    """

    def __init__(self) -> None:
        self._load_streams = _Streams()
        self._health_streams = _Streams()
        self._loads: asyncio.Queue[lrs_pb2.LoadStatsRequest] = asyncio.Queue()
        self._health: asyncio.Queue[Json] = asyncio.Queue()

    @property
    def is_complete(self) -> bool:
        """Whether somebody is there to report of either."""
        return self._load_streams.there.is_set() and self._health_streams.there.is_set()

    async def serve_loads(self, _: Any, context: Any) -> None:
        """Serves one stream of load reports."""

        def take(request: lrs_pb2.LoadStatsRequest) -> None:
            self._loads.put_nowait(request)

        await _serve(context, self._load_streams, lrs_pb2.LoadStatsRequest, take, _loads_after(_NEVER))

    async def serve_health(self, _: Any, context: Any) -> None:
        """Serves one stream of health reports."""
        kind = hds_pb2.HealthCheckRequestOrEndpointHealthResponse

        def take(request: Any) -> None:
            if request.HasField("endpoint_health_response"):
                self._health.put_nowait(_told(request.endpoint_health_response))

        await _serve(context, self._health_streams, kind, take, hds_pb2.HealthCheckSpecifier(interval=_seconds(_NEVER)))

    async def loads(self, within: float, without: Collection[str] = ()) -> list[Json]:
        """What the clusters of each Envoy had to do since it reported last, by cluster, without how long ago that is.

        Args:
            without: clusters that are left out.
            within: seconds. An Envoy whose first stream fails opens the next one after five.

        Raises: WrittenError where nobody reports by then.
        """
        _empty(self._loads)
        found: list[Json] = []
        try:
            async with asyncio.timeout(within):
                await self._load_streams.there.wait()
                self._load_streams.tell(_loads_after(_SOON))
                for _ in range(self._load_streams.count):
                    report = await self._loads.get()
                    found += [_told(each) for each in report.cluster_stats]
        except TimeoutError:
            raise WrittenError(f"nobody reports loads within {within:g} s") from None
        finally:
            self._load_streams.tell(_loads_after(_NEVER))
        for each in found:
            each.pop("load_report_interval", None)
        wanted = (each for each in found if each.get("cluster_name") not in without)
        return [_in_one_order(each) for each in sorted(wanted, key=lambda each: str(each.get("cluster_name")))]

    async def health(self, wanted: Json, within: float) -> Json:
        """How well the endpoints are, once each Envoy knows it of all; None where none has said so by then.

        Args:
            wanted: a HealthCheckSpecifier: what they are to check, and how.
            within: seconds.

        Raises: WrittenError for what is none.
        """
        try:
            asked = protos.parse("type.googleapis.com/envoy.service.health.v3.HealthCheckSpecifier", wanted)
        except (ValueError, protos.UnknownTypeError) as error:
            raise WrittenError(f"the body is no HealthCheckSpecifier: {error}") from None
        assert isinstance(asked, hds_pb2.HealthCheckSpecifier)
        _empty(self._health)
        report = None
        try:
            async with asyncio.timeout(within):
                await self._health_streams.there.wait()
                asked.interval.FromNanoseconds(_SOON * 5)
                self._health_streams.tell(asked)
                while report is None or "UNKNOWN" in str(report) or not report:
                    report = await self._health.get()
        except TimeoutError:
            pass
        asked.interval.FromNanoseconds(_NEVER)
        self._health_streams.tell(asked)
        return report


class _Streams:
    """Those of a service, each with what goes out on it."""

    def __init__(self) -> None:
        self._open: list[asyncio.Queue[bytes]] = []
        self.there = asyncio.Event()

    @property
    def count(self) -> int:
        return len(self._open)

    def add(self) -> "asyncio.Queue[bytes]":
        """One more."""
        outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._open.append(outgoing)
        return outgoing

    def remove(self, outgoing: "asyncio.Queue[bytes]") -> None:
        """One less."""
        self._open.remove(outgoing)
        if not self._open:
            self.there.clear()

    def tell(self, message: Message) -> None:
        """Sends a message to all."""
        for each in self._open:
            each.put_nowait(message.SerializeToString())


async def _serve(context: Any, streams: _Streams, kind: Any, take: Any, first: Message) -> None:
    """Serves a stream until its end: the first request is answered by `first`, what comes then is taken."""
    outgoing = streams.add()

    async def read() -> None:
        is_first = True
        while (data := await context.read()) is not grpc.aio.EOF:
            try:
                request = kind.FromString(data)
            except DecodeError:
                return
            if is_first:
                outgoing.put_nowait(first.SerializeToString())
                streams.there.set()
            else:
                take(request)
            is_first = False

    async def write() -> None:
        while True:
            await context.write(await outgoing.get())

    writing = asyncio.ensure_future(write())
    try:
        await read()
    finally:
        writing.cancel()
        streams.remove(outgoing)


def _loads_after(nanoseconds: int) -> lrs_pb2.LoadStatsResponse:
    return lrs_pb2.LoadStatsResponse(send_all_clusters=True, load_reporting_interval=_seconds(nanoseconds))


def _seconds(nanoseconds: int) -> Any:
    made = lrs_pb2.LoadStatsResponse().load_reporting_interval
    made.FromNanoseconds(nanoseconds)
    return made


def _empty(queue: "asyncio.Queue[Any]") -> None:
    while not queue.empty():
        queue.get_nowait()


def _in_one_order(value: Json) -> Json:
    if isinstance(value, list):
        return list(map(_in_one_order, value))
    if not isinstance(value, dict):
        return value
    made = {name: _in_one_order(each) for name, each in value.items()}
    return {name: sorted(each, key=str) if name in _SORTED else each for name, each in made.items()}


def _told(message: Message) -> Json:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)
