"""Addresses where none are: whoever hands a dump on may have put a word in the place of each."""

import ipaddress
from collections.abc import Iterator

from takeover.base.addresses import is_address
from takeover.check.world.configuration import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    Configuration,
    inner,
    listed,
    objects,
    set_field,
)
from takeover.check.world.dialled import cluster_kind
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

_FIRST = ipaddress.IPv4Address("100.64.0.1")
_NET, _NET_6 = "192.0.2.0", "2001:db8::"
_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")


def give_addresses(configuration: Configuration) -> None:
    """Gives one to each listener and endpoint whose own is none, where Envoy looks no name up; says so."""
    taken: set[tuple[str, object]] = set()
    for listener, _ in configuration.of_type(LISTENER):
        for found in _socket_addresses(either(listener, "address"), listed(listener, "additional_addresses")):
            port = either(found, "port_value")
            if _is_none(found):
                free = next(each for each in _from(_LOOPBACK) if (each, port) not in taken)
                _give(configuration, found, free)
            taken.add((str(found.get("address")), port))
    addresses = _from(_FIRST)
    for endpoints in _looked_up_nowhere(configuration):
        for found in _socket_addresses(endpoints):
            if _is_none(found):
                _give(configuration, found, next(addresses))
    for _, document in configuration.documents():
        for _, found in objects(document):
            written = either(found, "address_prefix")
            if isinstance(written, str) and written and not is_address(written):
                _give_net(configuration, found, written)
            if (source := inner(found, "source_address")) and _is_none(source):
                _give(configuration, source, str(_LOOPBACK))


def _looked_up_nowhere(configuration: Configuration) -> Iterator[Json]:
    """Endpoints that must have addresses."""
    for cluster, _ in configuration.of_type(CLUSTER):
        if cluster_kind(cluster) == "STATIC":
            yield listed(either(cluster, "load_assignment"), "endpoints")
    for served, _ in configuration.of_type(ENDPOINTS):
        yield listed(served, "endpoints")


def _socket_addresses(*data: Json) -> Iterator[JsonObject]:
    for each in data:
        yield from (address for _, found in objects(each) if (address := inner(found, "socket_address")))


def _is_none(socket_address: JsonObject) -> bool:
    """A word that no resolver is asked about."""
    written = socket_address.get("address")
    is_asked = either(socket_address, "resolver_name")
    return isinstance(written, str) and bool(written) and not is_asked and not is_address(written.partition("%")[0])


def _give(configuration: Configuration, socket_address: JsonObject, address: str) -> None:
    what = f"an address of this run stands where {socket_address['address']} is written"
    configuration.differs(what, "it is no address, and Envoy looks no name up there")
    socket_address["address"] = address


def _give_net(configuration: Configuration, net: JsonObject, written: str) -> None:
    length = either(net, "prefix_len")
    is_long = isinstance(length, int) and length > _FIRST.max_prefixlen
    set_field(net, "address_prefix", _NET_6 if is_long else _NET)
    configuration.differs(f"a net of documentation stands where {written} is written", "it is no address")


def _from(first: ipaddress.IPv4Address) -> Iterator[str]:
    while True:
        yield str(first)
        first += 1
