"""Which probes come by a place of a configuration: those that go to its listener, or to one that names its cluster.

That is only a way to fewer probes. Where it finds none, all of the group are meant.
"""

from collections.abc import Iterable, Iterator, Mapping

from takeover.probes.probe import Group, Probe
from takeover.reach.configurations import BOOTSTRAP
from takeover.reach.extensions import Occurrence
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json


def ports_near(place: Occurrence) -> frozenset[int]:
    """The ports of the listeners by which requests come to the place; none where that cannot be told."""
    data, path = place.configuration.data, place.path
    if place.configuration.message != BOOTSTRAP or len(path) < 3:
        return frozenset()
    resources = data.get(path[0])
    if path[1] == "listeners" and isinstance(resources, dict):
        return frozenset(_ports(resources["listeners"][path[2]]))
    if path[1] == "clusters" and isinstance(resources, dict):
        name = resources["clusters"][path[2]].get("name")
        listeners = resources.get("listeners") or []
        return frozenset(port for each in listeners if name in _texts(each) for port in _ports(each))
    return frozenset()


def _ports(listener: Json) -> Iterator[int]:
    if isinstance(listener, Mapping):
        addresses = [listener, *(either(listener, "additional_addresses") or [])]
        for each in addresses:
            socket = either(each.get("address") or {}, "socket_address") or {}
            port = either(socket, "port_value")
            if isinstance(port, int):
                yield port


def _texts(data: Json) -> set[str]:
    if isinstance(data, str):
        return {data}
    if isinstance(data, dict | list):
        inside = data.values() if isinstance(data, dict) else data
        return {text for each in inside for text in _texts(each)}
    return set()


def probes_by(group: Group, ports: frozenset[int]) -> tuple[Probe, ...]:
    """The probes that go to these ports; all where there are none."""
    return tuple(each for each in group.probes if not ports or each.to.port in ports)


def ways_near(group: Group, places: Iterable[Occurrence]) -> list[frozenset[int]]:
    """Which ports to try: of the place by which the fewest of the group's probes come, then of all places.

    Where requests come to one of the places in another way, all ports, which is an empty set, come last, in the place
    of those of all places. Places by which no probe comes do not count.
    """
    of_places = {*map(ports_near, places)}
    all_ports = {each.to.port for each in group.probes}
    reached = sorted((each for each in of_places if each & all_ports), key=lambda each: len(probes_by(group, each)))
    of_all = frozenset[int]() if frozenset() in of_places or not reached else frozenset[int]().union(*reached)
    return list(dict.fromkeys((*reached[:1], of_all)))
