"""Checks of configurations that look at where a connection, or a request, comes from."""

import re
from pathlib import Path
from typing import Any

import pytest

from takeover.model.document import ProbeResult
from takeover.store import documents as store
from tests.check.whole import API, HTTP, checked, cluster, listener, typed, written

TO_APP = {"name": "app", "match": {"prefix": "/"}, "route": {"cluster": "app"}}
OFFICE = {"address_prefix": "10.9.0.0", "prefix_len": 16}
HOME = {"address_prefix": "192.168.7.0", "prefix_len": 24}


def only_from(key: str, *ranges: dict[str, Any]) -> dict[str, Any]:
    policy = {"permissions": [{"any": True}], "principals": [{key: each} for each in ranges]}
    return {"name": "only-from", "typed_config": typed(f"{HTTP}rbac.v3.RBAC", rules={"policies": {"in": policy}})}


def probes(folder: Path, file: Path) -> tuple[dict[str, ProbeResult], str]:
    """What was observed, by the probes' names, and what was printed."""
    ended = checked(file, "--within", "8")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = store.read(folder / "reports/latest/results/new.json").probes
    return {each.probe.partition("/")[2]: each for each in found}, ended.stdout


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        ("remote_ip", {}),
        ("remote_ip", {"xff_num_trusted_hops": 2}),
        ("remote_ip", {"use_remote_address": True}),
        ("remote_ip", {"use_remote_address": True, "xff_num_trusted_hops": 2}),
        ("direct_remote_ip", {"use_remote_address": True}),
        ("source_ip", {}),
    ],
)
def test_who_comes_from_a_list_of_addresses_gets_through_and_nobody_beside_it(
    tmp_path: Path, key: str, settings: dict[str, Any]
) -> None:
    front = listener("web", 8000, TO_APP, filters=(only_from(key, OFFICE, HOME),))
    front["filter_chains"][0]["filters"][0]["typed_config"] |= settings
    found, printed = probes(tmp_path, written(tmp_path, front, clusters=(cluster("app"),)))
    assert found["shop-app"].observation.status == 200
    by_rule = {name.removeprefix("web-rule-in"): each for name, each in found.items() if "web-rule-in" in name}
    statuses = {name: each.observation.status for name, each in by_rule.items()}
    assert statuses == {"": 200, "-by-2": 200, f"-no-{key.replace('_', '-')}-another": 403}
    assert "10.10.0.0" in str(by_rule[f"-no-{key.replace('_', '-')}-another"].request)
    assert "asks for" not in printed


@pytest.mark.parametrize("is_proxied", [False, True])
def test_each_chain_is_reached_from_where_it_asks(tmp_path: Path, is_proxied: bool) -> None:
    matches = {
        "office": {"source_prefix_ranges": [OFFICE]},
        "inside": {"source_type": "SAME_IP_OR_LOOPBACK"},
    }
    front = listener("web", 8000, TO_APP)
    [chain] = front.pop("filter_chains")
    front["filter_chains"] = [{**chain, "name": name, "filter_chain_match": match} for name, match in matches.items()]
    front["default_filter_chain"] = {**chain, "name": "rest"}
    if is_proxied:
        proxy = typed(f"{API}extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")
        front["listener_filters"] = [{"name": "proxy", "typed_config": proxy}]
    found, printed = probes(tmp_path, written(tmp_path, front, clusters=(cluster("app"),)))
    assert re.search(r"filter chains +3 of 3", printed)
    taken = {name: str(each.observation.log[0]["filter_chain"]) for name, each in found.items() if each.observation.log}
    assert {name: taken[f"web-chain-{name}"] for name in ("office", "inside", "rest")} == {
        "office": "office",
        "inside": "inside",
        "rest": "rest",
    }
    assert taken["web-chain-office-source-address-another"] == "rest"


def test_a_header_without_which_every_request_is_refused_is_sent(tmp_path: Path) -> None:
    detection = f"{API}extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig"
    refusing = typed(detection, header_name="X-Client", reject_with_status={"code": "Forbidden"})
    front = listener("web", 8000, TO_APP, filters=(only_from("remote_ip", OFFICE),))
    manager = front["filter_chains"][0]["filters"][0]["typed_config"]
    manager["original_ip_detection_extensions"] = [{"name": "header", "typed_config": refusing}]
    found, _ = probes(tmp_path, written(tmp_path, front, clusters=(cluster("app"),)))
    assert found["shop-app"].observation.status == 200
    assert "x-client: 10.9.0.1" in str(found["shop-app"].request)
    refused = {each.observation.status for each in found.values() if "x-client: 10.10.0.0" in str(each.request)}
    assert refused == {403}


NETWORK = f"{API}extensions.matching.common_inputs.network.v3."
ACTION = "envoy.config.rbac.v3.Action"


