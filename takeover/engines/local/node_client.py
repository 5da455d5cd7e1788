"""What the test process asks of a scenario's node, as methods: see `takeover.engines.local.messages`."""

import os
import socket
from typing import Any

import msgspec

from takeover.engines.local.inside.runtime import Image
from takeover.engines.local.messages import (
    Apply,
    Connect,
    Execute,
    ExecuteInNetwork,
    Log,
    NodeStatus,
    Process,
    Remove,
    Request,
    Restart,
    Status,
)
from takeover.model.execution import ExecResult
from takeover.model.json import JsonObject
from takeover.node.client import NodeClient

_GRACE = 5.0
"""Seconds for the way to the node and back."""
_RESTART_TIMEOUT = 30.0
"""Seconds for what a restart is beside the Pod's grace period."""


class ScenarioNode(NodeClient):
    """A node in which `takeover.engines.local.inside.worker` runs."""

    def apply(self, documents: list[JsonObject], images: dict[str, Image]) -> None:
        """Makes the objects on the node, or replaces them."""
        self._ask(Apply(documents, images))

    def status(self) -> NodeStatus:
        """How its Pods and Services are."""
        return msgspec.convert(self._ask(Status())[0], NodeStatus)

    def restart(self, pod: str, grace: float) -> None:
        """Ends a Pod, within so many seconds, and makes it again."""
        self._ask(Restart(pod), grace + _RESTART_TIMEOUT)

    def remove(self, pod: str, grace: float) -> None:
        """Ends a Pod, within so many seconds."""
        self._ask(Remove(pod), grace + _RESTART_TIMEOUT)

    def connect(self, pod: str, container: str | None, host: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection opened in the Pod: as the container's user, or as root of the Pod's network for None."""
        _, files = self._ask(Connect(pod, container, host, port, timeout), timeout + _GRACE)
        return socket.socket(fileno=files[0])

    def read_log(self, pod: str, container: str) -> str:
        """What the container wrote so far."""
        _, files = self._ask(Log(pod, container))
        with os.fdopen(files[0], "rb") as file:
            file.seek(0)
            return file.read().decode(errors="replace")

    def pid_namespace(self, pod: str, container: str) -> int:
        """The inode of the container's PID namespace."""
        inode: int = self._ask(Process(pod, container))[0]
        return inode

    def run(self, request: Execute | ExecuteInNetwork, stdin: bytes, timeout: float) -> ExecResult:
        """Runs a command and collects its output, until it ends."""
        return self.execute(_tag(request), stdin, timeout, **msgspec.structs.asdict(request))

    def _ask(self, request: Request, timeout: float = 30.0) -> tuple[Any, list[int]]:
        return self.ask(_tag(request), timeout, **msgspec.structs.asdict(request))


def _tag(request: Request) -> str:
    return str(request.__struct_config__.tag)
