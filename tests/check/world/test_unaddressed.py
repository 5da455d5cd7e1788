"""Dumps in which words stand in the place of addresses."""

from pathlib import Path
from typing import Any

from tests.check.world.worlds import Built, at, bootstrap, cluster, given, http, listener, served

GONE = "IP_REMOVED"


def test_what_must_be_an_address_gets_one(tmp_path: Path) -> None:
    listeners = [listener(f"in-{number}", 8080, http("app"), host=GONE) for number in (1, 2)]
    listeners[0]["filter_chains"][0]["filter_chain_match"] = {
        "prefix_ranges": [{"address_prefix": GONE, "prefix_len": length} for length in (8, 64)]
    }
    by_name = cluster("named", "app.test")
    app = {
        **by_name,
        "name": "app",
        "type": "STATIC",
        "upstream_bind_config": {"source_address": at(GONE, 0)["socket_address"]},
    }
    app["load_assignment"] = assignment("app", 80, 81)
    eds = {"name": "served", "type": "EDS", "eds_cluster_config": {"eds_config": {"ads": {}}}}
    resource = served("envoy.config.endpoint.v3.ClusterLoadAssignment", "served", assignment("served", 80))

    built = Built(given(bootstrap(listeners, [app, eds, by_name]), resource), tmp_path / "mine")

    made = built.config()["static_resources"]
    assert [each["address"]["socket_address"]["address"] for each in made["listeners"]] == ["127.0.0.1", "127.0.0.2"]
    ranges = made["listeners"][0]["filter_chains"][0]["filter_chain_match"]["prefix_ranges"]
    assert [each["address_prefix"] for each in ranges] == ["192.0.2.0", "2001:db8::"]
    assert made["clusters"][0]["upstream_bind_config"]["source_address"]["address"] == "127.0.0.1"
    dialled = {(each.cluster, each.host, each.port) for each in built.world.dialled}
    assert dialled == {
        ("app", "100.64.0.1", 80),
        ("served", "100.64.0.3", 80),  # of two endpoints that chance would choose between one is left
        ("named", "app.test", 80),
    }
    assert f"an address of this run stands where {GONE} is written" in built.different
    assert f"a net of documentation stands where {GONE} is written" in built.different


def assignment(name: str, *ports: int) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": at(GONE, port)}} for port in ports]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}
