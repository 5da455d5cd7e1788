"""Links, addresses and routes of a network namespace: the few requests of rtnetlink(7) that a node makes.

A library that knows them all takes 3 ms of CPU for each, most of a node's own; several of these go in one message.
"""

import errno
import os
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple, Self

# Of netlink(7), as linux/netlink.h has them.
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ERROR = 2
_REQUEST, _ACKNOWLEDGE, _NEW = 0x1, 0x4, 0x600  # _NEW: NLM_F_CREATE, and NLM_F_EXCL
# Of rtnetlink(7), as linux/rtnetlink.h, if_link.h, if_addr.h and veth.h have them.
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = 16, 20, 24
_LINK = struct.Struct("=BxHiII")  # family, kind of device, index, flags, which of them are meant
_ADDRESS = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, index of the link
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, lengths of two prefixes, TOS, table, origin, scope, kind, flags
_LINK_NAME, _LINK_INFO, _LINK_NAMESPACE = 3, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_ADDRESS_WHOLE, _ADDRESS_LOCAL = 1, 2
_ROUTE_TO, _ROUTE_OUT, _ROUTE_GATEWAY, _ROUTE_FROM = 1, 4, 5, 7
_UP = 0x1
_MAIN_TABLE, _STATIC, _UNICAST = 254, 4, 1
_ON_LINK = 0x4  # the gateway is at the link's other end, though no route says so
_WHOLE = 32  # bits of an address

_MOST_OF_AN_ANSWER = 1 << 16


class Change(NamedTuple):
    """One request.

    Args:
        what: for the message of a failure.
        kind: the type of netlink message.
        flags: besides those that every request has.
        body: what follows the header.
    """

    what: str
    kind: int
    flags: int
    body: bytes


def up(index: int) -> Change:
    """Makes that link carry packets."""
    return Change(f"set link {index} up", _NEW_LINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, index, _UP, _UP))


def pair(name: str, peer: str, peer_namespace: int) -> Change:
    """Makes two links, each the other's end: one here, which is up, and one in the namespace behind an open file."""
    others = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _text(_LINK_NAME, peer)
    others += _attribute(_LINK_NAMESPACE, struct.pack("=I", peer_namespace))
    information = _text(_INFO_KIND, "veth") + _attribute(_INFO_DATA, _attribute(_VETH_PEER, others))
    body = _LINK.pack(socket.AF_UNSPEC, 0, 0, _UP, _UP) + _text(_LINK_NAME, name)
    return Change(f"add link {name}", _NEW_LINK, _NEW, body + _attribute(_LINK_INFO, information))


def address(index: int, own: str) -> Change:
    """Gives a link an IPv4 address that is alone in its network."""
    packed = socket.inet_aton(own)
    body = _ADDRESS.pack(socket.AF_INET, _WHOLE, 0, 0, index)
    body += _attribute(_ADDRESS_LOCAL, packed) + _attribute(_ADDRESS_WHOLE, packed)
    return Change(f"add address {own}", _NEW_ADDRESS, _NEW, body)


def default_route(index: int, gateway: str) -> Change:
    """Sends all that has no other way to the gateway at the other end of the link."""
    body = _ROUTE.pack(socket.AF_INET, 0, 0, 0, _MAIN_TABLE, _STATIC, 0, _UNICAST, _ON_LINK)
    body += _attribute(_ROUTE_GATEWAY, socket.inet_aton(gateway)) + _attribute(_ROUTE_OUT, struct.pack("=I", index))
    return Change(f"add default route by {gateway}", _NEW_ROUTE, _NEW, body)


def route(index: int, to: str, source: str) -> Change:
    """Sends what goes to one IPv4 address over the link; what this namespace sends there comes from `source`."""
    body = _ROUTE.pack(socket.AF_INET, _WHOLE, 0, 0, _MAIN_TABLE, _STATIC, 0, _UNICAST, 0)
    body += _attribute(_ROUTE_TO, socket.inet_aton(to)) + _attribute(_ROUTE_OUT, struct.pack("=I", index))
    return Change(f"add route to {to}", _NEW_ROUTE, _NEW, body + _attribute(_ROUTE_FROM, socket.inet_aton(source)))


class Links:
    """Speaks with the kernel of the network namespace in which it was made, wherever its process goes later."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)

    def make(self, changes: Sequence[Change]) -> None:
        """Makes the changes, in that order.

        Raises: OSError for the first that the kernel refuses; it may have made those after it.
        """
        messages = b"".join(
            _HEADER.pack(_HEADER.size + len(each.body), each.kind, _REQUEST | _ACKNOWLEDGE | each.flags, number, 0)
            + each.body
            for number, each in enumerate(changes)
        )
        self._socket.sendto(messages, (0, 0))
        codes: list[int] = []  # the kernel answers one after the other
        while len(codes) < len(changes):
            codes += _codes(self._socket.recv(_MOST_OF_AN_ANSWER))
        for change, code in zip(changes, codes, strict=True):
            if code:
                raise OSError(-code, f"{change.what}: {os.strerror(-code)}")

    def close(self) -> None:
        """Ends the conversation."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _codes(answer: bytes) -> list[int]:
    """What the kernel says of each request that it tells of: 0, or an error's number below it."""
    codes, position = [], 0
    while position < len(answer):
        length, kind, _, _, _ = _HEADER.unpack_from(answer, position)
        if kind != _ERROR:
            raise OSError(errno.EPROTO, f"the kernel answered a request with a message of type {kind}")
        codes.append(struct.unpack_from("=i", answer, position + _HEADER.size)[0])
        position += _aligned(length)
    return codes


def _attribute(kind: int, value: bytes) -> bytes:
    """See "Attributes" of rtnetlink(7): padded to four bytes, which are not counted."""
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(_aligned(length) - length)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _aligned(length: int) -> int:
    return (length + 3) & ~3
