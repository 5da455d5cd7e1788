"""Addresses of IP as text."""

import ipaddress


def is_address(text: str) -> bool:
    """Whether it is one of IPv4 or IPv6, the latter also with its zone (`fe80::1%eth0`), and not a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
