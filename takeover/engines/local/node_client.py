"""What the test process asks of a scenario's node, as methods: see `takeover.engines.local.messages`."""

import contextlib
import socket
from collections import deque
from typing import Any

import msgspec

from takeover.base.addresses import is_address
from takeover.engines.local.inside.runtime import Image
from takeover.engines.local.messages import (
    Apply,
    Execute,
    ExecuteInNetwork,
    Log,
    NodeStatus,
    Process,
    Remove,
    Request,
    Resolve,
    Restart,
    Sockets,
    Status,
)
from takeover.engines.local.open_log import OpenLog
from takeover.model.execution import ExecResult
from takeover.model.json import JsonObject
from takeover.node import wire
from takeover.node.client import NodeClient

_GRACE = 5.0
"""Seconds for the way to the node and back."""
_RESTART_TIMEOUT = 30.0
"""Seconds for what a restart is beside the Pod's grace period."""


class ScenarioNode(NodeClient):
    """A node in which `takeover.engines.local.inside.worker` runs."""

    def __init__(self, end: socket.socket) -> None:
        super().__init__(end)
        self._sockets: dict[tuple[str, str | None, bool], deque[socket.socket]] = {}
        self._logs: dict[tuple[str, str, bool], OpenLog] = {}

    def apply(self, documents: list[JsonObject], images: dict[str, Image]) -> None:
        """Makes the objects on the node, or replaces them."""
        self._ask(Apply(documents, images))

    def status(self) -> NodeStatus:
        """How its Pods and Services are."""
        return msgspec.convert(self._ask(Status())[0], NodeStatus)

    def restart(self, pod: str, grace: float) -> None:
        """Ends a Pod, within so many seconds, and makes it again."""
        self._forget(pod)
        self._ask(Restart(pod), grace + _RESTART_TIMEOUT)

    def remove(self, pod: str, grace: float) -> None:
        """Ends a Pod, within so many seconds."""
        self._forget(pod)
        self._ask(Remove(pod), grace + _RESTART_TIMEOUT)

    def connect(
        self, pod: str, container: str | None, host: str, port: int, timeout: float, source_address: str = ""
    ) -> socket.socket:
        """A TCP connection from the Pod: as the container's user, or as root of the Pod's network for None.

        Args:
            source_address: from where it comes; empty: the kernel says.
        """
        address = host if is_address(host) else self._ask(Resolve(pod, container, host), timeout + _GRACE)[0]
        connection = self._socket(pod, container, is_6=":" in address)
        with contextlib.ExitStack() as until_connected:
            until_connected.callback(connection.close)
            connection.settimeout(timeout)
            try:
                if source_address:
                    _bind(connection, source_address)
                connection.connect((address, port))
            except OSError as error:
                raise _told(error, f"{host}:{port}", timeout) from None
            until_connected.pop_all()
        return connection

    def _socket(self, pod: str, container: str | None, *, is_6: bool) -> socket.socket:
        """One that is not connected. Several are asked for at once: to ask takes longer than to connect."""
        made = self._sockets.setdefault((pod, container, is_6), deque())
        if not made:
            _, files = self._ask(Sockets(pod, container, wire.MOST_FILES, is_6))
            made.extend(socket.socket(fileno=each) for each in files)
        return made.popleft()

    def _forget(self, pod: str) -> None:
        """Closes what was made for a Pod that ends: its network would stay with it."""
        for place in [each for each in self._sockets if each[0] == pod]:
            for each in self._sockets.pop(place):
                each.close()

    def close(self) -> None:
        """Ends the node."""
        for pod in [pod for pod, _, _ in self._sockets]:
            self._forget(pod)
        while self._logs:
            self._logs.popitem()[1].close()
        super().close()

    def read_log(self, pod: str, container: str, *, previous: bool = False) -> str:
        """What the container wrote so far, since it was started last; or before that."""
        place = (pod, container, previous)
        log = self._logs.get(place)
        if log is None or not log.is_current:
            _, files = self._ask(Log(*place))
            if log is not None:
                log.close()
            log = self._logs[place] = OpenLog(files[0])
        return log.text()

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


def _bind(connection: socket.socket, address: str) -> None:
    try:
        connection.bind((address, 0))
    except OSError as error:
        raise OSError(error.errno, f"it cannot come from {address}: {error.strerror}") from None


def _told(error: OSError, target: str, timeout: float) -> OSError:
    """The error with the words of what was tried."""
    if isinstance(error, TimeoutError):
        return TimeoutError(f"no connection to {target} within {timeout:g} s")
    kind = type(error) if isinstance(error, ConnectionRefusedError | ConnectionResetError) else OSError
    return kind(f"connection to {target}: {error.strerror}")
