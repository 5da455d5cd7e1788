"""Where a request's connection comes from, as its network and its PROXY header say, and how it comes from elsewhere."""

import ipaddress
from typing import Any

import msgspec

from takeover.base.addresses import is_address
from takeover.check.derive.expressions import CannotMakeError


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Of a connection.

    Args:
        dialled: the address to which it goes, which is one of its own Pod's; empty: that is not known.
        source_address: the one from which it comes, if that was chosen; else the kernel takes the one that is dialled.
        proxy: the items of its PROXY header, as probes.yaml has it; none: it has none, or one without addresses.
        is_chosen: whether it is another one than that of the door by which it comes in.
    """

    dialled: str = ""
    source_address: str = ""
    proxy: tuple[tuple[str, Any], ...] = ()
    is_chosen: bool = False

    @property
    def direct(self) -> str:
        """The address of whoever dials; empty: that is not known."""
        return self.source_address or self.dialled

    @property
    def told(self) -> str:
        """The address of the client as its PROXY header says it; empty: none does."""
        return str(dict(self.proxy).get("source", "")).rpartition(":")[0].strip("[]")

    @property
    def remote(self) -> str:
        """The address of the client as the listener knows it; empty: that is not known."""
        return self.told or self.direct

    def from_direct(self, address: str) -> "Origin":
        """With a connection from there. Raises: CannotMakeError where none comes."""
        if not is_address(address) or not self.dialled or not may_meet(address, self.dialled):
            raise CannotMakeError(f"no client of ours comes from {address}")
        return msgspec.structs.replace(self, source_address=address, is_chosen=True)

    def from_remote(self, address: str) -> "Origin":
        """With a client there: by its PROXY header, where it has one. Raises: CannotMakeError where none is."""
        if not self.proxy:
            return self.from_direct(address)
        header = dict(self.proxy)
        if not is_address(address) or not _are_alike(
            address, str(header["destination"]).rpartition(":")[0].strip("[]")
        ):
            raise CannotMakeError(f"the PROXY header of no client of ours says {address}")
        port = str(header["source"]).rpartition(":")[2]
        header["source"] = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return msgspec.structs.replace(self, proxy=tuple(header.items()), is_chosen=True)

    def entry(self) -> dict[str, Any]:
        """The fields of probes.yaml that say so; none where the door says it."""
        if not self.is_chosen:
            return {}
        written: dict[str, Any] = {"source_address": self.source_address} if self.source_address else {}
        return {**written, "proxy": dict(self.proxy)} if self.proxy else written


def _are_alike(one: str, other: str) -> bool:
    """Whether both are of IPv4, or of IPv6."""
    return is_address(other) and (":" in one) == (":" in other)


def may_meet(source: str, dialled: str) -> bool:
    """Whether a connection may go from one to the other: no socket of a Pod has an address of many, or of nobody."""
    address = ipaddress.ip_address(source)
    return _are_alike(source, dialled) and not (
        address.is_multicast or address.is_unspecified or address.is_link_local or str(address) == "255.255.255.255"
    )
