"""Envoy's counters as they are read again and again."""

from collections.abc import Iterable

import msgspec
import pytest

from takeover.envoy.used_stats import UsedStats

COUNTED = {
    "cluster.app.upstream_rq_total": 1,
    "cluster.control-plane.upstream_rq_active": 1,
    "cluster.control-plane-of-others.upstream_rq_active": 1,
    "control_plane.connected_state": 1,
}


class Answer:
    """A stream over which the statistics come, whatever is asked."""

    local_address = ("10.0.0.1", 1024)

    def __init__(self, stats: dict[str, int]) -> None:
        body = msgspec.json.encode({"stats": [{"name": name, "value": value} for name, value in stats.items()]})
        self._data = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def send(self, data: bytes, timeout: float | None = None) -> None:
        pass

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - a ByteStream's
        return self._data

    def end(self) -> None:
        raise NotImplementedError

    def reset(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("without", "left_out"),
    [
        ((), set()),
        (("control-plane",), {"cluster.control-plane.upstream_rq_active"}),
        (("control", "app"), {"cluster.app.upstream_rq_total"}),
    ],
)
def test_what_clusters_of_control_planes_count_is_left_out(without: Iterable[str], left_out: set[str]) -> None:
    assert UsedStats(Answer(COUNTED), without).now().keys() == COUNTED.keys() - left_out
