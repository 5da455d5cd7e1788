"""Which probes come by a place of a configuration."""

from typing import Any

from takeover.reach.configurations import BOOTSTRAP, Configuration
from takeover.reach.extensions import Occurrence
from takeover.reach.near import ports_near


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


def test_of_what_no_listener_has_nothing_is_told() -> None:
    assert _near("static_resources", "clusters", 1) == set()
    assert _near("static_resources", "listeners", 2, "route") == set()
    assert _near("admin", "access_log", 0) == set()
