"""Addresses of IP as text: what `takeover.base` has, of which programs in Pods import nothing."""

import ipaddress


def is_address(text: str) -> bool:
    """Whether it is one of IPv4 or IPv6, and not a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
