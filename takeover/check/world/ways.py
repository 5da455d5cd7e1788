"""How a probe reaches each listener: at its address, by a rule that intercepts it, or not at all."""

from collections.abc import Collection
from dataclasses import dataclass, field

from takeover.base.addresses import is_address
from takeover.check.messages import apart_of_udp
from takeover.check.networks import reached_in
from takeover.check.records import Way
from takeover.check.world.addresses import Addresses, has_ipv6
from takeover.check.world.bootstrap import free_port
from takeover.check.world.configuration import LISTENER, Configuration, drop, inner, kind_of, listed, set_field
from takeover.check.world.dialled import address_in
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

POD, UPSTREAM, CLIENT = "given", "upstream", "client-{}"
_ANY = ("0.0.0.0", "::", "")  # noqa: S104 - as configurations have it
_OF_A_LINK = "fe80:"
_CHOSEN = 20000
"""The first port for listeners that have none."""
_NOWHERE = 65000
"""A port that no listener has: of connections that are for none of them."""


@dataclass(frozen=True)
class Capture:
    """A listener to which a rule sends connections that were for elsewhere.

    Args:
        container: the one whose connections it gets.
        user: as who that runs.
    """

    listener: str
    port: int
    container: str
    user: int


@dataclass
class Ways:
    """What was found.

    Args:
        addresses: those that Envoy's Pod must have for it.
        bound: the addresses and ports at which Envoy itself listens.
        originals: where intercepted connections were for, which an ORIGINAL_DST cluster dials.
    """

    ways: list[Way] = field(default_factory=list)
    unreached: dict[str, str] = field(default_factory=dict)
    captures: list[Capture] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    bound: set[tuple[str, int]] = field(default_factory=set)
    originals: list[tuple[str, int]] = field(default_factory=list)


_FIRST_USER = 1338


def ways(configuration: Configuration, addresses: Addresses) -> Ways:
    """The ways to all listeners. `addresses`: where one more is taken from."""
    found = Ways()
    listeners = [listener for listener, _ in configuration.of_type(LISTENER)]
    of_ipv4 = {at[1] for each in listeners if (at := address_in(either(each, "address"))) and at[0] == _ANY[0]}
    for listener in listeners:
        if _port_beside(listener, of_ipv4) is None:
            _take_ipv4(configuration, listener)
        _take_port(configuration, listener)
    for index, listener in enumerate(listeners):
        if (port := _port_beside(listener, of_ipv4)) is not None:
            reason = f"it is for IPv6: what goes over IPv4 to port {port} is another listener's"
            found.unreached[name_of(listener, index)] = reason
    for index, listener in enumerate(listeners):
        if name_of(listener, index) in found.unreached:
            continue
        if _captures(listener) and _is_bound(listener) and (at := address_in(either(listener, "address"))):
            number = len(found.captures)
            capture = Capture(name_of(listener, index), at[1], CLIENT.format(number + 1), _FIRST_USER + number)
            found.captures.append(capture)
    for index, listener in enumerate(listeners):
        if (name := name_of(listener, index)) not in found.unreached:
            _add(found, listener, name, addresses)
    return found


def _port_beside(listener: JsonObject, of_ipv4: Collection[int]) -> int | None:
    """The port of one at every address of IPv6, where another listener is at every one of IPv4 with the same."""
    at = address_in(either(listener, "address"))
    return at[1] if at is not None and at[0] == "::" and at[2] == "tcp" and at[1] in of_ipv4 else None


def _take_ipv4(configuration: Configuration, listener: JsonObject) -> None:
    """Lets one that listens at every address of IPv6 take IPv4, over which probes come."""
    addresses = [either(listener, "address")]
    addresses += [
        either(each, "address") for each in listed(listener, "additional_addresses") if isinstance(each, dict)
    ]
    for each in addresses:
        at = inner(each, "socket_address")
        if at.get("address") == "::" and not either(at, "ipv4_compat"):
            drop(at, "ipv4_compat")
            at["ipv4_compat"] = True
            configuration.differs("listeners at `::` take IPv4, too (`ipv4_compat`)", "probes go over IPv4")


def _take_port(configuration: Configuration, listener: JsonObject) -> None:
    """Gives a port to one that lets the kernel choose, or whose own a dump does not tell."""
    at = address_in(either(listener, "address"))
    address = inner(listener, "address", "socket_address")
    if at is None or at[1] or at[2] != "tcp" or not is_address(at[0]) or either(address, "named_port"):
        return
    port = free_port(configuration, _CHOSEN)
    set_field(address, "port_value", port)
    configuration.differs(f"listener {name_of(listener, 0)} is at port {port}", "the configuration says 0: any port")


def name_of(listener: JsonObject, index: int) -> str:
    """What a listener is called: by its address, if it has no name."""
    at = address_in(either(listener, "address"))
    apart = apart_of_udp(inner(listener, "address", "socket_address"))
    return str(listener.get("name") or (f"{at[0]}:{at[1]}{apart}" if at else f"listener-{index + 1}"))


def _captures(listener: JsonObject) -> bool:
    """Whether it looks where a connection was for at first."""
    filters = [each for each in listed(listener, "listener_filters") if isinstance(each, dict)]
    named = any("original_dst" in str(each.get("name")) or "original_dst" in _type(each) for each in filters)
    return named or either(listener, "use_original_dst") in (True, {"value": True}) or bool(_transparent(listener))


def _type(listener_filter: JsonObject) -> str:
    return kind_of(inner(listener_filter, "typed_config"))


