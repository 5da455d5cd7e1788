"""The client's connections, which notice that the other end is gone: who only listens would else wait for ever."""

import socket
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client import rest

# Seconds until the kernel asks the other end, and between two times; how often in vain.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


def new_client(configuration: Any) -> Any:
    """The client's API of that configuration. Raises: OSError, ValueError for certificates that are none."""
    made: Any = client.ApiClient(configuration)
    made.rest_client = _KeptAlive(configuration)
    return made


class _KeptAlive(rest.RESTClientObject):
    def _create_connector(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=self.maxsize, ssl=self.ssl_context, socket_factory=_socket)


def _socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):  # not on every system
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made
