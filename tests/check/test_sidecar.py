"""Dumps of a mesh's sidecar whose listeners look where a connection was for, and choose a chain by that."""

from pathlib import Path
from typing import Any

import msgspec

from takeover.model.checked import Checked
from takeover.store import documents as store
from tests.check.whole import ADMIN, API, checked, cluster, dumped, listener, typed

ADS = {"ads": {}, "resource_api_version": "V3"}
FILTERS = f"{API}extensions.filters.listener."
TLS = f"{API}extensions.transport_sockets.tls.v3."
REDACTED = "W3JlZGFjdGVkXQ=="
HOME = {"match": {"path": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "home\n"}}}
CONTROL = {
    "name": "controller",
    "type": "STRICT_DNS",
    "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            f"{API}extensions.upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config={"http2_protocol_options": {}},
        )
    },
    "load_assignment": cluster("controller")["load_assignment"],
}
DYNAMIC = {
    "ads_config": {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "controller"}}],
    },
    "cds_config": ADS,
    "lds_config": ADS,
}
BOOTSTRAP = {
    "@type": f"{ADMIN}BootstrapConfigDump",
    "bootstrap": {"dynamic_resources": DYNAMIC, "static_resources": {"clusters": [CONTROL]}},
}


def by_address(name: str, port: int, match: dict[str, Any], *filters: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"{name}_{port}", "filter_chain_match": {"destination_port": port, **match}, "filters": [*filters]}


def through(cluster_name: str) -> dict[str, Any]:
    proxy = f"{API}extensions.filters.network.tcp_proxy.v3.TcpProxy"
    return {"name": "tcp", "typed_config": typed(proxy, stat_prefix=f"tcp.{cluster_name}", cluster=cluster_name)}


def by_routes(name: str) -> dict[str, Any]:
    """A connection manager whose table of routes is served."""
    [made] = listener(name, 0)["filter_chains"][0]["filters"]
    del made["typed_config"]["route_config"]
    made["typed_config"]["rds"] = {"route_config_name": name, "config_source": ADS}
    return dict(made)


def looking(**kinds: str) -> list[dict[str, Any]]:
    """Listener filters: name → message."""
    return [{"name": name, "typed_config": typed(f"{FILTERS}{name}.v3.{kind}")} for name, kind in kinds.items()]


def mutual(kind: str, trust: str, **fields: Any) -> dict[str, Any]:
    pair, validation = ({"name": name, "sds_config": ADS} for name in ("service-cert", trust))
    common = {"tls_certificate_sds_secret_configs": [pair], "validation_context_sds_secret_config": validation}
    context = typed(f"{TLS}{kind}", common_tls_context={**common, "alpn_protocols": ["mesh"]}, **fields)
    return {"name": "tls", "typed_config": context}


def section(kind: str, field: str, one: str, message: str, *resources: dict[str, Any]) -> dict[str, Any]:
    listed = [{one: typed(f"{API}{message}", **each)} for each in resources]
    return {"@type": f"{ADMIN}{kind}ConfigDump", field: listed}


def table(name: str, *clusters: str) -> dict[str, Any]:
    action = {"weighted_clusters": {"clusters": [{"name": each, "weight": 100} for each in clusters]}}
    routes = [{"match": {"safe_regex": {"regex": ".*"}}, "route": action}]
    return {"name": name, "virtual_hosts": [{"name": f"for-{name}", "domains": [name, f"{name}.ns"], "routes": routes}]}


def endpoints(name: str, address: str, port: int) -> dict[str, Any]:
    at = {"address": {"socket_address": {"address": address, "port_value": port}}}
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": at}]}]}


def found(folder: Path) -> Checked:
    told = store.read(folder / "reports/latest/results/new.json").checked
    assert told is not msgspec.UNSET
    return told


def test_each_chain_is_reached_by_the_address_and_port_that_it_is_for(tmp_path: Path) -> None:
    addresses = [{"address_prefix": f"10.0.0.{number}", "prefix_len": 32} for number in (1, 2, 3)]
    outbound = listener("outbound", 15001)
    outbound["listener_filters"] = looking(original_dst="OriginalDst")
    outbound["filter_chains"] = [
        by_address("http", 80, {"prefix_ranges": addresses[:2]}, by_routes("shop")),
        by_address("tcp", 3306, {"prefix_ranges": addresses[2:]}, through("db")),
    ]
    outbound["default_filter_chain"] = {"name": "egress", "filters": [through("passthrough")]}
    inbound = listener("inbound", 15003)
    inbound["listener_filters"] = looking(tls_inspector="TlsInspector", original_dst="OriginalDst")
    match = {"server_names": ["own.ns"], "transport_protocol": "tls", "application_protocols": ["mesh"]}
    inbound["filter_chains"] = [by_address("http", 80, match, by_routes("own"))]
    inbound["filter_chains"][0]["transport_socket"] = mutual(
        "DownstreamTlsContext", "trust-in", require_client_certificate=True
    )
    by_eds = {"type": "EDS", "eds_cluster_config": {"eds_config": ADS}}
    clusters: list[dict[str, Any]] = [
        {"name": "shop", **by_eds, "transport_socket": mutual("UpstreamTlsContext", "trust-out", sni="shop.ns")},
        {"name": "db", **by_eds},
        {"name": "own", "type": "STATIC", "load_assignment": endpoints("own", "127.0.0.1", 8080)},
        {"name": "passthrough", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"},
    ]
    secret = {"inline_bytes": REDACTED}
    secrets = [
        {"name": "service-cert", "tls_certificate": {"certificate_chain": secret, "private_key": secret}},
        {"name": "trust-in", "validation_context": {"trusted_ca": secret}},
        {"name": "trust-out", "validation_context": {"trusted_ca": secret}},
    ]
    file = dumped(
        tmp_path,
        [outbound, inbound],
        clusters,
        BOOTSTRAP,
        section(
            "Routes",
            "dynamic_route_configs",
            "route_config",
            "config.route.v3.RouteConfiguration",
            *(table(each, each) for each in ("shop", "own")),
        ),
        section("Secrets", "dynamic_active_secrets", "secret", "extensions.transport_sockets.tls.v3.Secret", *secrets),
        section(
            "Endpoints",
            "dynamic_endpoint_configs",
            "endpoint_config",
            "config.endpoint.v3.ClusterLoadAssignment",
            endpoints("shop", "10.244.0.5", 14001),
            endpoints("db", "10.244.0.6", 3306),
        ),
    )

    ended = checked(file, "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    reached = {each.id for each in found(tmp_path).parts if each.probes}
    assert reached == {each.id for each in found(tmp_path).parts if each.name != "controller"}
    chains = {each.name for each in found(tmp_path).parts if each.kind == "filter chain"}
    assert chains == {"filter chain http_80", "filter chain tcp_3306", "default filter chain"}


def test_filters_without_their_types_are_the_listeners_fault_and_not_that_of_the_control_planes_cluster(
    tmp_path: Path,
) -> None:
    old = [listener(name, port, HOME) for name, port in (("one", 8000), ("two", 8001))]
    for each in old:
        del each["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["typed_config"]
        each["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["name"] = "envoy.filters.http.router"
    file = dumped(tmp_path, [*old, listener("web", 8002, HOME)], [cluster("app")], BOOTSTRAP)

    ended = checked(file, "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    gone = found(tmp_path).left_out
    assert [each.names for each in gone] == [["listener one"], ["listener two"]]
    assert all("registered implementation for 'envoy.filters.http.router'" in each.message for each in gone)
    assert {each.name for each in found(tmp_path).parts if each.kind == "listener" and each.probes} == {"web"}
