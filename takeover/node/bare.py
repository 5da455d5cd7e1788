"""What runs inside a bare node: loopback and nothing else. It runs programs and hands out sockets.

Its requests, each with the end to which the answer goes:

- `run`, with a `command` and its stdin, stdout and stderr: the answer is its exit code, once it has ended. When nobody
  waits for the answer any more, the program is ended with all that came from it.
- `socket`, with a `family` and a `number`: the answer is so many sockets in this node's network, which the test
  process connects (or binds) itself.
"""

import contextlib
import os
import select
import socket
import subprocess
from collections.abc import Mapping
from typing import Any

from takeover.node import kernel, wire
from takeover.node.processes import descendants, kill_all

_KEPT = (10,)  # CAP_NET_BIND_SERVICE of capabilities(7)
# Nothing of ours: it may hold secrets, and a config may have Envoy tell it.
_ENVIRONMENT = {"PATH": os.defpath, "HOME": "/tmp"}  # noqa: S108 - the node's own


def prepare() -> None:
    """Does what need not be done in each node: nothing."""


def main(requests: socket.socket, settings: dict[str, Any]) -> None:
    """Serves requests until the test process closes its end.

    Args:
        settings: `isolated`, whether this process is in namespaces of its own; `errand`, where it has the
            machine's network, files and environment.
    """
    if settings["isolated"]:
        if "errand" in settings:
            _settle_on_machine()
        else:
            kernel.bring_loopback_up()
            # What runs here is no more than any user, also where root runs it; but it may listen on any port.
            kernel.bound_capabilities(_KEPT)
            kernel.hold_capabilities(_KEPT)
    environment = os.environ if "errand" in settings else _ENVIRONMENT
    events = select.poll()
    events.register(requests, select.POLLIN)
    running: dict[int, _Running] = {}
    while True:
        ready = {descriptor for descriptor, _ in events.poll()}
        # First what has ended: a new request may get the number of a file that is closed here.
        for descriptor in ready - {requests.fileno()}:
            if descriptor in running:  # a program's end and the end of who waits for it may come together
                running[descriptor].finish(events, running)
        if requests.fileno() not in ready:
            continue
        try:
            message, files = wire.receive(requests)
        except wire.Closed:
            return
        reply = socket.socket(fileno=files[0])
        if message["do"] == "run":
            _run(message["command"], environment, reply, files[1:], events, running)
        else:
            _hand_out(message["family"], message["number"], reply)


def _settle_on_machine() -> None:
    """No mount of this node is one of the machine's; and its processes are the only ones that it sees."""
    kernel.mount("none", "/", flags=kernel.PRIVATE | kernel.RECURSIVE)
    with contextlib.suppress(OSError):
        # Not where a container around us hides parts of /proc. Then it shows processes that are out of reach.
        kernel.mount("proc", "/proc", "proc", kernel.NO_SUID | kernel.NO_DEV)


class _Running:
    def __init__(self, process: "subprocess.Popen[bytes]", reply: socket.socket) -> None:
        self._process = process
        self._reply = reply
        self._ended = os.pidfd_open(process.pid)
        self.descriptors = (reply.fileno(), self._ended)

    def finish(self, events: select.poll, running: "dict[int, _Running]") -> None:
        """Says how the program ended; before, ends one that goes on though nobody waits for it."""
        for descriptor in self.descriptors:
            events.unregister(descriptor)
            del running[descriptor]
        if self._process.poll() is None:
            kill_all([self._process.pid, *descendants(self._process.pid)])
        code = self._process.wait()
        _answer(self._reply, {"result": code if code >= 0 else 128 - code})
        os.close(self._ended)


def _run(
    command: list[str],
    environment: Mapping[str, str],
    reply: socket.socket,
    files: list[int],
    events: select.poll,
    running: dict[int, _Running],
) -> None:
    stdin, stdout, stderr = files
    try:
        # Some signal their whole process group, as mmdebstrap does when it fails: it must not be ours.
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, process_group=0)
    except OSError as error:
        _answer(reply, {"error": "cannot run", "message": error.strerror})
        return
    finally:
        for file in files:
            os.close(file)
    started = _Running(process, reply)
    for descriptor, event in zip(started.descriptors, (select.POLLRDHUP, select.POLLIN), strict=True):
        running[descriptor] = started
        events.register(descriptor, event)


def _hand_out(family: int, number: int, reply: socket.socket) -> None:
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.socket(family, socket.SOCK_STREAM)) for _ in range(number)]
        _answer(reply, {"result": None}, [each.fileno() for each in made])


def _answer(reply: socket.socket, message: dict[str, Any], files: list[int] | None = None) -> None:
    with reply, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # nobody waits for it
        wire.send(reply, message, files or [])
