"""Clusters that a connection chooses by the name for which it asks (SNI)."""

from pathlib import Path

from takeover.store import documents as store
from tests.check.test_sidecar import found
from tests.check.whole import API, checked, cluster, typed, written

NETWORK = f"{API}extensions.filters.network."
BY_NAME = {"name": "by-name", "typed_config": typed(f"{NETWORK}sni_cluster.v3.SniCluster")}
PROXY = typed(f"{NETWORK}tcp_proxy.v3.TcpProxy", stat_prefix="behind", cluster="unnamed")
ANSWER = typed(f"{NETWORK}direct_response.v3.Config", response={"inline_string": "here"})
INSPECTOR = typed(f"{API}extensions.filters.listener.tls_inspector.v3.TlsInspector")


def test_each_cluster_is_asked_for_by_its_name_and_only_where_a_chain_passes_it_on(tmp_path: Path) -> None:
    gate = {
        "name": "gate",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8443}},
        "listener_filters": [{"name": "tls", "typed_config": INSPECTOR}],
        "filter_chains": [
            {
                "filter_chain_match": {"server_names": ["kept.mesh"]},
                "filters": [{"name": "answer", "typed_config": ANSWER}],
            },
            {
                "filter_chain_match": {"server_names": ["*.mesh", "outbound_.80_._.c"]},
                "filters": [BY_NAME, {"name": "tcp", "typed_config": PROXY}],
            },
        ],
    }
    clusters = [cluster(name) for name in ("a.mesh", "b~2.mesh", "outbound_.80_._.c", "kept.mesh", "elsewhere")]

    ended = checked(written(tmp_path, gate, clusters=(*clusters,)))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    reached = {each.name for each in found(tmp_path).parts if each.kind == "cluster" and each.probes}
    assert reached == {"a.mesh", "b~2.mesh", "outbound_.80_._.c"}
    probes = store.read(tmp_path / "reports/latest/results/new.json").probes
    [seen] = [each.observation for each in probes if each.probe.endswith("-to-a-mesh")]
    assert seen.body == "GET /probe HTTP/1.1\r\nHost: probe.example\r\n\r\n"
