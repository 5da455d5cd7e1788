"""What an Envoy's config lacks is added on the way in, and said; what it has stays as it is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.base.errors import BadInputError
from takeover.scenario.supplying import CONFIG_ID
from tests.scenario.conftest import load
from tests.scenario.test_loader import Bound

HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web}]}"
ABOUT = "envoys: [{pod: web, container: web}]\n"


def bound(root: Path, file: str = "envoy.yaml") -> Any:
    return yaml.safe_load(load(root).config_files(Bound())[file])


def config(**fields: Any) -> str:
    return yaml.safe_dump({"static_resources": {"listeners": []}, **fields})


def listener(*filters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    chains = [{"filters": [{"name": "any", "typed_config": each} for each in filters]}]
    return {"name": "one", "filter_chains": chains, **fields}


@pytest.mark.parametrize(
    "node", [{}, {"node": None}, {"node": {"id": "mine", "metadata": {"a": 1}}}, {"node": {"metadata": None}}]
)
def test_the_config_id_goes_beside_what_is_there(folder: Callable[..., Path], node: dict[str, Any]) -> None:
    scenario = load(folder({"scenario.yaml": ABOUT, "envoy.yaml": config(admin=address(9901), **node)}))
    before = node.get("node") or {}
    made = yaml.safe_load(scenario.config_files(Bound())["envoy.yaml"])["node"]
    assert made == {**before, "metadata": {**(before.get("metadata") or {}), CONFIG_ID: "config-id"}}
    assert scenario.supplied == ()


def address(port: object, host: str = "0.0.0.0") -> dict[str, Any]:
    return {"address": {"socket_address": {"address": host, "port_value": port}}}


def test_an_admin_api_is_put_on_a_port_that_nobody_has(folder: Callable[..., Path]) -> None:
    pod = POD.replace("name: web}]", "name: web, ports: [{containerPort: 9901}]}]")
    about = f"{ABOUT}destinations: [{{pod: web, container: web, port: 9903, log: json}}]\n"
    taken = config(static_resources={"listeners": [listener() | address(9902)]})
    root = folder({"scenario.yaml": about, "pod.yaml": pod, "envoy.yaml": taken})
    scenario = load(root)
    assert bound(root)["admin"] == address(9904, "127.0.0.1")
    assert [each.admin_port for each in scenario.envoys] == [9904]
    assert scenario.supplied == (f"{root}/envoy.yaml: no admin: one on 127.0.0.1:9904 is added",)


def test_an_admin_api_that_is_there_stays(folder: Callable[..., Path]) -> None:
    written = {"address": {"socketAddress": {"address": "::", "portValue": 15000}}, "profile_path": "/dev/null"}
    scenario = load(root := folder({"scenario.yaml": ABOUT, "envoy.yaml": config(admin=written)}))
    assert bound(root)["admin"] == written
    assert ([each.admin_port for each in scenario.envoys], scenario.supplied) == ([15000], ())
    asked = load(folder({"scenario.yaml": ABOUT.replace("web}", "web, admin: 99}"), "envoy.yaml": config()}))
    assert [each.admin_port for each in asked.envoys] == [99]


def test_what_has_no_access_log_gets_one(folder: Callable[..., Path]) -> None:
    mine = [{"name": "mine"}]
    nested = {"@type": "any.other", "extension_config": {"typed_config": {"@type": TCP, "stat_prefix": "nested"}}}
    listeners = [
        listener({"@type": HTTP, "stat_prefix": "in"}, {"@type": TCP, "access_log": mine}),
        listener({"@type": HTTP, "accessLog": mine}),
        {
            **listener(nested, name="100%"),
            "default_filter_chain": {"filters": [{"name": "any", "typed_config": {"@type": TCP, "accessLog": []}}]},
        },
        {"address": address(80)["address"], "filterChains": [{"filters": [{"typedConfig": {"@type": HTTP}}]}]},
    ]
    text = yaml.safe_dump({"admin": address(1), "staticResources": {"listeners": listeners}})
    scenario = load(root := folder({"scenario.yaml": ABOUT, "envoy.yaml": text}))
    first, second, third, fourth = bound(root)["staticResources"]["listeners"]

    assert second == listeners[1]
    http, tcp = (each["typed_config"] for each in first["filter_chains"][0]["filters"])
    assert tcp == {"@type": TCP, "access_log": mine}
    assert (form(http)["listener"], form(http)["status"]) == ("one", "%RESPONSE_CODE%")
    inner = third["filter_chains"][0]["filters"][0]["typed_config"]["extension_config"]["typed_config"]
    last = third["default_filter_chain"]["filters"][0]["typed_config"]
    assert form(inner)["listener"] == form(last)["listener"] == "100%%"
    assert "status" not in form(inner)
    assert "accessLog" not in last
    assert form(fourth["filterChains"][0]["filters"][0]["typedConfig"])["listener"] == "0.0.0.0:80"
    assert sorted(each.removeprefix(f"{root}/envoy.yaml: ") for each in scenario.supplied) == [
        "no access log in the HTTP connection manager in of listener one: one to stdout is added",
        "no access log in the HTTP connection manager of listener 0.0.0.0:80: one to stdout is added",
        "no access log in the TCP proxy nested of listener 100%: one to stdout is added",
        "no access log in the TCP proxy of listener 100%: one to stdout is added",
    ]
    assert scenario.config("envoy.yaml")["staticResources"]["listeners"] == listeners


def form(data: dict[str, Any]) -> dict[str, str]:
    [log] = data["access_log"]
    found: dict[str, str] = log["typed_config"]["log_format"]["json_format"]
    return found


PAIR = {
    "scenario.yaml": "envoys: [{pod: web, container: a, config: a.yaml}, {pod: web, container: b, config: b.yaml}]\n",
    "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a}, {name: b}]}",
    "kustomization.yaml": "resources: [pod.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
    "configMapGenerator:\n- name: c\n  files: [a.yaml, b.yaml]\n",
    "a.yaml": config(),
    "b.yaml": config(),
}


def test_two_envoys_of_a_pod_get_ports_of_their_own(folder: Callable[..., Path]) -> None:
    scenario = load(folder(PAIR))
    assert [each.admin_port for each in scenario.envoys] == [9901, 9902]
    written = load(folder({**PAIR, "b.yaml": config(admin=address(9901))}))
    assert [each.admin_port for each in written.envoys] == [9902, 9901]


def test_an_edit_may_take_the_admin_api_away_or_elsewhere(folder: Callable[..., Path]) -> None:
    from takeover.scenario.edits import remove, replace

    scenario = load(folder({"scenario.yaml": ABOUT, "envoy.yaml": config(admin=address(9955))}))
    gone = scenario.edited([remove("envoy.yaml", "$.admin")])
    moved = scenario.edited([replace("envoy.yaml", "$.admin.address.socket_address.port_value", 9956)])
    assert [each.envoys[0].admin_port for each in (scenario, gone, moved)] == [9955, 9901, 9956]
    assert [len(each.supplied) for each in (scenario, gone, moved)] == [0, 1, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"envoy.yaml": "- a"}, "ROOT/envoy.yaml: the document must be a mapping: Envoy's config has one there"),
        ({"envoy.yaml": "node: 3"}, "ROOT/envoy.yaml: node must be a mapping: Envoy's config has one there"),
        (
            {"envoy.yaml": "admin: {address: {pipe: {path: /x}}}"},
            "ROOT/envoy.yaml: admin.address must be a socket_address with a port_value that others can ask",
        ),
        (
            {"envoy.yaml": config(admin=address(0))},
            "ROOT/envoy.yaml: admin.address must be a socket_address with a port_value that others can ask",
        ),
        (
            {"envoy.yaml": f"node: {{metadata: {{{CONFIG_ID}: x}}}}"},
            f"ROOT/envoy.yaml: node.metadata has {CONFIG_ID}, which a run puts there: remove it",
        ),
        (
            {
                "envoy.yaml": config(admin=address(9)),
                "scenario.yaml": "envoys: [{pod: web, container: web, admin: 8}]",
            },
            "ROOT/scenario.yaml:1: admin is 8, but that of ROOT/envoy.yaml listens on 9",
        ),
        (
            {**PAIR, "scenario.yaml": PAIR["scenario.yaml"].replace("b.yaml", "a.yaml")},
            "ROOT/scenario.yaml:1: a of the same Pod has the admin port 9901, too: give each a config of its own, with "
            "a port of its own",
        ),
    ],
)
def test_refused_configs(folder: Callable[..., Path], changes: dict[str, str], message: str) -> None:
    root = folder({"scenario.yaml": ABOUT, **changes})
    with pytest.raises(BadInputError) as caught:
        load(root)
    assert str(caught.value) == message.replace("ROOT", str(root))
