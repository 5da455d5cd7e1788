"""Requests that take time: connections and commands. Each runs in a process of its own, forked from the node's worker."""

import errno
import os
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takeover.engines.local.node.containers import RunningContainer
from takeover.engines.local.node.network import join
from takeover.engines.local.node.runtime import Runtime


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """A request that cannot be met; `kind` is what the test process makes an exception of."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class OpenFile:
    """An answer with an open file."""

    descriptor: int
    facts: Any


@dataclass(frozen=True)
class Place:
    """Where a request is to be met."""

    system_root: Path
    network: Path
    container: RunningContainer | None
    runtime: Runtime


def connect(place: Place, message: dict[str, Any], reply: socket.socket, files: list[int]) -> OpenFile:
    """Opens a TCP connection in the Pod's network as the container's user, the name resolved by the Pod's own files."""
    join(place.network)
    if place.container is not None:
        security = place.container.spec.security_context
        os.chroot(place.runtime.root_of(place.container.identity))
        os.setgroups([])
        # The owner match of iptables looks at whoever made the socket.
        os.setgid(security.run_as_group or 0)
        os.setuid(security.run_as_user)
    try:
        found = socket.getaddrinfo(message["host"], message["port"], socket.AF_INET, socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Refused("unresolved", f"{message['host']}: {error.strerror}") from None
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(message["seconds"])
    target = f"{message['host']}:{message['port']}"
    try:
        connection.connect(found[0][4])
    except TimeoutError:
        raise Refused("timeout", f"no connection to {target} within {message['timeout']:g} s") from None
    except OSError as error:
        kind = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset"}.get(error.errno or 0, "unreachable")
        raise Refused(kind, f"connection to {target}: {error.strerror}") from None
    return OpenFile(connection.detach(), None)


def execute(place: Place, message: dict[str, Any], reply: socket.socket, files: list[int]) -> int:
    """Runs a command in the container; returns its exit code. Ends it when nobody waits for the answer any more."""
    container = place.container
    if container is None or not container.running:
        name = message.get("container")
        raise Refused("not running", f"container {name} does not run")
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        pid_file = Path(folder) / "pid"
        command = container.exec_command(message["command"], Path(folder).name)
        command[-1:-1] = ["--pid-file", str(pid_file)]
        return _run(command, reply, files, lambda: int(pid_file.read_text()))


def execute_in_network(place: Place, message: dict[str, Any], reply: socket.socket, files: list[int]) -> int:
    """Runs a command of the lab's root file system in the Pod's network, with all rights there."""
    join(place.network)
    return _run(["chroot", str(place.system_root), *message["command"]], reply, files, None)


def _run(command: list[str], reply: socket.socket, files: list[int], pid: Callable[[], int] | None) -> int:
    stdin, stdout, stderr = files
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)
    for file in files:
        os.close(file)
    events = select.poll()
    events.register(reply, select.POLLRDHUP)
    ended = os.pidfd_open(process.pid)
    events.register(ended, select.POLLIN)
    if all(descriptor != ended for descriptor, _ in events.poll()):
        # The runtime's own process has no hold on what it started in the container.
        os.kill(pid() if pid else process.pid, signal.SIGKILL)
    code = process.wait()
    return code if code >= 0 else 128 - code


ALL: dict[str, Callable[[Place, dict[str, Any], socket.socket, list[int]], Any]] = {
    "connect": connect,
    "execute": execute,
    "execute_in_network": execute_in_network,
}
