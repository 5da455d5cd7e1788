"""The test process's end of a node: requests, their answers, and the connections that the node hands over."""

import contextlib
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from takeover.engines.interface import ExecResult
from takeover.engines.local import wire
from takeover.errors import TakeoverError

_GRACE = 5.0


class NodeClient:
    """Speaks with one node. Closing it ends the node, with everything in it; so does the end of this process."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def ask(self, what: str, files: Sequence[int] = (), timeout: float = 30.0, **facts: Any) -> tuple[Any, list[int]]:
        """Sends one request and waits for its answer: a result, and the files that came with it.

        Raises: what the node answered as an exception; TimeoutError; TakeoverError when the node is gone.
        """
        ours, theirs = wire.pair()
        with ours:
            with theirs:
                try:
                    wire.send(self._end, {"do": what, **facts}, [theirs.fileno(), *files])
                except OSError as error:
                    raise TakeoverError(f"the scenario's node is gone ({error.strerror})") from None
            ours.settimeout(timeout)
            try:
                answer, received = wire.receive(ours)
            except wire.Closed:
                raise TakeoverError(f"the scenario's node ended while asked to {what}") from None
            except TimeoutError:
                raise TimeoutError(f"no answer to {what} within {timeout:g} s") from None
        if "error" in answer:
            raise _EXCEPTIONS.get(answer["error"], TakeoverError)(answer["message"])
        return answer["result"], received

    def connect(self, pod: str, container: str | None, host: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection opened in the Pod: as the container's user, or as root of the Pod's network for None."""
        where = {"pod": pod} if container is None else {"pod": pod, "container": container}
        _, files = self.ask("connect", timeout=timeout + _GRACE, host=host, port=port, seconds=timeout, **where)
        return socket.socket(fileno=files[0])

    def execute(self, what: str, stdin: bytes, timeout: float, **facts: Any) -> ExecResult:
        """Runs a command (`execute` or `execute_in_network`) and collects its output."""
        (stdin_read, stdin_write), (stdout_read, stdout_write), (stderr_read, stderr_write) = (
            os.pipe() for _ in range(3)
        )
        with ThreadPoolExecutor(3) as workers:
            workers.submit(_feed, stdin_write, stdin)
            stdout, stderr = workers.submit(_drain, stdout_read), workers.submit(_drain, stderr_read)
            theirs = [stdin_read, stdout_write, stderr_write]
            try:
                code, _ = self.ask(what, theirs, timeout=timeout, **facts)
            finally:
                # The ends that we kept: without them the command's own end is the end of its output.
                for each in theirs:
                    os.close(each)
            return ExecResult(code, stdout.result(), stderr.result())

    def read_log(self, pod: str, container: str) -> str:
        """What the container wrote so far."""
        _, files = self.ask("log", pod=pod, container=container)
        with os.fdopen(files[0], "rb") as file:
            return file.read().decode(errors="replace")

    def close(self) -> None:
        """Ends the node."""
        self._end.close()


def _feed(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(descriptor, "wb") as file:
        file.write(data)


def _drain(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


_EXCEPTIONS: dict[str, type[Exception]] = {
    "refused": ConnectionRefusedError,
    "reset": ConnectionResetError,
    "unreachable": OSError,
    "timeout": TimeoutError,
    "unresolved": socket.gaierror,
}
