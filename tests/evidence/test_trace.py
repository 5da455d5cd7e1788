import json

from takeover.evidence.observed import ObservedTraffic
from takeover.evidence.rules import parse
from takeover.evidence.snapshots import Snapshot
from takeover.evidence.trace import path, records, text
from tests.evidence.test_logs import ARRIVED, BLOCKED

RULES = """\
-A OUTPUT -m owner --uid-owner 1337 -c 2 120 -j RETURN
-A OUTPUT ! -d 127.0.0.1/32 -p tcp -c 5 300 -j REDIRECT --to-ports 15001
"""
STATS = {
    "listener.0.0.0.0_15001.downstream_cx_total": 1,
    "tcp.AllowAll.downstream_cx_total": 1,
    "cluster.AllowAll.upstream_cx_total": 1,
    "cluster.AllowAll.upstream_cx_destroy": 0,
    "cluster.BlockAllCluster.upstream_cx_total": 0,
    "local_rate_limit.limiter.rate_limited": 0,
    "server.uptime": 3,
}
BEFORE = Snapshot(STATS, [BLOCKED], {"website/nginx": [], "app/nginx": [ARRIVED]}, parse(RULES))


def after(moved: dict[str, int], log: int = 1, arrived: int = 0, rules: str = RULES) -> Snapshot:
    return Snapshot(
        STATS | moved, [BLOCKED] * log, {"website/nginx": [ARRIVED] * arrived, "app/nginx": [ARRIVED]}, parse(rules)
    )


def test_each_hop_is_what_counted_in_the_order_of_the_way() -> None:
    moved = dict.fromkeys([name for name in STATS if name.endswith("cx_total") and "Block" not in name], 2)
    told = records(BEFORE, after(moved, 2, 1, RULES.replace("-c 2 120", "-c 3 180").replace("-c 5 300", "-c 6 360")))

    assert [(each["hop"], each["name"], each["counters"]) for each in told] == [
        ("rule", "OUTPUT REDIRECT --to-ports 15001", {"packets": [5, 6]}),
        ("listener", "0.0.0.0_15001", {"downstream_cx_total": [1, 2]}),
        ("tcp", "AllowAll", {"downstream_cx_total": [1, 2]}),
        ("cluster", "AllowAll", {"upstream_cx_total": [1, 2]}),
        ("access log", "", {"entries": [1, 2]}),
        ("rule", "OUTPUT RETURN", {"packets": [2, 3]}),
        ("destination", "website/nginx", {"requests": [0, 1]}),
    ]
    assert path(told) == [
        "rule OUTPUT REDIRECT --to-ports 15001",
        "listener 0.0.0.0_15001",
        "tcp AllowAll",
        "cluster AllowAll",
        "destination website/nginx",
    ]


def test_what_did_not_count_is_no_hop() -> None:
    assert records(BEFORE, after({"server.uptime": 99})) == []


def test_a_cluster_that_was_not_asked_for_an_upstream_is_no_hop() -> None:
    assert (
        records(BEFORE, after({"cluster.AllowAll.upstream_cx_destroy": 1, "cluster.AllowAll.upstream_rq_403": 1})) == []
    )


def test_a_filter_that_only_counts_is_told_but_not_on_the_path() -> None:
    told = records(BEFORE, after({"local_rate_limit.limiter.rate_limited": 3}))
    assert [(each["hop"], each["name"], each["counters"]) for each in told] == [
        ("filter", "local_rate_limit.limiter", {"rate_limited": [0, 3]})
    ]
    assert path(told) == []


def test_records_are_json_and_of_many_entries_only_the_first() -> None:
    told = records(BEFORE, after({}, log=1 + 250, arrived=100))
    assert json.loads(json.dumps(told)) == told
    log, destination = told
    assert (len(log["entries"]), log["entries_left_out"]) == (100, 150)
    assert len(destination["entries"]) == 100
    assert "entries_left_out" not in destination


def test_seen_counts_from_before() -> None:
    seen = ObservedTraffic()
    seen.tell(BEFORE, after({"cluster.AllowAll.upstream_cx_total": 4}, log=2, arrived=1))
    assert seen.envoy.flags == "UH"
    assert seen.moved == {"cluster.AllowAll.upstream_cx_total": 3}
    assert seen.counter("cluster.AllowAll.upstream_cx_total") == 3
    assert seen.counter("tcp.AllowAll.downstream_cx_total") == 0
    assert (len(seen.destination("website")), seen.destination("app")) == (1, [])
    assert seen.rule("REDIRECT", "15001") == 0


def test_the_text_has_a_line_for_each_hop_and_entry() -> None:
    lines = text(records(BEFORE, after({"tcp.AllowAll.downstream_cx_total": 2}, log=2))).splitlines()
    assert lines[:2] == ["tcp AllowAll: downstream_cx_total 1 → 2", "access log: entries 1 → 2"]
    assert json.loads(lines[2])["flags"] == "UH"
