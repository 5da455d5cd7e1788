"""Has addresses in this network, by rtnetlink(7): whoever in it dials one of them stays in it.

It needs CAP_NET_ADMIN, and for IPv6, where that is switched off, a /proc/sys that can be written.
"""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Sequence

# Of netlink(7), rtnetlink(7), as linux/netlink.h, rtnetlink.h and if_addr.h have them.
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ADDRESS = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, index of the link
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ERROR, _NEW_ADDRESS = 2, 20
_REQUEST, _ACKNOWLEDGE, _CREATE = 0x1, 0x4, 0x400
_WHOLE, _LOCAL = 1, 2
_NO_DETECTION = 0x02  # of who else has it: nobody is on loopback
_HOST = 254  # scope
_AT_ONCE = 50
"""Requests in one message: their answers must fit in the socket's buffer."""


def add(addresses: Sequence[str]) -> None:
    """Gives them to loopback, each alone in its network; those that it has stay.

    Raises: OSError for one that the kernel refuses, with its name.
    """
    if any(":" in each for each in addresses):
        _switch_on_ipv6()
    link = socket.if_nametoindex("lo")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        for start in range(0, len(addresses), _AT_ONCE):
            some = addresses[start : start + _AT_ONCE]
            kernel.sendto(b"".join(request(each, number, link) for number, each in enumerate(some)), (0, 0))
            codes: list[int] = []
            while len(codes) < len(some):
                codes += _codes(kernel.recv(1 << 16))
            for address, code in zip(some, codes, strict=True):
                if code not in (0, -errno.EEXIST):
                    raise OSError(-code, f"{address}: {os.strerror(-code)}")


def request(address: str, number: int, link: int) -> bytes:
    """The message that gives the link one address. `number`: by which its answer is known."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    flags = _NO_DETECTION if family == socket.AF_INET6 else 0
    body = _ADDRESS.pack(family, 8 * len(packed), flags, _HOST, link)
    body += b"".join(_ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), kind) + packed for kind in (_LOCAL, _WHOLE))
    return _HEADER.pack(_HEADER.size + len(body), _NEW_ADDRESS, _REQUEST | _ACKNOWLEDGE | _CREATE, number, 0) + body


def _codes(answer: bytes) -> list[int]:
    """What the kernel says of each request that it tells of: 0, or an error's number below it."""
    codes, position = [], 0
    while position < len(answer):
        length, kind, _, _, _ = _HEADER.unpack_from(answer, position)
        if kind != _ERROR:
            raise OSError(errno.EPROTO, f"the kernel answered a request with a message of type {kind}")
        codes.append(struct.unpack_from("=i", answer, position + _HEADER.size)[0])
        position += (length + 3) & ~3
    return codes


def _switch_on_ipv6() -> None:
    """On loopback alone: other links would look for neighbours."""
    with (
        contextlib.suppress(OSError),  # it is on, or the kernel refuses the address, and says so
        open("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "w", encoding="ascii") as file,  # noqa: PTH123 - as in `table`
    ):
        file.write("0")
