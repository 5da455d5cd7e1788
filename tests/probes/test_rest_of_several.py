"""Rest of several Envoys, and what is compared of them."""

import itertools
from collections.abc import Iterator, Mapping

import pytest

from takeover.compare.observations import ObservedChange, observation_changes
from takeover.evidence.counters import Stats
from takeover.model.document import Observation
from takeover.probes.rest import Rest
from takeover.scenario.typed_yaml import Json

REST = {"listener.0.0.0.0_80.downstream_cx_active": 0, "cluster.app.upstream_cx_active": 0}


def no_config(envoy: str) -> Json:
    raise AssertionError(f"no TCP proxy of {envoy} had a connection")


def rest_of(server: Iterator[Stats]) -> Rest:
    def now() -> Mapping[str, Stats]:
        return {"client/envoy": REST, "server/envoy": next(server)}

    return Rest(now, now, lambda: None, no_config)


def always(changed: Stats) -> Iterator[Stats]:
    while True:
        yield {**REST, **changed}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"listener.0.0.0.0_80.downstream_cx_active": 1}, "Envoy server/envoy has 1 connections with clients; "),
        ({"http.a.downstream_rq_active": 1}, "server/envoy: http.a.downstream_rq_active is 1; "),
        ({"cluster.app.upstream_cx_active": 1}, r"Envoy server/envoy has connections with upstreams \(app: 1\); "),
    ],
)
def test_each_is_waited_for_and_named(changed: Stats, words: str) -> None:
    found, missing = rest_of(always(changed)).wait(0.05)
    assert missing.startswith(words.replace("\\", ""))
    assert list(found) == ["client/envoy", "server/envoy"]


def test_counters_of_any_may_still_move() -> None:
    counting = ({**REST, "cluster.app.upstream_rq_total": number} for number in itertools.count())
    assert rest_of(counting).wait(0.5)[1].startswith("server/envoy: counters still move (cluster.app.upstream_rq_t")


def test_of_one_that_counts_seldom_it_shows_where_counters_are_read_twice() -> None:
    counting = ({"a": {"http.a.downstream_rq_total": number}} for number in itertools.count())
    rest = Rest(lambda: {"a": {}}, lambda: next(counting), lambda: None, no_config)
    assert rest.wait(60)[1] == ""
    assert rest.wait(0.5, twice=True)[1].startswith("a: counters still move (http.a.downstream_rq_total: 1)")


@pytest.mark.parametrize(
    ("owner", "kind"), [("listener.0.0.0.0_80", "downstream"), ("http.a", "downstream"), ("cluster.app", "upstream")]
)
def test_an_end_that_is_not_counted_yet_is_waited_for(owner: str, kind: str) -> None:
    begun = {f"{owner}.{kind}_cx_total": 3, f"{owner}.{kind}_cx_destroy": 2}
    ended = {**begun, f"{owner}.{kind}_cx_destroy": 3}
    counters = iter([begun, begun, ended, ended])
    found, missing = Rest(lambda: {"": {}}, lambda: {"": next(counters)}, lambda: None, no_config).wait(60)
    assert (found[""].counters, missing) == (ended, "")


@pytest.mark.parametrize(
    "kept", ["http.a.downstream_cx_active", "http.a.downstream_cx_http1_active", "redis.a.downstream_cx_active"]
)
def test_a_filter_that_still_has_a_connection_of_which_its_listener_knows_no_more_is_waited_for(kept: str) -> None:
    gauges = itertools.chain([{kept: 1}] * 5, itertools.repeat({kept: 0}))
    rest = Rest(lambda: {"": next(gauges)}, lambda: {"": {}}, lambda: None, no_config)
    found, missing = rest.wait(60)
    assert (found[""].gauges, missing) == ({kept: 0}, "")


def test_a_filter_that_keeps_a_connection_is_named() -> None:
    rest = Rest(lambda: {"": {"http.a.downstream_cx_active": 1}}, lambda: {"": {}}, lambda: None, no_config)
    assert rest.wait(0.05)[1].startswith(
        "Envoy has filters that still have connections (http.a.downstream_cx_active: 1"
    )


PROXY: Json = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    "stat_prefix": "a:b",
    "access_log": [
        {"typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"}}
    ],
}


@pytest.mark.parametrize(("written", "missing"), [([7, 7, 8], ""), ([7, 7, 7], "b: 1 entries of the access log have ")])
def test_an_entry_that_comes_after_its_end_is_waited_for(written: list[int], missing: str) -> None:
    before = {"tcp.a_b.downstream_cx_total": 2, "filesystem.write_buffered": 6}
    ended = {"tcp.a_b.downstream_cx_total": 4}
    counters = itertools.chain(
        [before],
        ({**ended, "filesystem.write_buffered": each} for each in written),
        itertools.repeat({**ended, "filesystem.write_buffered": written[-1]}),
    )
    asked = []

    def config(envoy: str) -> Json:
        asked.append(envoy)
        return [PROXY]

    rest = Rest(lambda: {"b": {}}, lambda: {"b": next(counters)}, lambda: None, config)
    assert rest.wait(60)[0]["b"].counters == before
    found, told = rest.wait(60 if not missing else 0.05)
    assert (found["b"].counters["filesystem.write_buffered"], told[: len(missing)]) == (written[-1], missing)
    assert asked == ["b"]


def test_gauges_that_change_while_counters_are_read_are_read_again() -> None:
    gauges = iter([{}, {"http.a.some": 1}, {"http.a.some": 1}, {"http.a.some": 1}])
    found, missing = Rest(lambda: {"": next(gauges)}, lambda: {"": {}}, lambda: None, no_config).wait(60)
    assert (found[""].gauges, missing) == ({"http.a.some": 1}, "")


def test_all_at_rest() -> None:
    assert rest_of(always({})).wait(60)[1] == ""


def test_a_counter_that_an_old_binary_has_is_not_new_on_another_envoy() -> None:
    was, now = (Observation(200, stats=each) for each in ({}, {"cluster.app.upstream_rq_total (server/envoy)": 1}))
    known = frozenset({"cluster.*.upstream_rq_total"})
    assert list(observation_changes(was, now, known)) == [
        ObservedChange("statistic", "cluster.*.upstream_rq_total (server/envoy)", "+0", "+1")
    ]
    assert [each.kind for each in observation_changes(was, now, frozenset({"x"}))] == ["statistic-added"]
