"""The ports of the hostile upstream, and how they are served.

80 is an application and 9000 an authentication service, both over HTTP/1 (`http1`); some speak plain TCP (`tcp`). 8080
takes a PROXY header, TLS, HTTP/2 and HTTP/1, whatever comes; 443 and others TLS, then HTTP (`speaking`).

Port 9999 is for who deployed it. After the line "seen" it tells by one line what it saw of the connections to the
other ports (`witness`); after the line "seen at the end" likewise, as soon as all have ended. After any other line it
ends every connection that is open there, and says so by a line: thus a prober begins each probe without a connection of
the one before.

For Python 3.11 and later. It starts within a few hundredths of a second: what only some need is imported when somebody
asks for it.
"""

import contextlib
import functools
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping

from takeover.peers.hostile import http1, speaking, tcp
from takeover.peers.hostile.connections import Connection, Connections
from takeover.peers.hostile.witness import Witness

CONTROL = 9999

Serve = Callable[[Connection], None]
Ports = Mapping[int, Serve]
Tell = Mapping[bytes, Callable[[], bytes]]
"""The lines by which control is asked what was seen, and what answers each."""

PORTS: Ports = {
    80: http1.serve,
    http1.AUTHENTICATION: http1.serve,
    8080: speaking.serve_anything,
    **tcp.PORTS,
    **dict.fromkeys(speaking.TLS_PORTS, speaking.serve_tls),
}


def place() -> tuple[str, int]:
    """The command line's arguments: the address to listen at, and what is added to each port; 0.0.0.0 and 0 if none."""
    address = sys.argv[1] if len(sys.argv) > 1 else "0.0.0.0"  # noqa: S104 - a Pod's own
    return address, int(sys.argv[2]) if len(sys.argv) > 2 else 0


def main(more: Ports | None = None, when_asked: Callable[[], None] = lambda: None) -> None:
    """Listens on every port of `PORTS`, and of `more`, and serves each connection in a thread of its own.

    Args:
        more: ports of a program that is this one and something besides.
        when_asked: is called when control has every connection ended.
    """
    address, first = place()
    ports = {**PORTS, **(more or {})}
    listeners = ((socket.create_server((address, first + port), backlog=128), ports[port]) for port in ports)
    serve_all(listeners, (address, first + CONTROL), first, when_asked)


def serve_all(
    served: Iterable[tuple[socket.socket, Serve]],
    control_at: tuple[str, int],
    first_port: int = 0,
    when_asked: Callable[[], None] = lambda: None,
) -> None:
    """Serves each connection that comes to one of those listeners, in a thread of its own, and control.

    Args:
        served: a listener, and what serves its connections.
        control_at: the address and the port of control.
        first_port: what is added to the ports that are named here.
        when_asked: is called when control has every connection ended.
    """
    witness = Witness()
    connections = Connections(witness, first_port)
    with selectors.DefaultSelector() as listeners:
        for listener, serve in served:
            listener.setblocking(False)
            listeners.register(listener, selectors.EVENT_READ, serve)
        control = socket.create_server(control_at, backlog=128)
        accepting = _Accepting(listeners, connections)
        tell = {
            b"seen": witness.asked,
            b"seen at the end": functools.partial(witness.asked_when_ended, accepting.is_behind),
        }
        threading.Thread(target=_control, args=(control, connections, tell, when_asked), daemon=True).start()
        while True:
            accepting.accept()


class _Accepting:
    """Accepts connections; knows whether there are some that the kernel has, and nobody here yet."""

    def __init__(self, listeners: selectors.BaseSelector, connections: Connections) -> None:
        self._listeners = listeners
        self._connections = connections
        self._changing = threading.Lock()

    def accept(self) -> None:
        """Waits for some, and takes them."""
        ready = self._listeners.select()
        with self._changing:
            for key, _ in ready:
                self._take(key.fileobj, key.data)

    def is_behind(self) -> bool:
        """Whether some wait."""
        with self._changing:
            return bool(self._listeners.select(0))

    def _take(self, listener: object, serve: Serve) -> None:
        assert isinstance(listener, socket.socket)
        with contextlib.suppress(OSError):  # it is gone again
            connection = self._connections.add(listener.accept()[0])
            threading.Thread(target=_serve_and_close, args=(connection, serve), daemon=True).start()


def _serve_and_close(connection: Connection, serve: Serve) -> None:
    try:
        with contextlib.suppress(OSError):
            serve(connection)
    finally:
        connection.close()


def _control(listener: socket.socket, connections: Connections, tell: Tell, when_asked: Callable[[], None]) -> None:
    while True:
        asker, _ = listener.accept()
        threading.Thread(target=_answer, args=(asker, connections, tell, when_asked), daemon=True).start()


def _answer(asker: socket.socket, connections: Connections, tell: Tell, when_asked: Callable[[], None]) -> None:
    with asker, contextlib.suppress(OSError):
        asker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while asked := asker.recv(4096):
            if told := tell.get(asked.strip()):
                asker.sendall(told())
            else:
                connections.end_all()
                when_asked()
                asker.sendall(b"ended\n")
