"""The test process's end of a node: requests, their answers, and the connections that the node hands over."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

from takeover.engines.interface import ExecResult
from takeover.engines.local import wire
from takeover.engines.local.pipes import Pipes
from takeover.errors import TakeoverError

_GRACE = 5.0


class NodeClient:
    """Speaks with one node. Closing it ends the node, with everything in it; so does the end of this process."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def ask(self, what: str, timeout: float = 30.0, **facts: Any) -> tuple[Any, list[int]]:
        """Sends one request and waits for its answer: a result, and the files that came with it.

        Raises: what the node answered as an exception; TimeoutError; TakeoverError when the node is gone.
        """
        with self._asked(what, (), facts) as reply:
            reply.settimeout(timeout)
            return self._answer(reply, what, timeout)

    @contextlib.contextmanager
    def _asked(self, what: str, files: Sequence[int], facts: dict[str, Any]) -> Iterator[socket.socket]:
        """Sends one request; within it, its answer is to come at the socket. Leaving it ends what was asked."""
        ours, theirs = wire.pair()
        with ours:
            with theirs:
                try:
                    wire.send(self._end, {"do": what, **facts}, [theirs.fileno(), *files])
                except OSError as error:
                    raise TakeoverError(f"the scenario's node is gone ({error.strerror})") from None
            yield ours

    @staticmethod
    def _answer(reply: socket.socket, what: str, timeout: float) -> tuple[Any, list[int]]:
        try:
            answer, received = wire.receive(reply)
        except wire.Closed:
            raise TakeoverError(f"the scenario's node ended while asked to {what}") from None
        except TimeoutError:
            raise TimeoutError(f"no answer to {what} within {timeout:g} s") from None
        if "error" in answer:
            raise _EXCEPTIONS.get(answer["error"], TakeoverError)(answer["message"])
        return answer["result"], received

    def connect(self, pod: str, container: str | None, host: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection opened in the Pod: as the container's user, or as root of the Pod's network for None."""
        where = {"pod": pod} | ({} if container is None else {"container": container})
        facts: dict[str, Any] = {"host": host, "port": port, "seconds": timeout, **where}
        _, files = self.ask("connect", timeout + _GRACE, **facts)
        return socket.socket(fileno=files[0])

    def execute(self, what: str, stdin: bytes, timeout: float, **facts: Any) -> ExecResult:
        """Runs a command (`execute` or `execute_in_network`) and collects its output, until it ends.

        Raises: as `ask`; after a TimeoutError the command is ended.
        """
        with Pipes(stdin) as pipes:
            with self._asked(what, pipes.theirs, facts) as reply:
                pipes.close_theirs()
                pipes.carry_until_readable(reply, time.monotonic() + timeout)
                reply.settimeout(0)
                try:
                    code, _ = self._answer(reply, what, timeout)
                except BlockingIOError:
                    command = facts["command"]
                    raise TimeoutError(f"{command} did not end within {timeout:g} s and was ended") from None
            # What a command left behind in the container may hold its output open: what it wrote itself is all here.
            pipes.carry_what_is_there()
            return ExecResult(code, pipes.stdout, pipes.stderr)

    def read_log(self, pod: str, container: str) -> str:
        """What the container wrote so far."""
        _, files = self.ask("log", pod=pod, container=container)
        with os.fdopen(files[0], "rb") as file:
            file.seek(0)
            return file.read().decode(errors="replace")

    def close(self) -> None:
        """Ends the node."""
        self._end.close()


_EXCEPTIONS: dict[str, type[Exception]] = {
    "refused": ConnectionRefusedError,
    "reset": ConnectionResetError,
    "unreachable": OSError,
    "timeout": TimeoutError,
    "unresolved": socket.gaierror,
}
