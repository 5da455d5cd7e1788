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
