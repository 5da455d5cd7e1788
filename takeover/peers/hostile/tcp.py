"""Servers of plain TCP, by their port.

At port 11 the client's first line says what becomes of the connection, a word after the other:

    say     sends "said" and a line feed
    byte    waits for a byte of the client
    read    takes in everything until the client ends its direction
    half    ends our direction, and no more
    linger  waits for more after both have ended a direction: a RST of the client, or that control ends it
    reset   ends it by a RST
    close   ends it in order; this comes by itself at the end
"""

import select
import socket
from collections.abc import Callable

from takeover.peers.hostile import witness
from takeover.peers.hostile.connections import Connection

_LINGERS = 2.0
"""Seconds; control ends it before."""


def serve_echo(connection: Connection) -> None:
    """Every byte comes back, in order, until the client ends."""
    while data := connection.receive():
        connection.send(data)


def serve_greeting(connection: Connection) -> None:
    """Speaks first, then ends."""
    connection.send(b"hello, who are you?\r\n")


def serve_reset(connection: Connection) -> None:
    """Resets every connection."""
    connection.receive(1)
    connection.reset()


def serve_counting(connection: Connection) -> None:
    """Takes in everything and answers once the client has ended its direction."""
    count = 0
    while data := connection.receive():
        count += len(data)
    connection.send(f"{count} bytes\n".encode())


def serve_silent(connection: Connection) -> None:
    """Accepts and says nothing."""
    connection.receive_all()


def serve_replies(connection: Connection) -> None:
    """Answers each call of Thrift by what was called, as a reply: whatever its transport is, binary or compact."""
    while data := connection.receive():
        connection.send(data.replace(b"\x80\x01\x00\x01", b"\x80\x01\x00\x02").replace(b"\x82\x21", b"\x82\x41"))


def serve_as_told(connection: Connection) -> None:
    """Does what the client's first line says."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.receive(1)
        if not byte:
            return
        line += byte
    for word in line.split():
        match word:
            case b"say":
                connection.send(b"said\n")
            case b"byte":
                connection.receive(1)
            case b"read":
                connection.receive_all()
            case b"half":
                connection.end_direction()
            case b"linger":
                _linger(connection)
            case b"reset":
                connection.reset()
                return
            case _:
                return


def _linger(connection: Connection) -> None:
    waiting = select.poll()
    waiting.register(connection.socket, 0)  # no more than what is always told: errors, and the end of both directions
    if waiting.poll(_LINGERS * 1000) and connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        connection.seen.ended(witness.RESET)


PORTS: dict[int, Callable[[Connection], None]] = {
    7: serve_echo,
    11: serve_as_told,
    12: serve_replies,
    13: serve_greeting,
    14: serve_reset,
    15: serve_counting,
    16: serve_silent,
}
