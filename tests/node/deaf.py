"""What runs in a node and notices nothing: it says that it is there, and then takes no request and no end of any."""

import os
import signal
import socket
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.node import wire


def prepare() -> None:
    """Nothing."""


def main(requests: socket.socket, _: dict[str, Any]) -> None:
    """Says that it is there, and waits for nothing. Before, the node's first process has taken in an orphan."""
    orphan = _leave_an_orphan()
    waiting = Retrying(retry=retry_if_result(bool), stop=stop_after_delay(60), wait=wait_fixed(0.005))
    waiting(_is_there, orphan)
    wire.send(requests, "there")
    while True:
        signal.pause()


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _leave_an_orphan() -> int:
    """Has a process end whose parent has ended before."""
    told, tell = os.pipe()
    parent = os.fork()
    if parent == 0:
        orphan = os.fork()
        if orphan == 0:
            os._exit(0)
        os.write(tell, str(orphan).encode())
        os._exit(0)
    os.waitpid(parent, 0)
    orphan = int(os.read(told, 20))
    os.close(told)
    os.close(tell)
    return orphan
