"""Which ends leave entries in the access log, by a configuration."""

import pytest

from takeover.evidence import ends
from takeover.scenario.typed_yaml import Json

_TYPE = "type.googleapis.com/envoy.extensions"


def logging(logger: str, **more: Json) -> Json:
    return {"typed_config": {"@type": f"{_TYPE}.access_loggers.{logger}"}, **more}


STDOUT, FILE, GRPC = logging("stream.v3.StdoutAccessLog"), logging("file.v3.FileAccessLog"), logging("grpc.v3.TcpGrpc")


def proxy(*logs: Json) -> Json:
    return {"@type": f"{_TYPE}.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "p", "access_log": list(logs)}


@pytest.mark.parametrize(
    ("config", "number"),
    [
        ([proxy()], 0),
        ([proxy(STDOUT, FILE)], 2),
        ([proxy(STDOUT, GRPC, logging("stream.v3.StderrAccessLog", filter={}))], 1),
        ({"filters": [{"typed_config": proxy(STDOUT)}, {"typed_config": proxy(STDOUT, FILE)}]}, 1),
    ],
)
def test_what_a_connection_leaves_at_least(config: Json, number: int) -> None:
    assert ends.left(config) == {"tcp.p.downstream_cx_total": number}


def test_what_is_due() -> None:
    before, after = (
        {"tcp.a.downstream_cx_total": 1},
        {"tcp.a.downstream_cx_total": 3, "http.b.downstream_rq_completed": 1},
    )
    assert ends.connections(before, after) == ["tcp.a.downstream_cx_total"]
    assert ends.due(before, after, {"tcp.a.downstream_cx_total": 2, "http.b.downstream_rq_completed": 1}) == 5
    assert ends.due(after, {}, {"tcp.a.downstream_cx_total": 2}) == 0  # counters of a listener that went
