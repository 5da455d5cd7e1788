"""Which probes come by a place of a configuration."""

from dataclasses import dataclass
from typing import Any

from takeover.reach.configurations import BOOTSTRAP, Configuration
from takeover.reach.extensions import Occurrence
from takeover.reach.near import ports_near, probes_by, ways_near


def _listener(port: int, **more: Any) -> dict[str, Any]:
    return {"address": {"socket_address": {"address": "0.0.0.0", "port_value": port}}, **more}


_DATA = {
    "static_resources": {
        "listeners": [
            _listener(10001, filter_chains=[{"filters": [{"cluster": "a"}]}]),
            _listener(10002, additional_addresses=[_listener(10003)]),
            {"name": "internal", "route": {"cluster": "a"}},
            _listener(10004, deep=[{"weighted": [{"name": "a"}]}]),
        ],
        "clusters": [{"name": "a"}, {"name": "nobody's"}],
    },
    "admin": {"access_log": [{}]},
}


def _near(*path: str | int) -> set[int]:
    return set(ports_near(Occurrence("a/b", Configuration(["a/b"], "envoy.yaml", BOOTSTRAP, _DATA), path)))


def test_a_place_in_a_listener_is_reached_by_its_ports_and_a_cluster_by_those_that_name_it() -> None:
    assert _near("static_resources", "listeners", 0, "filter_chains", 0) == {10001}
    assert _near("static_resources", "listeners", 1, "name") == {10002, 10003}
    assert _near("static_resources", "clusters", 0, "transport_socket") == {10001, 10004}


@dataclass(frozen=True)
class _To:
    port: int


@dataclass(frozen=True)
class _Probe:
    to: _To


@dataclass(frozen=True)
class _Group:
    probes: tuple[_Probe, ...]


def test_the_place_by_which_the_fewest_probes_come_is_tried_first_then_all_places() -> None:
    group: Any = _Group(tuple(_Probe(_To(port)) for port in (10001, 10001, 10003, 10004, 10005)))

    def ways(*paths: tuple[str | int, ...]) -> list[set[int]]:
        places = (Occurrence("a/b", Configuration(["a/b"], "envoy.yaml", BOOTSTRAP, _DATA), path) for path in paths)
        return [{*each} for each in ways_near(group, places)]

    first, second, internal = (("static_resources", "listeners", number) for number in range(3))
    assert ways(first, second) == [{10002, 10003}, {10001, 10002, 10003}]
    assert ways(first) == [{10001}]
    assert ways(first, internal) == [{10001}, set()]
    assert ways(internal) == [set()]
    assert len(probes_by(group, frozenset((10002, 10003)))) == 1
    assert probes_by(group, frozenset()) == group.probes


def test_of_what_no_listener_has_nothing_is_told() -> None:
    assert _near("static_resources", "clusters", 1) == set()
    assert _near("static_resources", "listeners", 2, "route") == set()
    assert _near("admin", "access_log", 0) == set()