def of_tree(name: str, *ranges: dict[str, Any]) -> dict[str, Any]:
    """A filter that lets through what comes from there, by a tree of matchers."""
    nets = typed(f"{API}extensions.matching.input_matchers.ip.v3.Ip", cidr_ranges=list(ranges), stat_prefix="ip")
    single = {
        "input": {"name": "from", "typed_config": typed(NETWORK + name)},
        "custom_match": {"name": "ip", "typed_config": nets},
    }
    action = {"name": "in", "typed_config": typed(f"type.googleapis.com/{ACTION}", name="in")}
    other = {"name": "out", "typed_config": typed(f"type.googleapis.com/{ACTION}", name="out", action="DENY")}
    matchers = [{"predicate": {"single_predicate": single}, "on_match": {"action": action}}]
    matcher = {"matcher_list": {"matchers": matchers}, "on_no_match": {"action": other}}
    return {"name": "only-from", "typed_config": typed(f"{HTTP}rbac.v3.RBAC", matcher=matcher)}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("SourceIPInput", {}),
        ("SourceIPInput", {"use_remote_address": True}),
        ("DirectSourceIPInput", {}),
    ],
)
def test_a_tree_lets_through_who_comes_from_there(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    front = listener("web", 8000, TO_APP, filters=(of_tree(name, OFFICE),))
    front["filter_chains"][0]["filters"][0]["typed_config"] |= settings
    found, _ = probes(tmp_path, written(tmp_path, front, clusters=(cluster("app"),)))
    assert found["shop-app"].observation.status == 200
    statuses = {each.observation.status for each in found.values() if "10.10.0.0" in str(each.request)}
    assert statuses == {403}


@pytest.mark.parametrize("key", ["remote_ip", "direct_remote_ip", "source_ip"])
@pytest.mark.parametrize("is_proxied", [False, True])
def test_bytes_come_from_where_the_chains_rules_let_them_through(tmp_path: Path, key: str, is_proxied: bool) -> None:
    policy = {"permissions": [{"any": True}], "principals": [{key: OFFICE}]}
    rules = typed(f"{API}extensions.filters.network.rbac.v3.RBAC", stat_prefix="in", rules={"policies": {"in": policy}})
    bytes_on = typed(f"{API}extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="tcp", cluster="app")
    front: dict[str, Any] = {
        "name": "tcp",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8000}},
        "filter_chains": [
            {"filters": [{"name": "in", "typed_config": rules}, {"name": "on", "typed_config": bytes_on}]}
        ],
    }
    if is_proxied:
        proxy = typed(f"{API}extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")
        front["listener_filters"] = [{"name": "proxy", "typed_config": proxy}]
    found, printed = probes(tmp_path, written(tmp_path, front, clusters=(cluster("app"),)))
    assert re.search(r"clusters +1 of 1", printed)
    assert found["tcp-0-http-1"].observation.status == 200
    beside = found[f"tcp-chain-0-rule-in-no-{key.replace('_', '-')}-another"].observation
    assert (beside.status, beside.body) == (None, "")


def test_a_range_that_has_a_tag_is_told_from_what_is_just_beside_it(tmp_path: Path) -> None:
    tags = [{"ip_tag_name": "office", "ip_list": [OFFICE]}, {"ip_tag_name": "home", "ip_list": [HOME]}]
    tagging = {"name": "tags", "typed_config": typed(f"{HTTP}ip_tagging.v3.IPTagging", ip_tags=tags)}
    front = listener("web", 8000, TO_APP, filters=(tagging,))
    found, _ = probes(tmp_path, written(tmp_path, front, clusters=(cluster("app"),)))
    told = {
        name.removeprefix("web-tagged-"): re.findall("x-envoy-ip-tags: (.*)\r", each.observation.body)
        for name, each in found.items()
        if "tagged" in name
    }
    assert told == {"office": ["office"], "office-just-not": [], "home": ["home"], "home-just-not": []}


def test_where_a_request_goes_is_known_to_rules(tmp_path: Path) -> None:
    here, there = {"address_prefix": "127.0.0.0", "prefix_len": 8}, {"address_prefix": "10.0.0.0", "prefix_len": 8}
    policies = {name: {"permissions": [{"destination_ip": to}], "principals": [{"any": True}]} for name, to in
                (("here", here), ("there", there))}  # fmt: skip
    rules = {"name": "rules", "typed_config": typed(f"{HTTP}rbac.v3.RBAC", rules={"policies": policies})}
    file = written(tmp_path, listener("web", 8000, TO_APP, filters=(rules,)), clusters=(cluster("app"),))
    found, printed = probes(tmp_path, file)
    assert found["web-rule-here"].observation.status == 200
    assert "policies[there]: no request was found that has all that it asks for" in printed
    assert "policies[here]" not in printed


@pytest.mark.parametrize("name", ["SourceIPInput", "DirectSourceIPInput"])
def test_bytes_come_from_where_a_tree_before_http_lets_them_through(tmp_path: Path, name: str) -> None:
    tree = of_tree(name, OFFICE)["typed_config"]["matcher"]
    rules = typed(f"{API}extensions.filters.network.rbac.v3.RBAC", stat_prefix="in", matcher=tree)
    front = listener("web", 8000, TO_APP)
    front["filter_chains"][0]["filters"].insert(0, {"name": "in", "typed_config": rules})
    found, printed = probes(tmp_path, written(tmp_path, front, clusters=(cluster("app"),)))
    assert re.search(r"routes +1 of 1", printed)
    assert found["shop-app"].observation.status == 200
    assert found["shop-app"].request.source_address == "10.9.0.1"
    beside = [each for each in found.values() if each.request.source_address == "10.10.0.0"]
    assert {(each.observation.status, each.observation.body) for each in beside} == {(None, "")}
