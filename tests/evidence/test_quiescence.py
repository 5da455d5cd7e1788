import pytest

from takeover.evidence.quiescence import (
    connections,
    forwarded_requests,
    log_entries,
    not_ended,
    open_now,
    under_way,
    written_entries,
)

AT_REST = {
    "http.gateway.downstream_rq_active": 0,
    "http.admin.downstream_rq_active": 1,  # the question by which we learn this
    "cluster.app.upstream_rq_active": 0,
    "cluster.app.upstream_cx_active": 1,  # kept for the next request
    "listener.admin.downstream_cx_active": 1,
    "listener.0.0.0.0_80.downstream_cx_active": 2,
    "listener.0.0.0.0_80.downstream_pre_cx_active": 0,
    "listener.0.0.0.0_80.worker_0.downstream_cx_active": 2,
}


def test_connections_are_those_of_clients() -> None:
    assert connections(AT_REST) == 2
    assert connections(AT_REST | {"listener.0.0.0.0_80.downstream_pre_cx_active": 1}) == 3


def test_connections_of_an_internal_listener_are_envoys_own() -> None:
    assert connections(AT_REST | {"listener.envoy_internal_inner.downstream_cx_active": 1}) == 2


def test_what_is_open_by_the_gauges_that_tell_of_it() -> None:
    assert open_now(AT_REST | {"cluster.app.upstream_cx_destroy": 3, "http.gateway.downstream_rq_active": 1}) == {
        "cluster.app.upstream_cx_active": 1,
        "listener.0.0.0.0_80.downstream_cx_active": 2,
        "http.gateway.downstream_rq_active": 1,
    }


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cluster.app.upstream_cx_active", 7, ""),
        ("http.gateway.downstream_rq_active", 1, "http.gateway.downstream_rq_active is 1"),
        ("cluster.app.upstream_rq_active", 3, "cluster.app.upstream_rq_active is 3"),
        ("cluster.app.upstream_rq_pending_active", 1, "cluster.app.upstream_rq_pending_active is 1"),
    ],
)
def test_what_is_under_way(name: str, value: int, words: str) -> None:
    assert under_way(AT_REST) == ""
    assert under_way(AT_REST | {name: value}) == words


@pytest.mark.parametrize(
    ("stats", "entries"),
    [
        ({}, 0),
        ({"http.a.downstream_rq_total": 5, "http.a.downstream_rq_active": 1, "http.admin.downstream_rq_total": 9}, 4),
        # Two of the five TCP connections are open; the third connection that is open belongs to HTTP.
        (
            {
                "tcp.AllowAll.downstream_cx_total": 5,
                "listener.0.0.0.0_15001.downstream_cx_active": 3,
                "listener.0.0.0.0_15001.worker_0.downstream_cx_active": 3,
                "http.a.downstream_cx_active": 1,
            },
            3,
        ),
        ({"local_rate_limit.l.rate_limited": 2, "http.a.downstream_rq_total": 1}, 3),
    ],
)
def test_how_many_log_entries_there_must_be(stats: dict[str, int], entries: int) -> None:
    assert log_entries(stats) == entries


def test_how_many_log_entries_envoy_has_written() -> None:
    assert written_entries({}) == 0
    assert written_entries({"filesystem.write_buffered": 3, "filesystem.write_completed": 1}) == 3


def test_requests_are_forwarded_by_clusters_that_speak_http() -> None:
    stats = {
        "cluster.app.upstream_cx_http1_total": 1,
        "cluster.app.upstream_rq_total": 7,
        "cluster.AllowAll.upstream_cx_http1_total": 0,
        "cluster.AllowAll.upstream_rq_total": 5,
    }
    assert forwarded_requests({}, stats) == {"app": 7}
    assert forwarded_requests({"cluster.app.upstream_rq_total": 5}, stats) == {"app": 2}
    assert forwarded_requests(stats, stats) == forwarded_requests({}, stats, {"app"}) == {}


@pytest.mark.parametrize(
    ("counted", "active", "left"),
    [
        ({"total": 2, "destroy": 1}, 0, 1),  # of TCP
        ({"total": 2, "destroy": 1}, 1, 0),
        ({"total": 2, "http1_total": 2, "destroy": 1}, 0, 1),
        ({"total": 2, "http2_total": 1, "destroy": 1}, 0, 0),  # ALPN chose: counted twice
        ({"total": 2, "http2_total": 1, "destroy": 0}, 1, 0),
        ({"total": 2, "http2_total": 1, "destroy": 0}, 0, 2),
        ({"total": 3, "http2_total": 1, "connect_fail": 1, "destroy": 1}, 0, 2),
    ],
)
def test_connections_whose_end_is_not_counted_yet(counted: dict[str, int], active: int, left: int) -> None:
    stats = {f"cluster.app.upstream_cx_{name}": value for name, value in counted.items()}
    found = not_ended(stats, {"cluster.app.upstream_cx_active": active}, {})
    assert found == ({"cluster.app": left} if left else {})


def test_a_connection_by_a_second_address_is_known_to_have_ended_after_others_that_failed() -> None:
    cluster = "cluster.app.upstream_cx_"
    failed = {f"{cluster}{name}": 1 for name in ("total", "http1_total", "connect_fail", "destroy")}
    tried_twice = {
        f"{cluster}total": 3,
        f"{cluster}http1_total": 2,
        f"{cluster}connect_fail": 1,
        f"{cluster}destroy": 2,
    }
    assert not_ended(failed, {}, {}) == {}
    assert not_ended(tried_twice, {}, failed) == {}
    assert not_ended(tried_twice | {f"{cluster}destroy": 1}, {}, failed) == {"cluster.app": 2}


def test_the_end_is_missing_also_of_a_listener_that_was_made_anew() -> None:
    before = {"listener.a.downstream_cx_total": 5, "listener.a.downstream_cx_destroy": 5}
    assert not_ended({"listener.a.downstream_cx_total": 1}, {}, before) == {"listener.a": 1}
    assert not_ended({"listener.a.downstream_cx_total": 1, "listener.a.downstream_cx_destroy": 1}, {}, before) == {}
