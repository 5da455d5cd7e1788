"""What an Envoy does not take of a dump, which is served to it: left out with its place, and the rest is compared."""

import json
from pathlib import Path
from typing import Any

import msgspec

from takeover.store import documents as store
from tests.check.whole import API, checked, cluster, listener, typed, written

ADMIN = "type.googleapis.com/envoy.admin.v3."
HOME = {"match": {"path": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "home\n"}}}
TO_APP = {"name": "app", "match": {"prefix": "/app"}, "route": {"cluster": "app"}}


def dump(folder: Path, listeners: list[dict[str, Any]], clusters: list[dict[str, Any]]) -> Path:
    """As /config_dump answers it, in lines."""
    served = [{"name": each["name"], "active_state": {"listener": each}} for each in listeners]
    sections = [
        {"@type": f"{ADMIN}ListenersConfigDump", "dynamic_listeners": served},
        {"@type": f"{ADMIN}ClustersConfigDump", "dynamic_active_clusters": [{"cluster": each} for each in clusters]},
    ]
    file = folder / "dump.json"
    file.write_text(json.dumps({"configs": sections}, indent=1))
    return file


def test_a_listener_and_a_cluster_that_are_not_taken_are_findings_with_their_lines(tmp_path: Path) -> None:
    bad = {"match": {"safe_regex": {"regex": "(unclosed"}}, "route": {"cluster": "app"}}
    listeners = [typed(f"{API}config.listener.v3.Listener", **listener("odd", 8000, bad))]
    listeners += [typed(f"{API}config.listener.v3.Listener", **listener("web", 8001, HOME, TO_APP))]
    clusters = [
        cluster("app"),
        cluster("none", lb_policy="RING_HASH", ring_hash_lb_config={"minimum_ring_size": 1 << 40}),
    ]
    file = dump(tmp_path, listeners, [typed(f"{API}config.cluster.v3.Cluster", **each) for each in clusters])

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


def test_what_is_longer_than_a_command_line_is_asked_about_too(tmp_path: Path) -> None:
    bad = {"match": {"safe_regex": {"regex": "(unclosed"}}, "route": {"cluster": "app"}}
    many = [{"match": {"path": f"/{number:0200}"}, "direct_response": {"status": 200}} for number in range(1_000)]
    file = written(tmp_path, listener("odd", 8000, bad, *many), clusters=(cluster("app"),))
    assert file.stat().st_size > 200_000
    ended = checked(file)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "no Envoy takes it" in ended.stderr
    assert "(unclosed" in ended.stderr
