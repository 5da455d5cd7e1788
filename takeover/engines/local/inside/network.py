"""The node's network: a link to every Pod, routed by the node, so that Service addresses can be translated on the way.

Every Pod has a /32 address and sends everything to its gateway, the node: also what goes to a Pod beside it. (On a
bridge the answer of such a neighbour would go past the node, and past the translation of a Service's address.)
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from takeover.engines.local.inside import rtnetlink
from takeover.node import kernel

GATEWAY = "10.244.0.1"
_POD_ADDRESS = "10.244.{}.{}"
_LOOPBACK = 1  # the first link of every namespace


class Network:
    """The links of one node. Runs in the node's network namespace, in a process with one thread."""

    def __init__(self, folder: Path) -> None:
        self._namespaces = folder / "netns"
        self._namespaces.mkdir()
        self._own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._count = 0
        _settings({"net.ipv4.ip_forward": "1"})
        self._links = rtnetlink.Links()
        self._links.make([rtnetlink.up(_LOOPBACK), rtnetlink.address(_LOOPBACK, GATEWAY)])

    def add_address(self, address: str) -> None:
        """Gives the node itself one more address."""
        self._links.make([rtnetlink.address(_LOOPBACK, address)])

    def add_pod(self, settings: Mapping[str, str]) -> tuple[Path, str]:
        """Makes a Pod's network namespace and its link. Returns the namespace's path and the Pod's IP.

        Args:
            settings: of the kernel there, by their names in /proc/sys, with dots.

        Raises: ValueError for a value that the kernel does not take.
        """
        self._count += 1
        # 10.244.0.1 is the gateway: Pods begin at .2.
        address = _POD_ADDRESS.format(self._count // 254, self._count % 254 + 1)
        path = self._namespaces / str(self._count)
        path.touch()
        host_side = f"pod{self._count}"
        kernel.unshare(kernel.NEW_NETWORK)
        try:
            kernel.bind("/proc/self/ns/net", path)
            _settings(settings)
            with rtnetlink.Links() as pod_links:
                pod_links.make([rtnetlink.up(_LOOPBACK), rtnetlink.pair("eth0", host_side, self._own)])
                eth0 = socket.if_nametoindex("eth0")
                pod_links.make([rtnetlink.address(eth0, address), rtnetlink.default_route(eth0, GATEWAY)])
        finally:
            kernel.enter(self._own)
        index = socket.if_nametoindex(host_side)
        self._links.make([rtnetlink.up(index), rtnetlink.route(index, address, GATEWAY)])
        return path, address

    def remove_pod(self, path: Path) -> None:
        """Takes a Pod's network namespace away, its link with it."""
        kernel.unmount(path)
        path.unlink()


def join(path: Path) -> None:
    """Goes into the network namespace at `path`, for good."""
    with path.open("rb") as namespace:
        kernel.enter(namespace.fileno())


def _settings(given: Mapping[str, str]) -> None:
    # Without IPv6 there is no address to wait for, and no packet that nobody asked for.
    for name, value in {"net.ipv6.conf.all.disable_ipv6": "1", **given}.items():
        try:
            Path("/proc/sys", name.replace(".", "/")).write_text(value)
        except OSError as error:
            raise ValueError(f"the kernel does not take {value[:80]!a} for {name}: {error.strerror}") from None
