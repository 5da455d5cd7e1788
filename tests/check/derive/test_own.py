from pathlib import Path
from typing import Any

from takeover.check.derive import Bounds, probes
from takeover.check.records import Asked, Derived, Place
from takeover.probes.probe_file import read_probes
from takeover.scenario import bundled
from takeover.scenario.library import Library
from tests.check.derive.by_hand import given_of, world_of, write_scenario
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


def test_all_are_made_whatever_the_bounds_are() -> None:
    requests = [asked(f"r-{number}", "b.example", 10002, is_tls=True, path=f"/{number}") for number in range(30)]

    assert len([each for each in derived_of(*requests).targets if each.probe.startswith("own/")]) == 30


def test_one_that_no_listener_takes_is_said_by_its_line() -> None:
    derived = derived_of(asked("lost", "b.example", 12345), asked("plain", "b.example", 10003, is_tls=False))

    assert derived.unasked["ours.yaml:7"] == "no listener that probes reach takes b.example at port 12345"
