"""Addresses for matchers of nets: those in one, and those just beside it."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from takeover.base.addresses import is_address
from takeover.check.messages import objects
from takeover.check.networks import network_of, within
from takeover.model.json import JsonObject

OUTSIDE: Final = ("203.0.113.99", "2001:db8:ffff::99")
"""Addresses that hardly any net has."""


@dataclass(frozen=True)
class Nets:
    """`envoy.extensions.matching.input_matchers.ip.v3.Ip`."""

    data: JsonObject

    def _networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        return [each for net in objects(self.data.get("cidr_ranges")) if (each := network_of(net)) is not None]

    def matches(self, text: str) -> bool:
        """Whether the address is in one."""
        return is_address(text) and any(ipaddress.ip_address(text) in each for each in self._networks())

    def good(self) -> Iterator[str]:
        """One of each net."""
        yield from (within([each], "") for each in self._networks())

    def bad(self) -> Iterator[str]:
        """Those beside the nets, then one of nobody's."""
        for each in self._networks():
            if each.broadcast_address.packed.strip(b"\xff"):
                beside = str(each.broadcast_address + 1)
                if not self.matches(beside):
                    yield beside
        yield from (each for each in OUTSIDE if not self.matches(each))
