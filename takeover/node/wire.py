"""Messages between the test process and a node: JSON and open files over a Unix socket.

A long JSON travels in an anonymous file beside the message, so that its size knows no limit.
"""

import os
import socket
from collections.abc import Sequence
from typing import Any

import msgspec

MOST_FILES = 16
"""That come with one message."""

_LONGEST_INLINE = 1 << 14
_IN_A_FILE = b"."  # instead of a JSON: it is in the first file


class Closed(Exception):  # noqa: N818 - the end of a conversation, not a fault
    """The other side has closed its end."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends; both are closed on exec, so no child process keeps one open."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(end: socket.socket, message: Any, files: Sequence[int] = ()) -> None:
    """Sends one message; the caller keeps (and closes) its own `files`."""
    body = msgspec.json.encode(message)
    if len(body) <= _LONGEST_INLINE:
        socket.send_fds(end, [body], files)
        return
    with os.fdopen(os.memfd_create("message", os.MFD_CLOEXEC), "wb") as file:
        file.write(body)
        file.flush()
        socket.send_fds(end, [_IN_A_FILE], [file.fileno(), *files])


def receive(end: socket.socket) -> tuple[Any, list[int]]:
    """Waits for one message; the caller owns the files that came with it.

    Raises: Closed, and TimeoutError when the socket has a timeout.
    """
    try:
        data, files, _, _ = socket.recv_fds(end, _LONGEST_INLINE, MOST_FILES, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        raise Closed from None
    if not data:
        raise Closed
    if data != _IN_A_FILE:
        return msgspec.json.decode(data), files
    with os.fdopen(files[0], "rb") as file:
        file.seek(0)
        return msgspec.json.decode(file.read()), files[1:]


def refuse_all(requests: socket.socket, why: str) -> None:
    """Answers whatever a node is asked for by `why`, until the test process closes its end."""
    while True:
        try:
            _, files = receive(requests)
        except Closed:
            return
        for each in files[1:]:
            os.close(each)
        with socket.socket(fileno=files[0]) as reply:
            send(reply, {"error": "failed", "message": why})
