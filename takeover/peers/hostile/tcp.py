"""Servers of plain TCP, by their port."""

from collections.abc import Callable

from takeover.peers.hostile.connections import Connection


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


PORTS: dict[int, Callable[[Connection], None]] = {
    7: serve_echo,
    13: serve_greeting,
    14: serve_reset,
    15: serve_counting,
    16: serve_silent,
}
