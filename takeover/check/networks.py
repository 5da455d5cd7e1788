"""Ranges of addresses as configurations have them, and which address of one is dialled."""

import ipaddress
from collections.abc import Sequence

from takeover.base.addresses import is_address
from takeover.check.messages import objects
from takeover.model.json import JsonObject


def network_of(cidr: JsonObject) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An `envoy.config.core.v3.CidrRange`; None if it is none."""
    try:
        return ipaddress.ip_network(f"{cidr.get('address_prefix')}/{cidr.get('prefix_len', 0) or 0}", strict=False)
    except ValueError:
        return None


def within(networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network], preferred: str) -> str:
    """An address in one of the networks, that one if it is; else one of its kind (IPv4, IPv6), if there is one."""
    if is_address(preferred) and any(ipaddress.ip_address(preferred) in each for each in networks):
        return preferred
    version = 6 if ":" in preferred else 4
    first = next((each for each in networks if each.version == version), networks[0])
    return str(first.network_address if first.num_addresses == 1 else first.network_address + 1)


def reached_in(ranges: object, preferred: str) -> str | None:
    """An address in one of the ranges (`envoy.config.core.v3.CidrRange`), that one if it is; None: there are none."""
    networks = [network for each in objects(ranges) if (network := network_of(each)) is not None]
    return within(networks, preferred) if networks else None
