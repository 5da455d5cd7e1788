"""DNS as a Pod asks it."""

import contextlib
import struct

import dns.message
import dns.rdatatype

from takeover.engines.contract import Container
from takeover.net import raw
from takeover.scene import Scene

_PORT = 53


def nameserver(container: Container) -> str:
    """The address of the first nameserver in the container's /etc/resolv.conf."""
    lines = container.exec(["cat", "/etc/resolv.conf"]).stdout.decode().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("nameserver"))


def ask_over_tcp(scene: Scene, pod: str, server: str, name: str, container: str = "") -> list[str]:
    """The IPv4 addresses of `name`, asked of `server` over TCP (RFC 7766) from that container of the Pod.

    Returns [] if the connection ends without a byte.
    """
    question = dns.message.make_query(name, dns.rdatatype.A)
    wire = question.to_wire()
    with contextlib.closing(scene.connect(pod, server, _PORT, container)) as stream:
        length = struct.pack("!H", len(wire))
        # The server may keep the connection; the answer's own length tells where it ends.
        answer = raw.converse(stream, length + wire, enough=_is_whole).received
    if not answer:
        return []
    found = dns.message.from_wire(answer[2:])
    return [item.to_text() for entry in found.answer for item in entry]


def _is_whole(received: bytes) -> bool:
    return len(received) >= 2 and len(received) >= 2 + struct.unpack("!H", received[:2])[0]