def _transparent(listener: JsonObject) -> bool:
    return either(listener, "transparent") is True


def _is_bound(listener: JsonObject) -> bool:
    old = inner(listener, "deprecated_v1")
    return either(listener, "bind_to_port") is not False and either(old, "bind_to_port") is not False


def _add(found: Ways, listener: JsonObject, name: str, addresses: Addresses) -> None:
    if either(listener, "api_listener"):
        found.unreached[name] = "an API listener is for programs that have Envoy in them"
        return
    if either(listener, "internal_listener") is not None or "envoy_internal_address" in str(listener.get("address")):
        found.unreached[name] = "it is internal: only Envoy's own clusters lead there"
        return
    at = address_in(either(listener, "address"))
    if at is None:
        found.unreached[name] = "it has no address that this run knows"
        return
    host, port, transport = at
    if transport == "udp":
        found.unreached[name] = "it takes UDP (datagrams, or QUIC), which no probe speaks"
        return
    if not port:
        is_path = bool(host) and not is_address(host)
        found.unreached[name] = f"it listens at the path {host}, where no probe goes" if is_path else "its port is any"
        return
    capture = next((each for each in found.captures if each.listener == name), None)
    if not _is_bound(listener):
        _intercepted(found, listener, name, (host, port), addresses)
    elif capture is not None:
        found.bound.add((host, port))
        _by_capture(found, listener, capture, addresses)
    else:
        _direct(found, name, host, port)
    if _is_bound(listener):
        for each in listed(listener, "additional_addresses"):
            other = address_in(either(each, "address")) if isinstance(each, dict) else None
            if other is not None and other[2] == "tcp" and other[1]:
                _direct(found, name, other[0], other[1])


def _direct(found: Ways, name: str, host: str, port: int) -> None:
    found.bound.add((host, port))
    if host in _ANY:
        reached = "127.0.0.1"
    elif ":" in host and not has_ipv6():
        found.unreached.setdefault(name, f"it listens at {host}, and this machine has no IPv6")
        return
    elif host.lower().startswith(_OF_A_LINK):
        found.unreached.setdefault(name, f"it listens at {host}, which is an address of one link alone")
        found.addresses.append(host)
        return
    elif not is_address(host):
        found.unreached[name] = f"it listens at {host}, which is no address"
        return
    else:
        reached = host
        found.addresses.append(host)
    found.unreached.pop(name, None)
    found.ways.append(Way(listener=name, pod=POD, container=UPSTREAM, host=reached, port=port))


def _intercepted(found: Ways, listener: JsonObject, name: str, at: tuple[str, int], addresses: Addresses) -> None:
    """A listener that has its connections from another one."""
    handing = [each for each in found.captures if each.listener != name]
    wanted = str(either(listener, "traffic_direction") or "")
    if not handing:
        found.unreached[name] = "bind_to_port is false, and no listener hands connections on by use_original_dst"
        return
    by_name = {"INBOUND": "nbound", "OUTBOUND": "utbound"}.get(wanted, "")
    capture = next((each for each in handing if by_name and by_name in each.listener), handing[0])
    host, port = at
    if host in _ANY:
        host = addresses.another()
    elif ":" in host or not is_address(host):
        found.unreached[name] = f"it is for {host}: what is intercepted goes over IPv4"
        return
    found.addresses.append(host)
    _way(found, name, capture, host, port)
    for chain in listed(listener, "filter_chains"):
        match = inner(chain, "filter_chain_match") if isinstance(chain, dict) else {}
        other, other_port = _wanted_by(match, host), either(match, "destination_port")
        if other != host or isinstance(other_port, int):
            found.addresses.append(other)
            _original(found, other, other_port if isinstance(other_port, int) else port)


def _wanted_by(match: JsonObject, host: str) -> str:
    """Where a probe goes for a chain that asks for addresses: to that host, if it is one of them."""
    ranges = [
        {key: either(each, key) for key in ("address_prefix", "prefix_len")}
        for each in listed(match, "prefix_ranges")
        if isinstance(each, dict)
    ]
    address = reached_in(ranges, host)
    return host if address is None or ":" in address else address


def _by_capture(found: Ways, listener: JsonObject, capture: Capture, addresses: Addresses) -> None:
    """The listener of a capture itself: for each port that one of its chains asks for, and for one of which none is."""
    host = addresses.another()
    found.addresses.append(host)
    chains = [each for each in listed(listener, "filter_chains") if isinstance(each, dict)]
    ports, hosts = list[int](), list[str]()
    for each in chains:
        match = inner(each, "filter_chain_match")
        if isinstance(port := either(match, "destination_port"), int):
            ports.append(port)
        if (wanted := _wanted_by(match, host)) != host:
            hosts.append(wanted)
    for port in dict.fromkeys((*ports, _NOWHERE)):
        _way(found, capture.listener, capture, host, port)
    for other in dict.fromkeys(hosts):
        found.addresses.append(other)
        _way(found, capture.listener, capture, other, ports[0] if ports else _NOWHERE)


def _way(found: Ways, name: str, capture: Capture, host: str, port: int) -> None:
    original = f"{host}:{port}"
    if all((each.listener, each.original) != (name, original) for each in found.ways):
        found.ways.append(
            Way(listener=name, pod=POD, container=capture.container, host=host, port=port, original=original)
        )
    _original(found, host, port)


def _original(found: Ways, host: str, port: int) -> None:
    if (host, port) not in found.originals:
        found.originals.append((host, port))
