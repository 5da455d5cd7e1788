import pytest

from takeover.evidence.counters import EXCLUDED, Owner, difference, exclusion, moved_by, owners, states


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("server.uptime", "process"),
        ("main_thread.watchdog_miss", "process"),
        ("listener.admin.downstream_cx_total", "admin"),
        ("http.admin.downstream_rq_2xx", "admin"),
        ("dns.cares.resolve_total", "dns"),
        ("cluster.app_v1.update_success", "updates"),
        ("cluster.AllowAll.membership_total", "updates"),
        ("cluster.AllowAll.default.total_match_count", "updates"),
        ("cluster_manager.cluster_updated", "updates"),
        ("cluster.app.health_check.attempt", "probes"),
        ("cluster.app.upstream_cx_active", "states"),
        ("cluster.app.circuit_breakers.default.cx_open", "states"),
        ("cluster.app.upstream_cx_rx_bytes_buffered", "states"),
        ("cluster.app.upstream_cx_rx_bytes_total", "lengths"),
        ("listener.0.0.0.0_8080.tcp_stats.cx_rx_segments", "segments"),
        ("cluster.app.tcp_stats.cx_tx_retransmitted_segments", "segments"),
        ("cluster.app.external.upstream_rq_200", "copies"),
        ("listener.0.0.0.0_8080.worker_0.downstream_cx_total", "copies"),
        ("listener.0.0.0.0_8080.http.gateway.downstream_rq_2xx", "copies"),
        ("cluster.BlockAllCluster.upstream_cx_none_healthy", None),
        ("cluster.AllowAll.upstream_cx_total", None),
        ("listener.0.0.0.0_8080.downstream_cx_total", None),
        ("http.gateway_http.no_route", None),
        ("tcp.AllowAll.downstream_cx_total", None),
        ("local_rate_limit.local_rate_limiter.rate_limited", None),
        ("aa_local_rate_limiter.http_local_rate_limit.enforced", None),
        ("http.outbound|10.107.42.16_80.lua.executions", None),
        ("access_logs.grpc_access_log.logs_written", None),
    ],
)
def test_which_rule_leaves_a_counter_out(name: str, rule: str | None) -> None:
    found = exclusion(name)
    assert (found and found.name) == rule


def test_every_rule_has_a_name_of_its_own_and_a_reason() -> None:
    assert len({each.name for each in EXCLUDED}) == len(EXCLUDED)
    assert all(each.reason for each in EXCLUDED)


def test_the_difference_is_what_moved_and_by_how_much() -> None:
    before = {"http.a.rq_total": 3, "http.a.no_route": 1, "server.uptime": 5}
    after = {"http.a.rq_total": 5, "http.a.no_route": 1, "server.uptime": 9, "cluster.c.upstream_rq_200": 2}
    assert difference(before, after) == {"http.a.rq_total": 2, "cluster.c.upstream_rq_200": 2}


def test_the_states_are_what_gauges_are_that_traffic_left_otherwise() -> None:
    before = {
        "dns_cache.a.num_hosts": 1,
        "cluster.c.upstream_cx_active": 2,
        "server.memory_allocated": 5,
        "http.a.x": 1,
    }
    after = {
        "dns_cache.a.num_hosts": 2,
        "cluster.c.upstream_cx_active": 0,
        "cluster.d.circuit_breakers.default.rq_open": 1,
        "cluster.d.upstream_rq_active": 0,
        "cluster.d.membership_total": 3,
        "http.a.rds.r.version": 77,
        "bandwidth.http_bandwidth_limit.request_allowed_size": 1267,
        "http.a.adaptive_concurrency.gradient_controller.sample_rtt_msecs": 1,
        "server.uptime": 6,
        "listener.l.worker_0.downstream_cx_active": 1,
    }
    assert states(before, after) == {
        "dns_cache.a.num_hosts": 2,
        "cluster.c.upstream_cx_active": 0,
        "cluster.d.circuit_breakers.default.rq_open": 1,
        "http.a.x": 0,
    }


def test_owners_have_names_with_dots_and_the_admin_is_none() -> None:
    stats = dict.fromkeys(
        [
            "cluster.outbound|my.svc.upstream_cx_total",
            "http.outbound|10.107.42.16_80.downstream_rq_total",
            "http.admin.downstream_rq_total",
            "http.async-client.rq_total",
            "listener.0.0.0.0_15001.downstream_cx_total",
            "listener.0.0.0.0_15001.worker_0.downstream_cx_total",
            "listener.admin.downstream_cx_total",
            "tcp.AllowAll.downstream_cx_total",
        ],
        0,
    )
    assert owners(stats) == [
        Owner("listener", "0.0.0.0_15001"),
        Owner("http", "outbound|10.107.42.16_80"),
        Owner("tcp", "AllowAll"),
        Owner("cluster", "outbound|my.svc"),
    ]


def test_what_an_owner_moved() -> None:
    moved = {"http.a.rq_total": 1, "http.a.b.rq_total": 2, "http.ab.rq_total": 3, "cluster.a.upstream_rq_total": 4}
    assert moved_by(Owner("http", "a"), moved) == {"rq_total": 1, "b.rq_total": 2}
    assert moved_by(Owner("cluster", "a"), moved) == {"upstream_rq_total": 4}
