"""Clusters to which a request or a connection says itself where it goes: by a header, by SNI."""

from pathlib import Path

from takeover.store import documents as store
from tests.check.test_sidecar import found
from tests.check.whole import API, checked, cluster, listener, typed, written

NETWORK = f"{API}extensions.filters.network."
INSPECTOR = typed(f"{API}extensions.filters.listener.tls_inspector.v3.TlsInspector")
NAMES = {"name": "names", "dns_lookup_family": "V4_ONLY"}
BY_HEADER = {"name": "by-header", "connect_timeout": "1s", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}
FORWARDS = {
    "name": "forwards",
    "connect_timeout": "1s",
    "lb_policy": "CLUSTER_PROVIDED",
    "cluster_type": {
        "name": "forwards",
        "typed_config": typed(
            f"{API}extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig", dns_cache_config=NAMES
        ),
    },
}


def test_a_destination_that_a_header_says_is_one_that_answers(tmp_path: Path) -> None:
    others = {**BY_HEADER, "original_dst_lb_config": {"use_http_header": True, "http_header_name": "x-to"}}
    own = {
        **BY_HEADER,
        "name": "own",
        "original_dst_lb_config": {"use_http_header": True, "upstream_port_override": 81},
    }
    front = listener(
        "front",
        8080,
        {"match": {"prefix": "/own"}, "route": {"cluster": "own"}},
        {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [
            {"name": "app", "weight": 1}, {"name": "by-header", "weight": 1},
        ]}}},
    )  # fmt: skip

    ended = checked(written(tmp_path, front, clusters=(others, own, cluster("app"))))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen = {
        each.probe.removeprefix("routes/shop-"): each.observation
        for each in store.read(tmp_path / "reports/latest/results/new.json").probes
    }
    answered = ("route-0", "route-1", "route-1-weight-of-by-header")
    assert {name: seen[name].status for name in answered} == dict.fromkeys(answered, 200)
    refused = ("route-0-no-x-envoy-original-dst-host", "route-0-a-name-in-x-envoy-original-dst-host")
    assert {name: seen[name].status for name in refused} == dict.fromkeys(refused, 503)


def test_a_host_that_sni_says_is_reached(tmp_path: Path) -> None:
    by_name = typed(f"{NETWORK}sni_dynamic_forward_proxy.v3.FilterConfig", port_value=8443, dns_cache_config=NAMES)
    proxy = typed(f"{NETWORK}tcp_proxy.v3.TcpProxy", stat_prefix="behind", cluster="forwards")
    gate = {
        "name": "gate",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8443}},
        "listener_filters": [{"name": "tls", "typed_config": INSPECTOR}],
        "filter_chains": [
            {"filters": [{"name": "by-name", "typed_config": by_name}, {"name": "tcp", "typed_config": proxy}]}
        ],
    }

    ended = checked(written(tmp_path, gate, clusters=(FORWARDS,)))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert {each.name for each in found(tmp_path).parts if each.kind == "cluster" and each.probes} == {"forwards"}
    probes = store.read(tmp_path / "reports/latest/results/new.json").probes
    [seen] = [each.observation for each in probes if each.probe == "tcp/gate-0-http-1"]
    assert seen.body == "GET /probe HTTP/1.1\r\nHost: probe.example\r\n\r\n"
