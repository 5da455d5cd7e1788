from typing import Any

import pytest
import yaml

from takeover.check.derive import Bounds, probes
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, manager, world_of

ALL = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "one"}}]}
FILTER = "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"


@pytest.mark.parametrize(
    ("refused", "version", "alike"),
    [
        ([], 2, {"PROXY: version 1", "PROXY: a TLV more"}),
        (["V1"], 2, {"PROXY: a TLV more"}),
        (["V2"], 1, set()),
    ],
)
def test_a_header_has_a_version_that_the_listener_takes(refused: list[str], version: int, alike: set[str]) -> None:
    filters = [{"name": "proxy", "typed_config": {"@type": FILTER, "disallowed_versions": refused}}]
    front = listener("front", 10001, {"name": "http", "filters": [manager(ALL)]}, listener_filters=filters)
    given = given_of(bootstrap([front], [cluster("one")]))

    derived = probes(given, world_of(given), Bounds())

    sent: dict[str, Any] = {}
    for group in yaml.safe_load(derived.text):
        for each in group["probes"]:
            sent[f"{group['group']}/{each['name']}"] = each.get("proxy", group.get("proxy"))
    aimed = {each.probe for each in derived.targets if not each.condition.startswith("PROXY")}
    assert {sent[each]["version"] for each in aimed} == {version}
    others = {each.condition: each.expects for each in derived.targets if each.condition.startswith("PROXY")}
    assert {words for words, expects in others.items() if expects} == alike
    assert f"PROXY: version {3 - version}" in others
