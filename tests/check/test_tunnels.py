"""TCP proxies that send their bytes through a tunnel."""

from pathlib import Path
from typing import Any

import pytest

from takeover.check.world.configuration import HTTP2
from takeover.store import documents as store
from tests.check.test_sidecar import found
from tests.check.whole import API, checked, cluster, typed, written


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
