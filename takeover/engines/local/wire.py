"""Messages between the test process and a node: JSON and open files over a Unix socket.

The JSON travels in an anonymous file beside the message, so that its size knows no limit and the files arrive with it.
"""

import json
import os
import socket
from collections.abc import Sequence
from typing import Any

_MOST_FILES = 16


class Closed(Exception):  # noqa: N818 - the end of a conversation, not a fault
    """The other side has closed its end."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends; both are closed on exec, so no child process keeps one open."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(end: socket.socket, message: Any, files: Sequence[int] = ()) -> None:
    """Sends one message; the caller keeps (and closes) its own `files`."""
    body = os.memfd_create("message", os.MFD_CLOEXEC)
    try:
        with open(body, "wb", closefd=False) as file:
            file.write(json.dumps(message).encode())
        socket.send_fds(end, [b"."], [body, *files])
    finally:
        os.close(body)


def receive(end: socket.socket) -> tuple[Any, list[int]]:
    """Waits for one message; the caller owns the files that came with it.

    Raises: Closed, and TimeoutError when the socket has a timeout.
    """
    try:
        data, files, _, _ = socket.recv_fds(end, 1, _MOST_FILES, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        raise Closed from None
    if not data:
        raise Closed
    with os.fdopen(files[0], "rb") as file:
        file.seek(0)
        return json.loads(file.read()), files[1:]
