"""Processes that stay in a Pod's network, or in a container's place there, and do what is asked of them.

To fork the worker for every connection would take several milliseconds of each; an attendant takes a thread.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from takeover.node import wire

Serve = Callable[[Any, socket.socket, list[int]], None]
"""Meets a request (the message as it came, reply, files) and answers it at `reply`."""


class Attendant:
    """One such process. It ends with this process, and when `end` is called.

    Args:
        enter: takes the process to its place; called in it, once.
        serve: meets one request; called in it, for each.
        not_for_it: open files of this process that are none of its business.
    """

    def __init__(self, enter: Callable[[], None], serve: Serve, not_for_it: Sequence[int]) -> None:
        self._requests, theirs = wire.pair()
        self._pid = os.fork()
        if self._pid == 0:
            self._requests.close()
            for file in not_for_it:
                os.close(file)
            _attend(theirs, enter, serve)
        theirs.close()

    def ask(self, message: Any, reply: socket.socket, files: Sequence[int]) -> None:
        """Hands a request on; the attendant answers it at `reply`. The caller keeps (and closes) its own ends."""
        wire.send(self._requests, message, [reply.fileno(), *files])

    def end(self) -> None:
        """Ends it, with whatever it is doing, and waits for that: only then can its place be taken away."""
        self._requests.close()
        # Attendants made later hold a copy of this end: closing ours is no end that it would notice.
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _attend(requests: socket.socket, enter: Callable[[], None], serve: Serve) -> None:
    try:
        enter()
        while True:
            message, files = wire.receive(requests)
            reply = socket.socket(fileno=files[0])
            threading.Thread(target=_serve, args=(serve, message, reply, files[1:]), daemon=True).start()
    except wire.Closed:
        pass
    finally:
        os._exit(0)


def _serve(serve: Serve, message: Any, reply: socket.socket, files: list[int]) -> None:
    with reply:
        serve(message, reply, files)
