"""Requests that take time: connections and commands. None runs in the worker's own process."""

import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takeover.engines.local.inside.containers import RunningContainer
from takeover.engines.local.inside.network import join
from takeover.engines.local.inside.runtime import Runtime


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
class Request:
    """What is asked, and where it is to be met.

    Args:
        container: None for the Pod's network alone.
        reply: closed by the other side when nobody waits for the answer any more.
        files: stdin, stdout and stderr of a command.
    """

    system_root: Path
    container: RunningContainer | None
    message: dict[str, Any]
    reply: socket.socket
    files: list[int]


def enter(network: Path, container: RunningContainer | None, runtime: Runtime) -> None:
    """Takes this process into a Pod's network; with a container, to its files, as its user."""
    join(network)
    if container is not None:
        security = container.spec.security_context
        os.chroot(runtime.root_of(container.identity))
        os.setgroups([])
        # The owner match of iptables looks at whoever made the socket.
        os.setgid(security.run_as_group or 0)
        os.setuid(security.run_as_user)


def connect(request: Request) -> OpenFile:
    """Opens a TCP connection from where this process is; a name is resolved by the files of its root."""
    message = request.message
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
        raise Refused("timeout", f"no connection to {target} within {message['seconds']:g} s") from None
    except OSError as error:
        kind = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset"}.get(error.errno or 0, "unreachable")
        raise Refused(kind, f"connection to {target}: {error.strerror}") from None
    return OpenFile(connection.detach(), None)


def execute(request: Request) -> int:
    """Runs a command in the container; returns its exit code. Ends it when nobody waits for the answer any more."""
    container = request.container
    if container is None or not container.running:
        raise Refused("not running", f"container {request.message.get('container')} does not run")
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        return _run(container.exec_command(request.message["command"], Path(folder).name), request)


def execute_in_network(request: Request) -> int:
    """Runs a command of the lab's root file system in the network where this process is, with all rights there."""
    return _run(["chroot", str(request.system_root), *request.message["command"]], request)


def _run(command: list[str], request: Request) -> int:
    stdin, stdout, stderr = request.files
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)
    for file in request.files:
        os.close(file)
    events = select.poll()
    events.register(request.reply, select.POLLRDHUP)
    ended = os.pidfd_open(process.pid)
    events.register(ended, select.POLLIN)
    if all(descriptor != ended for descriptor, _ in events.poll()):
        # The runtime's own process has no hold on what it started in the container.
        for pid in [process.pid, *_descendants(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    code = process.wait()
    return code if code >= 0 else 128 - code


def _descendants(pid: int) -> Iterator[int]:
    """The processes that come from `pid`, children before their own children."""
    try:
        # A child belongs to the thread that made it.
        children = [
            child for each in Path(f"/proc/{pid}/task").glob("*/children") for child in each.read_text().split()
        ]
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)


FORKED: dict[str, Callable[[Request], Any]] = {"execute": execute}
"""For each of these the worker makes a process."""
ATTENDED: dict[str, Callable[[Request], Any]] = {"connect": connect, "execute_in_network": execute_in_network}
"""These are for the attendant of the Pod, or of its container."""
