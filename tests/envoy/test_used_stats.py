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

    def end(self, last: bytes = b"") -> None:
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


class Lines(Answer):
    """Statistics of one type, as text in chunks, each time others."""

    def __init__(self, *bodies: str) -> None:
        self._bodies = [each.encode() for each in bodies]
        self.asked: list[bytes] = []
        self._left: list[bytes] = []

    def send(self, data: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - a ByteStream's
        self.asked.append(data.split()[1])
        body = self._bodies.pop(0)
        self._left = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]
        self._left += [b"%x\r\n%s\r\n" % (len(each), each) for each in (body[:20], body[20:]) if each]
        self._left.append(b"0\r\n\r\n")

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - likewise
        return self._left.pop(0)


def test_counters_and_gauges_are_read_by_their_type_and_only_what_changed_is_read_again() -> None:
    stream = Lines(
        "cluster.app.upstream_rq_total: 1\ncluster.cp.upstream_rq_total: 1\nhttp.[::1]: 8: 2\n",
        "cluster.app.upstream_cx_active: 1\n",
        "cluster.app.upstream_rq_total: 12\nhttp.[::1]: 8: 2\n",
        "",
        "cluster.app.upstream_rq_total: 12\n",
    )
    used = UsedStats(stream, ["cp"])
    first = used.counters()
    assert first == {"cluster.app.upstream_rq_total": 1, "http.[::1]: 8": 2}
    assert used.gauges() == {"cluster.app.upstream_cx_active": 1}
    assert used.counters() == {"cluster.app.upstream_rq_total": 12, "http.[::1]: 8": 2}
    assert (first["cluster.app.upstream_rq_total"], used.gauges()) == (1, {})
    assert used.counters() == {"cluster.app.upstream_rq_total": 12}
    assert [each.partition(b"type=")[2] for each in stream.asked] == [
        b"Counters",
        b"Gauges",
        b"Counters",
        b"Gauges",
        b"Counters",
    ]
