"""TCP proxies that send their bytes through a tunnel, and routes that open one for a client."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.check.world.configuration import HTTP2
from takeover.store import documents as store
from tests.check.test_sidecar import found
from tests.check.whole import API, checked, cluster, listener, typed, written


def through(name: str, port: int, **tunnel: Any) -> dict[str, Any]:
    proxy = typed(
        f"{API}extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=name,
        cluster=name,
        tunneling_config={"hostname": "behind.test:22", **tunnel},
    )
    return {
        "name": name,
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "tcp", "typed_config": proxy}]}],
    }


@pytest.mark.parametrize("tunnel", [{}, {"use_post": True}, {"use_post": True, "post_path": "/through"}])
def test_bytes_come_back_through_a_tunnel(tunnel: dict[str, Any], tmp_path: Path) -> None:
    listeners = [through(name, 7000 + number, **tunnel) for number, name in enumerate(("one", "two"))]
    clusters = (cluster("one"), cluster("two", typed_extension_protocol_options=HTTP2))

    ended = checked(written(tmp_path, *listeners, clusters=clusters), "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [each.name for each in found(tmp_path).parts if not each.probes] == []
    probes = store.read(tmp_path / "reports/latest/results/new.json").probes
    echoed = {each.probe for each in probes if "GET /probe" in each.observation.body}
    assert echoed >= {"tcp/one-0-http-1", "tcp/two-0-http-1"}


def opening(name: str, to: str) -> dict[str, Any]:
    """A listener whose only route opens a tunnel to that cluster."""
    terminated = {"upgrade_type": "CONNECT", "connect_config": {}}
    route = {"match": {"connect_matcher": {}}, "route": {"cluster": to, "upgrade_configs": [terminated]}}
    made = listener(name, 8000, {"name": "open", **route})
    made["filter_chains"][0]["filters"][0]["typed_config"]["upgrade_configs"] = [{"upgrade_type": "CONNECT"}]
    return made


def test_either_side_says_and_ends_through_a_tunnel_that_a_client_has_opened(tmp_path: Path) -> None:
    ended = checked(written(tmp_path, opening("web", "app"), clusters=(cluster("app"),)))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen = {each.probe: each.observation for each in store.read(tmp_path / "reports/latest/results/new.json").probes}
    through = "routes/shop-open-through-"
    assert "GET /probe" in seen[f"{through}http-1"].body
    assert seen[f"{through}their-end-in-the-answer"].body.endswith("only this\n")
    assert {each.partition("-through-")[2] for each in seen if each.startswith(through)} == {
        "http-1", "bytes", "our-end-in-the-answer", "half-a-request-then-our-end",
        "their-reset", "their-reset-in-the-answer", "their-end-at-once", "their-end-in-the-answer",
    }  # fmt: skip


def test_an_internal_listener_is_reached_through_a_tunnel(tmp_path: Path) -> None:
    inside = listener("inside", 0, {"name": "in", "match": {"prefix": "/"}, "direct_response": {"status": 201}})
    del inside["address"]
    inside["internal_listener"] = {}
    endpoint = {"endpoint": {"address": {"envoy_internal_address": {"server_listener_name": "inside"}}}}
    assignment = {"cluster_name": "in", "endpoints": [{"lb_endpoints": [endpoint]}]}
    to_inside = {"name": "in", "load_assignment": assignment}
    file = written(tmp_path, opening("web", "in"), inside, clusters=(to_inside,))
    extension = typed(f"{API}extensions.bootstrap.internal_listener.v3.InternalListener")
    config = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**config, "bootstrap_extensions": [{"name": "in", "typed_config": extension}]}))

    ended = checked(file)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [each.name for each in found(tmp_path).parts if not each.probes] == []
    probes = store.read(tmp_path / "reports/latest/results/new.json").probes
    assert any(each.observation.body.startswith("HTTP/1.1 201 Created") for each in probes)
