"""Requests that are met in a Pod's network, or take time: sockets, names, commands. None runs in the worker itself."""

import os
import select
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from takeover.engines.local.inside.containers import RunningContainer
from takeover.engines.local.inside.network import join
from takeover.engines.local.inside.runtime import Runtime
from takeover.engines.local.inside.started import Started
from takeover.engines.local.messages import Execute, ExecuteInNetwork, Resolve, Sockets
from takeover.node import kernel
from takeover.node.processes import descendants, kill_all


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """A request that cannot be met; `kind` is what the test process makes an exception of."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class OpenFiles:
    """An answer with open files."""

    descriptors: list[int]


@dataclass(frozen=True)
class Ends:
    """What came with a command.

    Args:
        reply: closed by the other side when nobody waits for the answer any more.
        files: stdin, stdout and stderr.
    """

    reply: socket.socket
    files: list[int]


def enter(network: Path, container: RunningContainer | None, runtime: Runtime) -> None:
    """Takes this process into a Pod's network; with a container, to its files, as its user.

    Then it has no capabilities: to resolve a name, it loads libraries that the container may have put there.
    """
    join(network)
    if container is not None:
        security = container.spec.security_context
        os.chroot(runtime.root_of(container.identity))
        os.chdir("/")
        kernel.bound_capabilities()
        os.setgroups(security.supplemental_groups)
        # The owner match of iptables looks at whoever made the socket.
        os.setgid(security.gid)
        os.setuid(security.uid)
        kernel.hold_capabilities()


def sockets(request: Sockets) -> OpenFiles:
    """Makes TCP sockets where this process is, for the test process to connect."""
    family = socket.AF_INET6 if request.is_6 else socket.AF_INET
    return OpenFiles([socket.socket(family, socket.SOCK_STREAM).detach() for _ in range(request.number)])


def resolve(request: Resolve) -> str:
    """The address of a name, by the files of this process's root."""
    try:
        found = socket.getaddrinfo(request.host, None, socket.AF_INET, socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Refused("unresolved", f"{request.host}: {error.strerror}") from None
    return str(found[0][4][0])


def execute(request: Execute, container: RunningContainer, ends: Ends) -> int:
    """Runs a command in the container; returns its exit code. Ends it when nobody waits for the answer any more."""
    if not container.running:
        raise Refused("not running", f"container {request.container} does not run")
    try:
        return _wait(container.execute(request.command, ends.files), ends)
    except OSError as error:
        raise Refused("not running", f"container {request.container}: {error.strerror or error}") from None


def execute_in_network(request: ExecuteInNetwork, system_root: Path, ends: Ends) -> int:
    """Runs a command of `system_root` in the network where this process is, with all rights there."""
    return _run(["chroot", str(system_root), *request.command], ends)


def _run(command: list[str], ends: Ends) -> int:
    stdin, stdout, stderr = ends.files
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)
    return _wait(process, ends)


def _wait(process: "subprocess.Popen[bytes] | Started", ends: Ends) -> int:
    for file in ends.files:
        os.close(file)
    events = select.poll()
    events.register(ends.reply, select.POLLRDHUP)
    ended = os.pidfd_open(process.pid)
    events.register(ended, select.POLLIN)
    if all(descriptor != ended for descriptor, _ in events.poll()):
        kill_all([process.pid, *descendants(process.pid)])
    os.close(ended)
    code = process.wait()
    return code if code >= 0 else 128 - code
