"""A bare node, as the test process sees it: the place where a foreign binary runs.

What runs in it has a network of its own with nothing but loopback, and a root of its own: the machine's programs and
libraries and the files that are named, all read-only. It sees no process but those of its node, has no capabilities
(also where root runs it), no environment of ours, and ends with this process, however that ends. Where this user may
not make namespaces, it runs on the machine itself: it ends with this process all the same, `BareNode.exposed` says why
it has the machine's network, and so does a line on stderr.

    with bare_node("/path/of/envoy") as node:
        print(node.run(["/path/of/envoy", "--version"]).stdout)
"""

import atexit
import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from takeover.model.execution import ExecResult
from takeover.node import host, root, wire
from takeover.node.client import NodeClient
from takeover.node.nodes import Nodes

_ANSWER_DEADLINE = 30.0


class Program:
    """A program that goes on in a node, until it ends or is ended.

    Args:
        reply: where its exit code comes, and whose end ends it.
        output: an open file of no place, which it writes to.
    """

    def __init__(self, reply: socket.socket, output: int) -> None:
        self._reply = reply
        self._output = output
        self._exit_code: int | None = None

    def exit_code(self) -> int | None:
        """None while it goes on; 128 + the signal's number for a killed one. Raises: CannotRunError."""
        try:
            return self.wait(0)
        except TimeoutError:
            return None

    def wait(self, timeout: float) -> int:
        """Waits for its end, and returns its exit code.

        Raises: TimeoutError, which leaves it running; CannotRunError; TakeoverError when the node is gone.
        """
        if self._exit_code is None:
            self._reply.settimeout(timeout)
            try:
                self._exit_code = NodeClient.answer(self._reply, "run", timeout)[0]
            except BlockingIOError:
                raise TimeoutError("it goes on") from None
        assert self._exit_code is not None
        return self._exit_code

    def output(self, begin: int = 0) -> bytes:
        """What it wrote so far to stdout and stderr, after so many bytes."""
        return os.pread(self._output, max(0, os.fstat(self._output).st_size - begin), begin)

    def end(self) -> None:
        """Ends it, and all that came from it."""
        self._reply.close()
        if self._output >= 0:
            os.close(self._output)
        self._output = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class BareNode(NodeClient):
    """A node in which `takeover.node.bare` runs. Threads may share it.

    Args:
        exposed: why it is no node of its own but the machine itself; empty for a true one.
    """

    def __init__(self, end: socket.socket, exposed: str = "") -> None:
        super().__init__(end)
        self.exposed = exposed

    def run(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> ExecResult:
        """Runs a command to its end.

        Raises: CannotRunError, and TimeoutError, after which it is ended with all that came from it.
        """
        return self.execute("run", stdin, timeout, command=list(command))

    def start(self, command: Sequence[str], stdin: bytes = b"") -> Program:
        """Starts a program that goes on. Whether it can run, `Program.wait` says."""
        output = os.memfd_create("output", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.memfd_create("stdin", os.MFD_CLOEXEC), "wb") as given:
                given.write(stdin)
                given.seek(0)  # written by then, too
                reply = self.send("run", [given.fileno(), output, output], {"command": list(command)})
        except BaseException:
            os.close(output)
            raise
        return Program(reply, output)

    def new_socket(self, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
        """A stream socket in the node's network. Connected or bound from here, it still reaches what is in there."""
        [made] = self._sockets(1, family)
        return made

    def new_sockets(self, number: int) -> Iterator[socket.socket]:
        """So many stream sockets of IPv4, likewise; they are asked for together, which is sooner done."""
        while number > 0:
            made = self._sockets(min(number, wire.MOST_FILES))
            number -= len(made)
            yield from made

    def _sockets(self, number: int, family: socket.AddressFamily = socket.AF_INET) -> list[socket.socket]:
        _, files = self.ask("socket", _ANSWER_DEADLINE, family=int(family), number=number)
        return [socket.socket(fileno=each) for each in files]

    def connect(self, address: tuple[str, int] | str, timeout: float = 10.0) -> socket.socket:
        """A connection to a port of the node's loopback, or to the abstract Unix socket of that name (without NUL).

        Raises: what `socket.connect` does.
        """
        unix = isinstance(address, str)
        connection = self.new_socket(socket.AF_UNIX if unix else socket.AF_INET)
        try:
            connection.settimeout(timeout)
            connection.connect(f"\0{address}" if unix else address)
        except BaseException:
            connection.close()
            raise
        return connection


@contextlib.contextmanager
def bare_node(*files: str | Path) -> Iterator[BareNode]:
    """A bare node, for as long as the context lasts. The first of a process takes 0.1 s, any other a tenth of that.

    Args:
        files: what is there besides the system's programs and libraries, each (a file or a folder) at its own path.
    """
    exposed = host.refusal()
    node = _launcher().new(lambda end: BareNode(end, exposed), {"isolated": not exposed}, root.for_programs(*files))
    try:
        yield node
    finally:
        node.close()


_lock = threading.Lock()
_made: list[Nodes] = []


def _launcher() -> Nodes:
    """This process's one; it ends with it."""
    with _lock:
        if not _made:
            isolated = not (exposed := host.refusal())
            if exposed:
                sys.stderr.write(f"what is asked of Envoys runs on this machine itself, with its network: {exposed}\n")
            become_root = host.in_own_user_namespace() if isolated else []
            _made.append(Nodes("takeover.node.bare", become_root, isolated))
            atexit.register(_made[0].close)
        return _made[0]
