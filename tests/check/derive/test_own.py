from pathlib import Path
from typing import Any

import yaml

from takeover.check.derive import Bounds, probes
from takeover.check.records import Asked, Derived, Place
from takeover.probes.probe_file import read_probes
from takeover.scenario import bundled
from takeover.scenario.library import Library
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, manager, world_of, write_scenario
from tests.check.derive.test_chains import ALL
from tests.check.derive.twenty import doors


def asked(name: str, host: str, port: int | None, *, is_tls: bool = False, **entry: Any) -> Asked:
    return Asked(entry={"name": name, **entry}, place=Place("ours.yaml", line=7), host=host, port=port, is_tls=is_tls)


def derived_of(*requests: Asked) -> Derived:
    given = given_of(doors())
    return probes(given, world_of(given), Bounds(probes_per_route=1, most=1), requests)


def test_each_goes_to_the_listener_of_its_port_and_the_chain_of_its_name(tmp_path: Path) -> None:
    derived = derived_of(
        asked("one", "b.example", 10002, is_tls=True, path="/a"),
        asked("two", "x.c.example", 10002, is_tls=True, path="/b", headers=["x-a: 1"]),
        asked("three", "anybody", 10005, protocol="tcp", steps=[{"send": "hello"}, {"end": True}]),
    )

    own = [each for each in derived.targets if each.probe.startswith("own/")]
    assert [(each.probe, each.listener, each.chain) for each in own] == [
        ("own/one", "secure", "exact"), ("own/two", "secure", "below"), ("own/three", "bytes", "bytes"),
    ]  # fmt: skip
    folder = write_scenario(tmp_path, doors(), derived.text, bundled.manifests() / "bases")
    [group] = [each for each in read_probes(Library(folder.parent).scenario("mine")) if each.name == "own"]
    names = [each.layers.tls.offer.server_name for each in group.probes if each.layers.tls]
    assert names == ["b.example", "x.c.example"]
    assert [each.to.port for each in group.probes] == [10002, 10002, 10005]


def test_each_comes_from_where_the_chain_that_is_reached_takes_it() -> None:
    office = {"source_prefix_ranges": [{"address_prefix": "10.9.0.0", "prefix_len": 16}]}
    home = {"source_prefix_ranges": [{"address_prefix": "192.168.7.0", "prefix_len": 24}]}
    chains = [
        {"name": name, "filters": [manager(ALL)], "filter_chain_match": match}
        for name, match in (("office", office), ("home", home))
    ]
    given = given_of(bootstrap([listener("front", 10001, *chains)], [cluster("one")]))
    derived = probes(given, world_of(given), Bounds(), [asked("ours", "a.example", 10001, path="/a")])
    [own] = [each for each in derived.targets if each.probe.startswith("own")]
    assert own.chain == "office"
    [group] = [each for each in yaml.safe_load(derived.text) if each["group"] == "own"]
    assert [each["source_address"] for each in group["probes"]] == ["10.9.0.1"]


def test_all_are_made_whatever_the_bounds_are() -> None:
    requests = [asked(f"r-{number}", "b.example", 10002, is_tls=True, path=f"/{number}") for number in range(30)]

    assert len([each for each in derived_of(*requests).targets if each.probe.startswith("own/")]) == 30


def test_one_that_no_listener_takes_is_said_by_its_line() -> None:
    derived = derived_of(asked("lost", "b.example", 12345), asked("plain", "b.example", 10003, is_tls=False))

    assert derived.unasked["ours.yaml:7"] == "no listener that probes reach takes b.example at port 12345"
