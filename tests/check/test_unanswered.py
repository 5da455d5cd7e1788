"""A connection manager without filters, which answers nothing."""

from pathlib import Path

from takeover.model.document import Observation
from takeover.store import documents as store
from tests.check.test_sidecar import found, looking
from tests.check.whole import checked, cluster, listener, written

ROUTE = {"match": {"prefix": "/"}, "route": {"cluster": "app"}}


def test_nobody_waits_for_an_answer_of_a_connection_manager_without_filters(tmp_path: Path) -> None:
    web = listener("web", 8000, ROUTE)
    web["listener_filters"] = looking(http_inspector="HttpInspector")
    [answering] = web["filter_chains"]
    [silent] = listener("silent", 8000, ROUTE)["filter_chains"]
    silent["filters"][0]["typed_config"]["http_filters"] = []
    web["filter_chains"] = [
        {"name": "answering", "filter_chain_match": {"application_protocols": ["h2c"]}, **answering},
        {"name": "silent", **silent},
    ]

    ended = checked(written(tmp_path, web, clusters=(cluster("app"),)), "--probes-per-route", "3")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    chains = {each.name: each for each in found(tmp_path).parts if each.kind == "filter chain"}
    assert all(each.probes for each in chains.values())
    [host] = [each.why for each in found(tmp_path).parts if each.kind == "virtual host" and not each.probes]
    assert host == "it has no filters of HTTP, not even a router: Envoy answers no request there"
    probes = store.read(tmp_path / "reports/latest/results/new.json").probes
    assert [each.probe for each in probes if _is_waiting(each.observation)] == []


def _is_waiting(seen: Observation) -> bool:
    return seen.end == "open" and seen.status is None
