"""What the control plane is told of loads and of health, when somebody asks it."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any

import grpc
from envoy.service.health.v3 import hds_pb2
from envoy.service.load_stats.v3 import lrs_pb2

from tests.peers.control_plane import Plane

SHORT = 3600
"""Seconds: whoever is to report sooner is to report now."""


@contextlib.contextmanager
def reporting(plane: Plane, method: str, kind: Any, first: Any, report: Any) -> Iterator[threading.Event]:
    """One that reports whenever it is asked to do so soon. The event is set when it was answered."""
    requests: queue.Queue[Any] = queue.Queue()
    answered = threading.Event()
    requests.put(first)
    with grpc.insecure_channel(plane.xds, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        call = channel.stream_stream(method)(iter(requests.get, None), timeout=60)

        def answer() -> None:
            with contextlib.suppress(grpc.RpcError):
                for each in call:
                    response = kind.FromString(each)
                    interval = getattr(response, "load_reporting_interval", None) or response.interval
                    if interval.ToSeconds() < SHORT:
                        requests.put(report)
                    answered.set()

        reading = threading.Thread(target=answer)
        reading.start()
        try:
            yield answered
        finally:
            requests.put(None)
            call.cancel()
            reading.join()


def test_loads_are_told_when_somebody_asks(plane: Plane) -> None:
    measures = [{"metric_name": name, "total_metric_value": 1} for name in ("queue", "cpu")]
    stats = [
        {"cluster_name": name, "upstream_locality_stats": [{"total_issued_requests": 2, "load_metric_stats": measures}]}
        for name in ("second", "first", "left-out")
    ]
    report = lrs_pb2.LoadStatsRequest(cluster_stats=stats).SerializeToString()
    first = lrs_pb2.LoadStatsRequest(node={"id": "client"}).SerializeToString()
    path = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"
    with reporting(plane, path, lrs_pb2.LoadStatsResponse, first, report):
        assert plane.api.get("/reporting").status_code == 400  # of health there is nobody
        told = plane.api.get("/loads", params={"within": 20, "without": "left-out"}).json()["loads"]
    assert [each["cluster_name"] for each in told] == ["first", "second"]
    [of_locality] = told[0]["upstream_locality_stats"]
    assert [each["metric_name"] for each in of_locality["load_metric_stats"]] == ["cpu", "queue"]


def test_that_nobody_reports_is_told(plane: Plane) -> None:
    answer = plane.api.get("/loads", params={"within": 0.05})
    assert (answer.status_code, answer.json()) == (400, {"error": "nobody reports loads within 0.05 s"})


def test_health_is_told_once_it_is_known(plane: Plane) -> None:
    kind = hds_pb2.HealthCheckRequestOrEndpointHealthResponse
    first = kind(health_check_request={"node": {"id": "client"}}).SerializeToString()
    report = kind(endpoint_health_response={"endpoints_health": [{"health_status": "HEALTHY"}]}).SerializeToString()
    path = "/envoy.service.health.v3.HealthDiscoveryService/StreamHealthCheck"
    with reporting(plane, path, hds_pb2.HealthCheckSpecifier, first, report):
        told = plane.api.post("/health", params={"within": 20}, json={}).json()["health"]
    assert told == {"endpoints_health": [{"health_status": "HEALTHY"}]}


def test_what_is_nothing_to_check_is_refused(plane: Plane) -> None:
    answer = plane.api.post("/health", json={"nonsense": 1})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the body is no HealthCheckSpecifier: ")
