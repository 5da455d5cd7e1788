"""The ports of the hostile upstream, and how they are served.

80 is an application and 9000 an authentication service, both over HTTP/1 (`http1`); the others speak plain TCP (`tcp`).
Whoever sends a line to port 9999 ends every connection that is open on the other ports, and is told so by a line: thus
a prober begins each probe without a connection of the one before.

For Python 3.11 and later. It starts within a few hundredths of a second: what only some need is imported when somebody
asks for it.
"""

import contextlib
import socket
import threading
from collections.abc import Callable

from takeover.peers.hostile import http1, tcp
from takeover.peers.hostile.connections import Connection, Connections

CONTROL = 9999

PORTS: dict[int, Callable[[Connection], None]] = {80: http1.serve, http1.AUTHENTICATION: http1.serve, **tcp.PORTS}


def main() -> None:
    """Listens on every port and serves each connection in a thread of its own."""
    connections = Connections()

    def serve_control(connection: Connection) -> None:
        while connection.receive():
            connections.end_all()
            connection.send(b"ended\n")

    for port, serve in PORTS.items():
        _listen(port, serve, connections)
    _listen(CONTROL, serve_control, Connections())  # asked for last: who reaches it reaches them all


def _listen(port: int, serve: Callable[[Connection], None], connections: Connections) -> None:
    listener = socket.create_server(("0.0.0.0", port), backlog=128)  # noqa: S104 - a Pod's own

    def accept() -> None:
        while True:
            connection = connections.add(listener.accept()[0])
            threading.Thread(target=_serve_and_close, args=(connection, serve), daemon=True).start()

    threading.Thread(target=accept).start()


def _serve_and_close(connection: Connection, serve: Callable[[Connection], None]) -> None:
    try:
        with contextlib.suppress(OSError):
            serve(connection)
    finally:
        connection.close()
