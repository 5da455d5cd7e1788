import json

import msgspec
import pytest

from takeover.evidence.observed import ObservedTraffic
from takeover.evidence.rules import parse
from takeover.evidence.snapshots import Snapshot
from takeover.evidence.trace import hops
from takeover.model.trace import AccessLogHop, DestinationHop, Hop, Trace, text
from takeover.report.failure import witnesses
from takeover.report.trace_view import trace_view
from tests.model.test_logs import ARRIVED, BLOCKED

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
_REST_BEFORE = ([BLOCKED], {"website/nginx": [], "app/nginx": [ARRIVED]}, parse(RULES))
BEFORE = Snapshot(STATS, *_REST_BEFORE)


def after(moved: dict[str, int], log: int = 1, arrived: int = 0, rules: str = RULES) -> Snapshot:
    return Snapshot(
        STATS | moved, [BLOCKED] * log, {"website/nginx": [ARRIVED] * arrived, "app/nginx": [ARRIVED]}, parse(rules)
    )


def test_each_hop_is_what_counted_in_the_order_of_the_trace() -> None:
    moved = dict.fromkeys([name for name in STATS if name.endswith("cx_total") and "Block" not in name], 2)
    found = hops(BEFORE, after(moved, 2, 1, RULES.replace("-c 2 120", "-c 3 180").replace("-c 5 300", "-c 6 360")))

    assert [(each.kind, each.name, each.counters) for each in found] == [
        ("rule", "OUTPUT REDIRECT --to-ports 15001", {"packets": (5, 6)}),
        ("listener", "0.0.0.0_15001", {"downstream_cx_total": (1, 2)}),
        ("tcp", "AllowAll", {"downstream_cx_total": (1, 2)}),
        ("cluster", "AllowAll", {"upstream_cx_total": (1, 2)}),
        ("access log", "", {"entries": (1, 2)}),
        ("rule", "OUTPUT RETURN", {"packets": (2, 3)}),
        ("destination", "website/nginx", {"requests": (0, 1)}),
    ]
    assert Trace.of(found) == [
        "rule OUTPUT REDIRECT --to-ports 15001",
        "listener 0.0.0.0_15001",
        "tcp AllowAll",
        "cluster AllowAll",
        "destination website/nginx",
    ]


def test_jumps_to_chains_of_the_pods_own_are_told_where_they_were_taken_and_not_on_the_trace() -> None:
    rules = """\
-N ISTIO_OUTPUT
-N ISTIO_REDIRECT
-A OUTPUT -p tcp -c 1 60 -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -c 1 60 -j RETURN
-A ISTIO_OUTPUT -c 1 60 -j ISTIO_REDIRECT
-A ISTIO_REDIRECT -p tcp -c 1 60 -j REDIRECT --to-ports 15001
"""
    moved = {"tcp.AllowAll.downstream_cx_total": 2}
    then, now = (after(each, rules=told) for each, told in (({}, rules), (moved, rules.replace("-c 1", "-c 2"))))
    found = hops(then, now)
    assert [(each.kind, each.name) for each in found] == [
        ("rule", "OUTPUT ISTIO_OUTPUT"),
        ("rule", "ISTIO_OUTPUT ISTIO_REDIRECT"),
        ("rule", "ISTIO_REDIRECT REDIRECT --to-ports 15001"),
        ("tcp", "AllowAll"),
        ("rule", "ISTIO_OUTPUT RETURN"),
    ]
    assert Trace.of(found) == ["rule ISTIO_REDIRECT REDIRECT --to-ports 15001", "tcp AllowAll"]
    assert [branch.released_by and branch.released_by.name for branch in trace_view(found).branches] == [
        "ISTIO_OUTPUT RETURN"
    ]
    assert dict(witnesses(found))["the Pod's rules"] == (
        "ISTIO_REDIRECT REDIRECT --to-ports 15001 took 1, ISTIO_OUTPUT RETURN took 1"
    )
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[Hop]) == found


