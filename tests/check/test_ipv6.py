"""Whole checks of listeners and endpoints at addresses of IPv6: each is reached at its own."""

from pathlib import Path
from typing import Any

import pytest

from takeover.check.world.addresses import has_ipv6
from tests.check.whole import checked, cluster, left, listener, written

HOME = {"name": "home", "match": {"path": "/"}, "direct_response": {"status": 200}}
TO_SIX = {"name": "six", "match": {"prefix": "/six"}, "route": {"cluster": "six"}}
TO_LOOP = {"name": "loop", "match": {"prefix": "/loop"}, "route": {"cluster": "loop"}}


def at(host: str, of: dict[str, Any]) -> dict[str, Any]:
    of["address"]["socket_address"]["address"] = host
    return of


def static(name: str, host: str) -> dict[str, Any]:
    """A cluster with one endpoint at that address."""
    address = {"socket_address": {"address": host, "port_value": 80}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}
    return cluster(name) | {"type": "STATIC", "load_assignment": assignment}


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_listeners_and_endpoints_of_ipv6_are_reached(tmp_path: Path) -> None:
    both = at("127.0.0.1", listener("both", 8003, HOME))
    both["additional_addresses"] = [{"address": {"socket_address": {"address": "::1", "port_value": 8004}}}]
    file = written(
        tmp_path,
        at("::", listener("any", 8000, HOME, TO_SIX)),
        at("::1", listener("loopback", 8001, HOME, TO_LOOP)),
        at("2001:db8::7", listener("own", 8002, HOME, TO_SIX)),
        both,
        clusters=(static("six", "2001:db8:1::5"), static("loop", "::1")),
    )
    ended = checked(file, "--probes-per-route", "2")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = {tuple(line.split()) for line in ended.stdout.splitlines()}
    for kind, share in (("listeners", "4 of 4"), ("routes", "7 of 7"), ("clusters", "2 of 2")):
        assert (kind, *share.split()) in told, ended.stdout
    assert left(tmp_path) == []
