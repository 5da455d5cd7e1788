"""Whole checks of configurations that lead to Envoy itself: its admin API, its own listeners."""

from pathlib import Path
from typing import Any

import msgspec

from takeover.store import documents as store
from tests.check.whole import checked, cluster, listener, written


def at(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def test_nothing_of_a_probe_stays_open_where_it_led_to_envoy_itself(tmp_path: Path) -> None:
    """Else Envoy would be made anew after each: a mesh's dump took minutes."""
    clusters = []
    for name, port in (("admin", 9901), ("own", 8001)):
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": at(port)}}]}]
        assignment = {"cluster_name": name, "endpoints": endpoints}
        clusters.append(cluster(name, type="STATIC", load_assignment=assignment))
    stats = {"name": "stats", "match": {"prefix": "/stats"}, "route": {"cluster": "admin"}}
    again = {"name": "again", "match": {"prefix": "/again"}, "route": {"cluster": "own"}}
    home = {"name": "home", "match": {"prefix": "/"}, "direct_response": {"status": 200}}
    listeners = listener("web", 8000, stats, again), listener("inner", 8001, home)
    file = written(tmp_path, *listeners, clusters=tuple(clusters))
    text = file.read_text()
    file.write_text(f"admin: {{address: {msgspec.json.encode(at(9901)).decode()}}}\n{text}")

    ended = checked(file, "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = store.read(tmp_path / "reports/latest/results/new.json")
    assert found.checked is not msgspec.UNSET
    reached = {each.name for each in found.checked.parts if each.probes}
    assert {"stats", "again", "home", "admin", "own"} <= reached
    still_open = [each.probe for each in found.probes if "upstream_cx_active" in str(each.observation.stats)]
    assert still_open == []