def test_what_did_not_count_is_no_hop() -> None:
    assert hops(BEFORE, after({"server.uptime": 99})) == []


def test_what_was_taken_away_meanwhile_is_no_hop_and_what_was_made_anew_begins_with_nothing() -> None:
    before = Snapshot({**STATS, "listener.0.0.0.0_15001.downstream_cx_total": 9}, *_REST_BEFORE)
    gone = after({"listener.0.0.0.0_15001.downstream_cx_total": 0, "tcp.AllowAll.downstream_cx_total": 0})
    anew = after({"listener.0.0.0.0_15001.downstream_cx_total": 1})
    assert hops(before, gone) == []
    [found] = hops(before, anew)
    assert (found.name, found.counters) == ("0.0.0.0_15001", {"downstream_cx_total": (0, 1)})
    observed = ObservedTraffic()
    observed.tell(before, gone)
    assert observed.moved == {}


def test_other_rules_than_before_are_no_trace() -> None:
    with pytest.raises(ValueError, match="zip"):
        hops(BEFORE, after({}, rules=RULES.splitlines()[0]))


def test_a_cluster_that_was_not_asked_for_an_upstream_is_no_hop() -> None:
    assert hops(BEFORE, after({"cluster.AllowAll.upstream_cx_destroy": 1, "cluster.AllowAll.upstream_rq_403": 1})) == []


def test_a_filter_that_only_counts_is_told_but_not_on_the_trace() -> None:
    found = hops(BEFORE, after({"local_rate_limit.limiter.rate_limited": 3}))
    assert [(each.kind, each.name, each.counters) for each in found] == [
        ("filter", "local_rate_limit.limiter", {"rate_limited": (0, 3)})
    ]
    assert Trace.of(found) == []


def test_records_are_the_same_after_a_way_as_json_and_of_many_entries_have_only_the_first() -> None:
    found = hops(BEFORE, after({}, log=1 + 250, arrived=100, rules=RULES.replace("-c 2 120", "-c 3 180")))
    stored = msgspec.json.encode(found)
    assert msgspec.json.decode(stored, type=list[Hop]) == found
    log, rule, destination = json.loads(stored)
    assert (log["hop"], log["name"], log["counters"]) == ("access log", "", {"entries": [1, 251]})
    assert (len(log["entries"]), log["entries_left_out"], log["entries"][0]["flags"]) == (100, 150, "UH")
    assert rule == {
        "hop": "rule",
        "name": "OUTPUT RETURN",
        "text": "-A OUTPUT -m owner --uid-owner 1337 -j RETURN",
        "counters": {"packets": [2, 3]},
    }
    assert len(destination["entries"]) == 100
    assert "entries_left_out" not in destination
    assert isinstance(found[0], AccessLogHop)
    assert isinstance(found[2], DestinationHop)


def test_what_is_observed_counts_from_before() -> None:
    observed = ObservedTraffic()
    taken = RULES.replace("-c 2 120", "-c 5 300")
    observed.tell(BEFORE, after({"cluster.AllowAll.upstream_cx_total": 4}, log=2, arrived=1, rules=taken))
    assert observed.envoy.flags == "UH"
    assert observed.moved == {"cluster.AllowAll.upstream_cx_total": 3}
    assert observed.counter("cluster.AllowAll.upstream_cx_total") == 3
    assert observed.counter("tcp.AllowAll.downstream_cx_total") == 0
    assert (len(observed.destination("website")), observed.destination("app")) == (1, [])
    assert observed.rule("REDIRECT", "15001") == 0
    # Those that took nothing are left out.
    assert observed.taken_by == [("-A OUTPUT -m owner --uid-owner 1337 -j RETURN", 3)]


def test_the_text_has_a_line_for_each_hop_and_entry() -> None:
    lines = text(hops(BEFORE, after({"tcp.AllowAll.downstream_cx_total": 2}, log=2))).splitlines()
    assert lines[:2] == ["tcp AllowAll: downstream_cx_total 1 → 2", "access log: entries 1 → 2"]
    assert json.loads(lines[2])["flags"] == "UH"
