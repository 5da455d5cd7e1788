"""Addresses of a world: each name has one of its own, out of a range that the configuration does not use."""

import ipaddress
import socket
from collections.abc import Iterable
from hashlib import sha256

from takeover.base.errors import BadInputError

_RANGES = ("198.18.0.0/16", "198.19.0.0/16", "100.64.0.0/16", "100.65.0.0/16", "172.31.0.0/16", "10.254.0.0/16")
"""For benchmarks (RFC 2544), for carriers (RFC 6598), private: the first of which nothing is used is taken."""
_NAMES = 0xF000
"""How many of a range are for names; those above them are for what has none."""


class Addresses:
    """Hands out addresses.

    Args:
        used: those that the configuration has.

    Raises: BadInputError where it has some of every range.
    """

    def __init__(self, used: Iterable[str]) -> None:
        known = [ipaddress.ip_address(each) for each in used]
        ranges = [ipaddress.IPv4Network(each) for each in _RANGES]
        free = [each for each in ranges if all(address not in each for address in known if address.version == 4)]
        if not free:
            raise BadInputError("the configuration has addresses of every range that names could have: take one out")
        self._range = free[0]
        self.names: dict[str, str] = {}
        """Name → address, of those that were asked for."""
        self._taken: set[int] = set()
        self._more = _NAMES

    def give(self, names: Iterable[str]) -> None:
        """Gives each name its address: one more name leaves nearly all others as they are."""
        for name in sorted(set(names) - self.names.keys()):
            number = int.from_bytes(sha256(name.encode()).digest()[:4], "big") % (_NAMES - 1) + 1
            while number in self._taken:
                number = number % (_NAMES - 1) + 1
            self._taken.add(number)
            self.names[name] = str(self._range[number])

    def another(self) -> str:
        """One that nobody has."""
        self._more += 1
        return str(self._range[self._more])


def is_loopback(address: str) -> bool:
    """Whether every network has it."""
    return ipaddress.ip_address(address).is_loopback


def has_ipv6() -> bool:
    """Whether this machine knows IPv6."""
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError:
        return False
    return True
