"""Runs the command that its arguments are, in a network that leads nowhere, and says what was sent there.

It is itself run in network and mount namespaces of its own, by root. On stdout, one line of JSON: `code`, the command's
exit code; `sent`, the packets that left by either interface meanwhile; `noticed`, how many of one more question to the
resolver were: whoever watches and sees nothing must be able to see something. The command's own output goes to stderr.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from pyroute2 import IPRoute

_ALL_PROTOCOLS = 3  # ETH_P_ALL of packet(7)
_ROUTER, _ITS_ADDRESS, _HERE = "192.0.2.1", "02:00:00:00:00:01", "192.0.2.2"


def connect_to_nowhere() -> None:
    """An interface with a default route, behind which nobody answers; loopback; a resolver behind that route."""
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")  # it sends by itself
    with IPRoute() as links:
        links.link("add", ifname="uplink", kind="veth", peer={"ifname": "nowhere"})
        lo, uplink, nowhere = (socket.if_nametoindex(name) for name in ("lo", "uplink", "nowhere"))
        for index in (lo, uplink, nowhere):
            links.link("set", index=index, state="up")
        links.addr("add", index=uplink, address=_HERE, prefixlen=24)
        links.neigh("add", dst=_ROUTER, lladdr=_ITS_ADDRESS, ifindex=uplink, state="permanent")
        links.route("add", dst="default", gateway=_ROUTER)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolver:
        resolver.write("nameserver 198.51.100.53\n")
        resolver.flush()
        Path(resolver.name).chmod(0o644)
        subprocess.run(["mount", "--bind", resolver.name, os.path.realpath("/etc/resolv.conf")], check=True)


def received(watching: socket.socket) -> list[str]:
    found: list[str] = []
    while True:
        try:
            data, (interface, *_) = watching.recvfrom(1 << 16)
        except BlockingIOError:
            return found
        if interface != "nowhere":
            found.append(f"{interface}: {data[:100]!r}")


def main() -> None:
    connect_to_nowhere()
    watching = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
    watching.setblocking(False)
    code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
    sent = received(watching)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(b"anybody there?", ("198.51.100.53", 53))
    json.dump({"code": code, "sent": sent, "noticed": len(received(watching))}, sys.stdout)


main()
