"""Legal configs of every form: the statistics that they give a real Envoy."""

from pathlib import Path

import pytest
import yaml

from takeover.envoy.pypi import installed
from takeover.inventory import running
from takeover.inventory.configs import Config
from takeover.scenario.library import Library

TCP = (
    '{name: tcp, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, '
    "stat_prefix: %s, cluster: %s}}"
)
UDP_PROXY = "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3"
INTERNAL = "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
CONFIGS = {
    "nothing": "{}",
    "sections without content": "static_resources: {listeners: , clusters: }",
    "cluster without a type": "static_resources: {clusters: [{name: no-type}]}",
    "listeners without names, on pipes": f"""
static_resources:
  listeners:
  - {{address: {{pipe: {{path: /run/a.sock}}}}, filter_chains: [{{filters: [{TCP % ("of-a", "c")}]}}]}}
  - {{address: {{pipe: {{path: /run/b.sock}}}}, filter_chains: [{{filters: [{TCP % ("of-b", "c")}]}}]}}
  clusters: [{{name: c}}]
""",
    "camelCase, IPv6, a stat_prefix of its own, and DNS": f"""
staticResources:
  listeners:
  - address: {{socketAddress: {{address: "::1", portValue: 99}}}}
    statPrefix: mine
    additionalAddresses: [{{address: {{socketAddress: {{address: "::1", portValue: 98}}}}}}]
    filterChains: [{{filters: [{TCP % ("of-camel", "resolved")}]}}]
  clusters:
  - name: resolved
    type: STRICT_DNS
    loadAssignment:
      clusterName: resolved
      endpoints: [{{lbEndpoints: [{{endpoint: {{address: {{socketAddress: {{address: a.example, portValue: 1}}}}}}}}]}}]
""",
    "UDP": f"""
static_resources:
  listeners:
  - name: udp
    address: {{socket_address: {{address: 0.0.0.0, port_value: 53, protocol: UDP}}}}
    listener_filters:
    - name: envoy.filters.udp_listener.udp_proxy
      typed_config:
        "@type": {UDP_PROXY}.UdpProxyConfig
        stat_prefix: of-udp
        matcher:
          on_no_match: {{action: {{name: r, typed_config: {{"@type": {UDP_PROXY}.Route, cluster: c}}}}}}
  clusters: [{{name: c}}]
""",
    "an internal listener": f"""
bootstrap_extensions: [{{name: envoy.bootstrap.internal_listener, typed_config: {{"@type": {INTERNAL}}}}}]
static_resources:
  listeners: [{{name: inner, internal_listener: {{}}, filter_chains: [{{filters: [{TCP % ("of-inner", "c")}]}}]}}]
  clusters: [{{name: c}}]
""",
    "a cluster that waits": """
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
static_resources:
  clusters:
  - {name: xds}
  - name: late
    type: EDS
    eds_cluster_config: {eds_config: {resource_api_version: V3, ads: {}, initial_fetch_timeout: 0.3s}}
""",
    "ADS": """
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
static_resources:
  clusters:
  - {name: xds}
  - {name: by-ads, type: EDS, eds_cluster_config: {eds_config: {resource_api_version: V3, ads: {}}}}
""",
}
GIVEN = {
    "cluster without a type": {"cluster.no-type.upstream_cx_total"},
    "listeners without names, on pipes": {
        "tcp.of-a.downstream_cx_total",
        "tcp.of-b.downstream_cx_total",
        "listener./run/a.sock.downstream_cx_total",
    },
    "camelCase, IPv6, a stat_prefix of its own, and DNS": {
        "listener.mine.downstream_cx_total",
        "cluster.resolved.upstream_cx_total",
    },
    "UDP": {"udp.of-udp.downstream_sess_total", "listener.0.0.0.0_53.downstream_cx_total"},
    "an internal listener": {"tcp.of-inner.downstream_cx_total"},
    "a cluster that waits": {"cluster.late.upstream_cx_total", "server.worker_0.watchdog_miss"},
    "ADS": {"cluster.by-ads.upstream_cx_total"},
}


def stats(monkeypatch: pytest.MonkeyPatch, *names: str) -> set[str]:
    written = [Config("scenario", "manifest", Path(name), yaml.safe_load(CONFIGS[name])) for name in names]
    monkeypatch.setattr(running, "configs", lambda *_: written)
    extensions, found = running.extensions_and_stats(installed()[1], Library.bundled())
    assert "envoy.filters.http/envoy.filters.http.lua" in extensions
    return set(found)


@pytest.mark.parametrize(
    ("name", "comes"),
    [
        ("cluster.keys.internal.upstream_rq_503", True),
        ("cluster.keys.external.upstream_rq_completed", True),
        ("cluster.keys.upstream_rq_5xx", True),
        ("cluster.keys.upstream_rq_completed", True),
        ("cluster.keys.upstream_rq_total", False),
        ("cluster.keys.upstream_rq_per_try_timeout", False),
        ("http.keys.downstream_rq_5xx", False),
    ],
)
def test_what_comes_with_requests_alone_is_chance(name: str, comes: bool) -> None:
    assert bool(running._COMES_WITH_REQUESTS.search(name)) == comes


def test_configs_that_no_argument_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def config(name: str, length: int) -> Config:
        cluster = {"name": name, "metadata": {"filter_metadata": {"a": {"text": "x" * length}}}}
        return Config(name, "manifest", Path(name), {"static_resources": {"clusters": [cluster]}})

    # Two that go together, one that does not go with them, one too long by itself.
    there = [config("a", 60_000), config("b", 60_000), config("c", 60_000), config("d", 300_000)]
    monkeypatch.setattr(running, "configs", lambda *_: there)
    monkeypatch.setattr(running, "_told_by_all", running._told)
    _, found = running.extensions_and_stats(installed()[1], Library.bundled())
    assert {f"cluster.{name}.upstream_cx_total" for name in "abcd"} <= set(found)


@pytest.mark.parametrize("name", CONFIGS)
def test_one_config(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_told_by_all", running._told)  # one alone must be taken as it is
    assert GIVEN.get(name, set()) <= stats(monkeypatch, name)


def test_several_envoys_of_a_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_told_by_all", running._told)
    names = [name for name in CONFIGS if name not in ("ADS", "a cluster that waits")]

    assert set.union(*(GIVEN.get(name, set()) for name in names)) <= stats(monkeypatch, *names, *names[3:5])


def test_what_does_not_go_together_is_taken_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set.union(*GIVEN.values()) <= stats(monkeypatch, *CONFIGS)


def test_a_config_that_envoy_rejects_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONFIGS, "rejected", "static_resources: {clusters: [{name: bad, typo: 1}]}")
    found = stats(monkeypatch, "rejected", "cluster without a type")

    assert "cluster.no-type.upstream_cx_total" in found
    assert not [each for each in found if each.startswith("cluster.bad.")]
