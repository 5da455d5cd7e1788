"""What an Envoy does not take of a dump, which is served to it: left out with its place, and the rest is compared."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from takeover.store import documents as store
from tests.check.whole import ADMIN, API, HTTP, checked, cluster, dumped, listener, typed, written

ADS = {"ads": {}, "resource_api_version": "V3"}
BAD = {"match": {"safe_regex": {"regex": "(unclosed"}}, "direct_response": {"status": 200}}
LUA = f"{HTTP}lua.v3.Lua"
HOME = {"match": {"path": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "home\n"}}}
TO_APP = {"name": "app", "match": {"prefix": "/app"}, "route": {"cluster": "app"}}


def test_a_listener_and_a_cluster_that_are_not_taken_are_findings_with_their_lines(tmp_path: Path) -> None:
    listeners = [listener("odd", 8000, BAD), listener("web", 8001, HOME, TO_APP)]
    clusters = [
        cluster("app"),
        cluster("none", lb_policy="RING_HASH", ring_hash_lb_config={"minimum_ring_size": 1 << 40}),
    ]
    file = dumped(tmp_path, listeners, clusters)

    ended = checked(file, "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = store.read(tmp_path / "reports/latest/results/new.json")
    assert found.checked is not msgspec.UNSET
    gone = {each.names[0]: each for each in found.checked.left_out}
    assert gone.keys() == {"listener odd", "cluster none"}
    assert "(unclosed" in gone["listener odd"].message
    lines = file.read_text().splitlines()
    for name, word in (("listener odd", '"listener": {'), ("cluster none", '"cluster": {')):
        line = int(gone[name].where.rpartition(":")[2])
        assert word in lines[line - 1]
    assert [each.loads for each in found.configs] == [False]
    reached = {each.name for each in found.checked.parts if each.probes}
    assert {"web", "app"} <= reached


def test_a_listener_is_a_finding_too_where_a_validation_ends_by_a_crash(tmp_path: Path) -> None:
    """As that of clusters whose hosts are found by each request, and whose authority is served, does in all Envoys."""
    keys = typed(f"{HTTP}api_key_auth.v3.ApiKeyAuth", key_sources=[{"header": "x-key"}])
    keys["credentials"] = [{"key": "one", "client": each} for each in ("anna", "berta")]
    trusted = {"name": "trust", "sds_config": ADS}
    context = typed(f"{API}extensions.transport_sockets.tls.v3.UpstreamTlsContext")
    context["common_tls_context"] = {"validation_context_sds_secret_config": trusted}
    kind = typed(f"{API}extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig")
    kind["dns_cache_config"] = {"name": "names"}
    by_request: dict[str, Any] = {
        "name": "by-request",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {"name": "by-request", "typed_config": kind},
        "transport_socket": {"name": "tls", "typed_config": context},
    }
    listeners = [listener("odd", 8000, HOME, filters=({"name": "keys", "typed_config": keys},))]
    listeners.append(listener("web", 8001, HOME, TO_APP))
    clusters = [
        cluster("app"),
        by_request,
        {"name": "by-eds", "type": "EDS", "eds_cluster_config": {"eds_config": ADS}},
    ]

    ended = checked(dumped(tmp_path, listeners, clusters, *sections("GRPC")[:1]), "--probes-per-route", "3", pair=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = store.read(tmp_path / "reports/latest/results/new.json")
    assert found.checked is not msgspec.UNSET
    [gone] = found.checked.left_out
    assert (gone.names, gone.envoys) == (["listener odd"], ["old", "new"])
    assert gone.message.startswith("Duplicated credential key")
    assert [each.loads for each in found.configs] == [False]
    assert {"web", "app"} <= {each.name for each in found.checked.parts if each.probes}


def asking(name: str, port: int, *filters: dict[str, Any], routes: str = "") -> dict[str, Any]:
    """A listener whose table of routes is served."""
    made = listener(name, port, filters=filters)
    manager = made["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["route_config"]
    manager["rds"] = {"route_config_name": routes or name, "config_source": ADS}
    return made


def secured(made: dict[str, Any]) -> dict[str, Any]:
    """The same by TLS, whose secrets are served."""
    named = {each: {"name": each, "sds_config": ADS} for each in ("pair", "trust")}
    common: dict[str, Any] = {"tls_certificate_sds_secret_configs": [named["pair"]]}
    common |= {"validation_context_sds_secret_config": named["trust"]}
    context = f"{API}extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    made["filter_chains"][0]["transport_socket"] = {
        "name": "tls",
        "typed_config": typed(context, common_tls_context=common),
    }
    return made


def sections(method: str) -> list[dict[str, Any]]:
    """Those with what else is served, one of each type such that Envoy refuses it, and one that it takes."""
    tables: list[dict[str, Any]] = [
        {"name": name, "virtual_hosts": [{"name": f"of-{name}", "domains": ["*"], "routes": list(routes)}]}
        for name, *routes in (("fine", TO_APP, HOME), ("odd", BAD), ("web", HOME))
    ]
    pair = {"certificate_chain": {"inline_string": "given"}, "private_key": {"inline_string": "[redacted]"}}
    names = [{"san_type": "DNS", "matcher": {"exact": "anybody"}}]
    secrets: list[dict[str, Any]] = [
        {"name": "pair", "tls_certificate": pair},
        {"name": "trust", "validation_context": {"match_typed_subject_alt_names": names}},
    ]
    scripts = {"good": "function envoy_on_request(h) end", "bad": "function ("}
    extensions = [
        {"name": name, "typed_config": typed(LUA, default_source_code={"inline_string": script})}
        for name, script in scripts.items()
    ]
    endpoint = {"address": {"socket_address": {"address": "10.9.8.7", "port_value": 80}}}
    endpoints: list[dict[str, Any]] = [
        {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}], **more}
        for name, more in (("app", {}), ("lost", {"policy": {"overprovisioning_factor": 0}}))
    ]
    ads: dict[str, Any] = {"api_type": method, "transport_api_version": "V3"}
    ads |= {"grpc_services": [{"envoy_grpc": {"cluster_name": "nowhere"}}]}
    kinds: dict[str, tuple[str, str, str, list[dict[str, Any]]]] = {
        "RoutesConfigDump": ("dynamic_route_configs", "route_config", "config.route.v3.RouteConfiguration", tables),
        "SecretsConfigDump": (
            "dynamic_active_secrets", "secret", "extensions.transport_sockets.tls.v3.Secret", secrets),
        "EcdsConfigDump": ("ecds_filters", "ecds_filter", "config.core.v3.TypedExtensionConfig", extensions),
        "EndpointsConfigDump": (
            "dynamic_endpoint_configs", "endpoint_config", "config.endpoint.v3.ClusterLoadAssignment", endpoints),
    }  # fmt: skip
    return [
        {"@type": f"{ADMIN}BootstrapConfigDump", "bootstrap": {"dynamic_resources": {"ads_config": ads}}},
        *(
            {"@type": f"{ADMIN}{kind}", field: [{one: typed(f"{API}{message}", **each)} for each in of_it]}
            for kind, (field, one, message, of_it) in kinds.items()
        ),
    ]


@pytest.mark.parametrize("method", ["GRPC", "DELTA_GRPC"])
def test_what_else_is_served_and_not_taken_is_a_finding_with_its_line_and_the_rest_is_compared(
    method: str, tmp_path: Path
) -> None:
    by_eds = {"type": "EDS", "eds_cluster_config": {"eds_config": ADS}}
    clusters = [{"name": name, **by_eds} for name in ("app", "lost")]
    filters = {
        name: {"name": name, "config_discovery": {"config_source": ADS, "type_urls": [LUA]}} for name in ("good", "bad")
    }
    listeners = [
        asking("fine", 8000),
        asking("odd", 8001),
        asking("web", 8002),
        asking("scripted", 8003, filters["bad"], filters["good"], routes="web"),
        secured(asking("secure", 8443, routes="web")),
    ]
    file = dumped(tmp_path, listeners, clusters, *sections(method))

    ended = checked(file, "--probes-per-route", "3", pair=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = store.read(tmp_path / "reports/latest/results/new.json")
    assert found.checked is not msgspec.UNSET
    gone = {each.names[0]: each for each in found.checked.left_out}
    said = {
        "route configuration odd": ("(unclosed", '"route_config": {'),
        "secret trust": ("without trusted CA", '"secret": {'),
        "extension config bad": ("script load error", '"ecds_filter": {'),
        "endpoints of lost": ("policy.overprovisioning_factor: value must be", '"endpoint_config": {'),
    }
    assert gone.keys() == said.keys()
    lines = file.read_text().splitlines()
    for name, (message, word) in said.items():
        assert message in gone[name].message
        assert gone[name].envoys == ["old", "new"]
        line = int(gone[name].where.rpartition(":")[2])
        assert word in lines[line - 1]
        assert name.rpartition(" ")[2] in "".join(lines[line : line + 4])
    [config] = found.configs
    assert not config.loads
    assert all(each.message in config.error for each in gone.values())
    reached = {each.id for each in found.checked.parts if each.probes}
    hosts = {f"listener {name} / filter chain 0 / virtual host of-web" for name in ("web", "scripted")}
    assert {"listener fine / filter chain 0 / virtual host of-fine", "cluster app", *hosts} <= reached


def test_of_many_that_are_not_taken_twenty_are_told_and_the_others_counted(tmp_path: Path) -> None:
    names = [f"odd-{number}" for number in range(23)]
    listeners = [asking(name, 8000 + number) for number, name in enumerate([*names, "web"])]
    hosts = {name: [{"name": name, "domains": ["*"], "routes": [BAD]}] for name in names}
    hosts["web"] = [{"name": "web", "domains": ["*"], "routes": [HOME]}]
    tables = [typed(f"{API}config.route.v3.RouteConfiguration", name=each, virtual_hosts=hosts[each]) for each in hosts]
    ads: dict[str, Any] = {"api_type": "GRPC", "transport_api_version": "V3"}
    ads |= {"grpc_services": [{"envoy_grpc": {"cluster_name": "nowhere"}}]}
    served: list[dict[str, Any]] = [
        {"@type": f"{ADMIN}BootstrapConfigDump", "bootstrap": {"dynamic_resources": {"ads_config": ads}}},
        {"@type": f"{ADMIN}RoutesConfigDump", "dynamic_route_configs": [{"route_config": each} for each in tables]},
    ]

    ended = checked(dumped(tmp_path, listeners, (), *served), "--probes-per-route", "1")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = [each for each in (ended.stdout + ended.stderr).splitlines() if "does not take route configuration" in each]
    assert len(told) == 20
    assert "and 3 more that were left out: the page has them" in ended.stdout + ended.stderr
    found = store.read(tmp_path / "reports/latest/results/new.json")
    assert found.checked is not msgspec.UNSET
    assert {each.names[0] for each in found.checked.left_out} == {f"route configuration {each}" for each in names}


def test_what_is_longer_than_a_command_line_is_asked_about_too(tmp_path: Path) -> None:
    many = [{"match": {"path": f"/{number:0200}"}, "direct_response": {"status": 200}} for number in range(1_000)]
    file = written(tmp_path, listener("odd", 8000, BAD, *many), clusters=(cluster("app"),))
    assert file.stat().st_size > 200_000
    ended = checked(file)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "no Envoy takes it" in ended.stderr
    assert "(unclosed" in ended.stderr


def test_a_name_that_looks_like_one_of_chance_is_said_as_it_is(tmp_path: Path) -> None:
    name = "shop-3f2b6c1e-8a4d-4b0e-9c1a-2d3e4f5a6b7c"
    odd = {"match": {"prefix": "/"}, "route": {"cluster": name}}
    manager = (bad := listener(f"for-{name}", 8000, odd))["filter_chains"][0]["filters"][0]["typed_config"]
    manager["route_config"]["validate_clusters"] = True

    ended = checked(dumped(tmp_path, [bad, listener("web", 8001, HOME)], [cluster("app")]), "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    [line] = [each for each in ended.stdout.splitlines() + ended.stderr.splitlines() if "does not take" in each]
    assert line.count(name) == 2
