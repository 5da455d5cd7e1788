"""What the test process asks of a scenario's node: connections opened in its Pods, and their logs."""

import os
import socket
from typing import Any

from takeover.node.client import NodeClient

_GRACE = 5.0
"""Seconds for the way to the node and back."""


class ScenarioNode(NodeClient):
    """A node in which `takeover.engines.local.inside.worker` runs."""

    def connect(self, pod: str, container: str | None, host: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection opened in the Pod: as the container's user, or as root of the Pod's network for None."""
        where = {"pod": pod} | ({} if container is None else {"container": container})
        facts: dict[str, Any] = {"host": host, "port": port, "seconds": timeout, **where}
        _, files = self.ask("connect", timeout + _GRACE, **facts)
        return socket.socket(fileno=files[0])

    def read_log(self, pod: str, container: str) -> str:
        """What the container wrote so far."""
        _, files = self.ask("log", pod=pod, container=container)
        with os.fdopen(files[0], "rb") as file:
            file.seek(0)
            return file.read().decode(errors="replace")
