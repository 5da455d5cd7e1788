"""The process from which a run's nodes are forked: it has imported what they need, so that a node costs milliseconds.

Run as `python -m takeover.node.launcher FD MODULE ISOLATED`, FD being one end of a `wire.pair()`. MODULE is what runs
in each node: its `prepare()` is called once, here, and its `main(requests, settings)` in every node. Each message
carries the node's end of a pair of its own, `requests`, the settings, the node's root, and files that are to stay open
until everything in the node is gone. Without a root the node keeps the machine's, and its network. The launcher ends
when its own pair does, after all its nodes have. ISOLATED is "no" where this user may not make namespaces: then a node
is its processes alone, which end with it all the same.
"""

import errno
import gc
import importlib
import os
import signal
import socket
import sys
from typing import Any, Never, Protocol, cast

import msgspec

from takeover.node import kernel, root, wire
from takeover.node.processes import end_children

_NAMESPACES = (
    kernel.NEW_MOUNTS | kernel.NEW_CGROUP | kernel.NEW_UTS | kernel.NEW_IPC | kernel.NEW_PIDS | kernel.NEW_NETWORK
)


class Inside(Protocol):
    """What runs in a node."""

    def prepare(self) -> None:
        """Does what need not be done in each node."""
        ...

    def main(self, requests: socket.socket, settings: dict[str, Any]) -> None:
        """Serves requests until the test process closes its end."""
        ...


def main() -> None:
    """Forks a node for every message until the test process is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    inside = cast("Inside", importlib.import_module(sys.argv[2]))
    isolated = sys.argv[3] == "yes"
    os.umask(0o022)  # a container's user reads what is made here
    inside.prepare()
    gc.freeze()
    nodes: set[int] = set()
    while True:
        try:
            message, files = wire.receive(control)
        except wire.Closed:
            break
        pid = os.fork()
        if pid == 0:
            control.close()
            own_root = msgspec.convert(message["root"], root.Root | None) if isolated else None
            _node(socket.socket(fileno=files[0]), inside, message["settings"], isolated, own_root)
        for file in files:
            os.close(file)
        nodes = {each for each in nodes if os.waitpid(each, os.WNOHANG)[0] == 0} | {pid}
    for each in nodes:
        os.waitpid(each, 0)


def _node(
    requests: socket.socket, inside: Inside, settings: dict[str, Any], isolated: bool, own_root: root.Root | None
) -> Never:
    """Makes the node's namespaces and waits for the end of its first process."""
    if isolated:
        kernel.unshare(_NAMESPACES if own_root else _NAMESPACES & ~kernel.NEW_NETWORK)
    first = os.fork()
    if first == 0:
        _first_process(requests, inside, settings, isolated, own_root)
    requests.close()
    os.waitpid(first, 0)
    os._exit(0)


def _first_process(
    requests: socket.socket, inside: Inside, settings: dict[str, Any], isolated: bool, own_root: root.Root | None
) -> Never:
    """The node's PID 1: when it ends, the kernel ends every process of the node.

    It does nothing but wait for the test process to close its end, which happens however that process dies, and take
    in the orphans. The work is its child's, so that no work can keep it from noticing. Without namespaces, it ends the
    others itself.
    """
    import select

    if not isolated:
        kernel.take_in_orphans()
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    refused = _refusal(own_root) if own_root else ""
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if refused:
            wire.refuse_all(requests, refused)
        else:
            inside.main(requests, settings)
        os._exit(0)
    events = select.poll()
    events.register(requests, select.POLLRDHUP)
    events.register(wake, select.POLLIN)
    while True:
        for descriptor, _ in events.poll():
            if descriptor == wake:
                os.read(wake, 4096)
                if child in _reaped():
                    _end(1, isolated)
            else:
                _end(0, isolated)


def _refusal(own_root: root.Root) -> str:
    """Changes the root. Returns why that cannot be done here."""
    try:
        root.enter(own_root)
    except OSError as error:
        told = f"the node could not be made: {error.filename or ''}{': ' * bool(error.filename)}{error.strerror}"
        if error.errno in (errno.EPERM, errno.EACCES, errno.EINVAL):
            told += "; what is around this run does not let it have a root of its own (Docker: --privileged does)"
        return told
    return ""


def _end(code: int, isolated: bool) -> Never:
    if not isolated:
        end_children()
    os._exit(code)


def _reaped() -> set[int]:
    ended: set[int] = set()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.add(pid)


if __name__ == "__main__":
    main()
