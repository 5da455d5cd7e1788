"""The standard streams of a command that runs on the node, at our end."""

import os
import selectors
import socket
import time
from typing import Self

from takeover.base.errors import TakeoverError

MOST_BYTES = 64 << 20
"""Of what a command writes to one of its streams."""

_CHUNK = 1 << 16


class Pipes:
    """Three pipes: what the command is to read, and what it writes.

    Args:
        stdin: all that it gets; its end follows.
    """

    def __init__(self, stdin: bytes) -> None:
        (stdin_read, self._stdin), (self._stdout, stdout_write), (self._stderr, stderr_write) = (
            os.pipe() for _ in range(3)
        )
        self.theirs = [stdin_read, stdout_write, stderr_write]
        self._to_send = memoryview(stdin)
        self._received: dict[int, bytearray] = {self._stdout: bytearray(), self._stderr: bytearray()}
        self._selector = selectors.DefaultSelector()
        for descriptor in self._received:
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)
        os.set_blocking(self._stdin, False)
        self._selector.register(self._stdin, selectors.EVENT_WRITE)

    @property
    def stdout(self) -> bytes:
        """What came on stdout so far."""
        return bytes(self._received[self._stdout])

    @property
    def stderr(self) -> bytes:
        """What came on stderr so far."""
        return bytes(self._received[self._stderr])

    def close_theirs(self) -> None:
        """Closes the command's ends here, once the node has them: then their last end is the command's own."""
        while self.theirs:
            os.close(self.theirs.pop())

    def carry_until_readable(self, end: socket.socket, deadline: float) -> None:
        """Carries data both ways until there is something to read at `end`, or until `deadline` (monotonic clock)."""
        self._selector.register(end, selectors.EVENT_READ)
        try:
            while (left := deadline - time.monotonic()) > 0:
                ready = {key.fd for key, _ in self._selector.select(left)}
                if end.fileno() in ready:
                    return
                for descriptor in ready:
                    self._carry(descriptor)
        finally:
            self._selector.unregister(end)

    def carry_what_is_there(self) -> None:
        """Takes what was written and not read yet, without waiting for more."""
        for descriptor in self._received:
            while descriptor in self._selector.get_map() and self._carry(descriptor):
                pass

    def _carry(self, descriptor: int) -> bool:
        """Moves what can be moved now; returns whether anything was."""
        try:
            if descriptor == self._stdin:
                self._to_send = self._to_send[os.write(descriptor, self._to_send[:_CHUNK]) if self._to_send else 0 :]
                done = not self._to_send
            else:
                data = os.read(descriptor, _CHUNK)
                self._received[descriptor] += data
                if len(self._received[descriptor]) > MOST_BYTES:
                    raise TakeoverError(f"a command wrote more than {MOST_BYTES} bytes, and was ended")
                done = not data
        except BlockingIOError:
            return False
        except BrokenPipeError:  # it reads no more of its stdin
            done = True
        if done:
            self._selector.unregister(descriptor)
            os.close(descriptor)
        return not done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_theirs()
        for descriptor in [key.fd for key in self._selector.get_map().values()]:
            os.close(descriptor)
        self._selector.close()
