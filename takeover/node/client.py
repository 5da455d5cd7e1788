"""The test process's end of a node: requests and their answers."""

import contextlib
import socket
import time
from collections.abc import Sequence
from typing import Any

from takeover.base.errors import LostError, TakeoverError
from takeover.model.execution import ExecResult
from takeover.node import wire
from takeover.node.pipes import Pipes


class CannotRunError(TakeoverError):
    """A file is no program, or none for this machine; the message is the system's word for it."""


class NodeClient:
    """Speaks with one node. Closing it ends the node, with everything in it; so does the end of this process."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def ask(self, what: str, timeout: float = 30.0, **facts: Any) -> tuple[Any, list[int]]:
        """Sends one request and waits for its answer: a result, and the files that came with it.

        Raises: what the node answered as an exception; TimeoutError; TakeoverError when the node is gone.
        """
        with self.send(what, (), facts) as reply:
            reply.settimeout(timeout)
            return self.answer(reply, what, timeout)

    def send(self, what: str, files: Sequence[int], facts: dict[str, Any]) -> socket.socket:
        """Sends one request, and returns where its answer is to come. Closing that ends what was asked.

        Raises: TakeoverError when the node is gone.
        """
        ours, theirs = wire.pair()
        with contextlib.ExitStack() as until_sent, theirs:
            until_sent.enter_context(ours)
            try:
                wire.send(self._end, {"do": what, **facts}, [theirs.fileno(), *files])
            except OSError as error:
                raise LostError(f"the node is gone ({error.strerror})") from None
            until_sent.pop_all()
        return ours

    @staticmethod
    def answer(reply: socket.socket, what: str, timeout: float) -> tuple[Any, list[int]]:
        """Waits for the answer to a request, at most as long as the socket's own timeout. Raises: as `ask`."""
        try:
            answer, received = wire.receive(reply)
        except wire.Closed:
            raise LostError(f"the node ended while asked to {what}") from None
        except TimeoutError:
            raise TimeoutError(f"no answer to {what} within {timeout:g} s") from None
        if "error" in answer:
            raise _EXCEPTIONS.get(answer["error"], TakeoverError)(answer["message"])
        return answer["result"], received

    def execute(self, what: str, stdin: bytes, timeout: float, **facts: Any) -> ExecResult:
        """Runs a command (`execute` or `execute_in_network`) and collects its output, until it ends.

        Raises: as `ask`; after a TimeoutError the command is ended.
        """
        with Pipes(stdin) as pipes:
            with self.send(what, pipes.theirs, facts) as reply:
                pipes.close_theirs()
                pipes.carry_until_readable(reply, time.monotonic() + timeout)
                reply.settimeout(0)
                try:
                    code, _ = self.answer(reply, what, timeout)
                except BlockingIOError:
                    command = facts["command"]
                    raise TimeoutError(f"{command} did not end within {timeout:g} s and was ended") from None
            # What a command left behind in the container may hold its output open: what it wrote itself is all here.
            pipes.carry_what_is_there()
            return ExecResult(code, pipes.stdout, pipes.stderr)

    def close(self) -> None:
        """Ends the node."""
        self._end.close()


_EXCEPTIONS: dict[str, type[Exception]] = {
    "unresolved": socket.gaierror,
    "cannot run": CannotRunError,
}
