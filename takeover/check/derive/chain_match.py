"""Our own reading of which filter chain takes a connection: at each step the most specific ones stay."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from takeover.check.chain_names import chain_names
from takeover.check.messages import config_of, message_of, objects
from takeover.check.networks import network_of
from takeover.model.json import JsonObject

_ANY_SOURCE, _SAME = ("ANY", 0), ("SAME_IP_OR_LOOPBACK", 1)
NO_CHAIN: Final = "no filter chain"
CONNECTION_MANAGER: Final = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

_BY_NAME = "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig"
_SOCKETS = "envoy.extensions.transport_sockets"
_AROUND = {f"{_SOCKETS}.tcp_stats.v3.Config", f"{_SOCKETS}.tap.v3.Tap"}  # what says nothing of its own on the wire
_TLS = f"{_SOCKETS}.tls.v3.DownstreamTlsContext"


@dataclass(frozen=True)
class Client:
    """What filter chains see of a connection.

    Args:
        port: where it goes, `address` likewise.
        name: SNI; empty: none.
        is_tls: whether it begins with a ClientHello.
        alpn: what it offers, or what an inspector takes its HTTP for.
        source: where a PROXY header says that it comes from; empty: none says so.
        direct: where it comes from itself; empty: from the address to which it goes, as the kernel has it in one Pod.
    """

    address: str
    port: int
    name: str = ""
    is_tls: bool = False
    alpn: tuple[str, ...] = ()
    source: str = ""
    direct: str = ""

    @property
    def peer(self) -> str:
        """The address of whoever dials."""
        return self.direct or self.address

    @property
    def remote(self) -> str:
        """The client's address as the listener takes it."""
        return self.source or self.peer

    def from_remote(self, address: str) -> "Client":
        """From another address: by its PROXY header, where it has one."""
        return replace(self, source=address) if self.source else replace(self, direct=address)

    @property
    def is_local(self) -> bool:
        """Whether it is loopback's, or the one to which it goes."""
        return self.remote == self.address or ipaddress.ip_address(self.remote).is_loopback


@dataclass(frozen=True)
class Chain:
    """A filter chain.

    Args:
        name: as `chain_names` has it: no other chain of the listener has the same.
        number: its place in the listener; None: the default one.
        match: `envoy.config.listener.v3.FilterChainMatch`.
        tls: its DownstreamTlsContext; None: no TLS.
    """

    name: str
    data: JsonObject
    number: int | None
    match: JsonObject
    tls: JsonObject | None

    def place(self, listener: str) -> str:
        """Where it stands in the listener that stands there."""
        return f"{listener}.default_filter_chain" if self.number is None else f"{listener}.filter_chains[{self.number}]"

    @property
    def validates_clients(self) -> bool:
        """Whether it checks who signed clients' certificates, of those that show one."""
        return "validation_context" in str(self.tls)

    @property
    def is_led_by_name(self) -> bool:
        """Whether its bytes go to the host for whose name a client asks (SNI), and nowhere without one."""
        return any(kind == _BY_NAME for kind, _ in filters_of(self.data.get("filters")))

    @property
    def manager(self) -> JsonObject | None:
        """Its HTTP connection manager."""
        return self.numbered_manager[1]

    @property
    def numbered_manager(self) -> tuple[int, JsonObject | None]:
        """That, with its place among the chain's filters."""
        for number, filter_ in enumerate(objects(self.data.get("filters"))):
            for kind, config in filters_of([filter_]):
                if kind == CONNECTION_MANAGER:
                    return number, config
        return 0, None


def filters_of(filters: object) -> Iterator[tuple[str, JsonObject]]:
    """Each filter's message and config, of those that say which it is."""
    for each in objects(filters):
        config = each.get("typed_config")
        if isinstance(config, dict):
            yield message_of(config), config


def chains_of(listener: JsonObject) -> list[Chain]:
    """The listener's filter chains, the default one last."""
    chains: list[tuple[JsonObject, int | None]] = [
        (each, number) for number, each in enumerate(objects(listener.get("filter_chains")))
    ]
    if isinstance(default := listener.get("default_filter_chain"), dict):
        chains.append((default, None))
    return [_chain(name, *each) for name, each in zip(chain_names(listener), chains, strict=True)]


def _chain(name: str, data: JsonObject, number: int | None) -> Chain:
    config = config_of(data.get("transport_socket"))
    while message_of(config) in _AROUND:
        config = config_of(config.get("transport_socket"))
    is_tls = message_of(config) == _TLS
    return Chain(name, data, number, data.get("filter_chain_match", {}), config if is_tls else None)


def taken_by(chains: Sequence[Chain], client: Client) -> Chain | None:
    """The chain that takes the connection: at each step the most specific ones stay, as Envoy looks for it."""
    left = [each for each in chains if each.number is not None]
    for step in (_port, _address, _name, _transport, _alpn, _direct, _kind, _source):
        ranks = [(step(each.match, client), each) for each in left]
        best = max((rank for rank, _ in ranks if rank is not None), default=None)
        left = [each for rank, each in ranks if rank is not None and rank == best]
    return left[0] if left else next((each for each in chains if each.number is None), None)


def _port(match: JsonObject, client: Client) -> int | None:
    port = match.get("destination_port")
    return 0 if port is None else 1 if port == client.port else None


def _address(match: JsonObject, client: Client) -> int | None:
    return _longest(match.get("prefix_ranges"), client.address)


def _direct(match: JsonObject, client: Client) -> int | None:
    return _longest(match.get("direct_source_prefix_ranges"), client.peer)


def _kind(match: JsonObject, client: Client) -> int | None:
    kind = match.get("source_type", _ANY_SOURCE[0])
    if kind in _ANY_SOURCE:
        return 0
    return 1 if (kind in _SAME) is client.is_local else None


def _source(match: JsonObject, client: Client) -> int | None:
    return _longest(match.get("source_prefix_ranges"), client.remote)


def _longest(ranges: object, address: str) -> int | None:
    """The length of the longest prefix in which the address is, and one; 0: any address will do."""
    if not ranges:
        return 0
    lengths = []
    for each in objects(ranges):
        network = network_of(each)
        try:
            if network is not None and ipaddress.ip_address(address) in network:
                lengths.append(network.prefixlen + 1)
        except ValueError:
            continue
    return max(lengths, default=None)


def _name(match: JsonObject, client: Client) -> int | None:
    names = [str(each).lower() for each in match.get("server_names", ())]
    if not names:
        return 0
    name = client.name.lower()
    lengths = [1000 if each == name else len(each) for each in names if _takes_name(each, name)]
    return max(lengths, default=None)


def _takes_name(pattern: str, name: str) -> bool:
    if pattern.startswith("*"):
        return len(name) > len(pattern) - 1 and name.endswith(pattern[1:])
    return pattern == name


def _transport(match: JsonObject, client: Client) -> int | None:
    kind = match.get("transport_protocol", "")
    return 0 if not kind else 1 if kind == ("tls" if client.is_tls else "raw_buffer") else None


def _alpn(match: JsonObject, client: Client) -> int | None:
    wanted = match.get("application_protocols", ())
    return 0 if not wanted else 1 if set(wanted) & set(client.alpn) else None
