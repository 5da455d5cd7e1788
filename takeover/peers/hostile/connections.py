"""The connections of the upstream, as its protocols use them: those that are open end together when a prober asks."""

import contextlib
import socket
import struct
import threading

SIZE = 1 << 16
"""The most bytes that are received at once."""
_RESETS = struct.pack("ii", 1, 0)


class Connection:
    """One connection that somebody opened.

    Args:
        opened: its socket.
        kept_by: the set of which it is until its end.
    """

    def __init__(self, opened: socket.socket, kept_by: "Connections") -> None:
        self.socket = opened
        self.port: int = opened.getsockname()[1]
        self._kept_by = kept_by
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(self, size: int = SIZE) -> bytes:
        """What has come, at least a byte; nothing at the peer's end."""
        return self.socket.recv(size)

    def receive_all(self) -> None:
        """Waits for the peer's end."""
        while self.receive():
            pass

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        self.socket.sendall(data)

    def reset(self) -> None:
        """Ends the connection by a RST."""
        self.reset_when_closed()
        self.close()

    def reset_when_closed(self) -> None:
        """What ends the connection from now on is a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)

    def shut_down(self) -> None:
        """Ends both directions; whoever receives here sees it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends it; a second call does nothing."""
        self._kept_by.close(self)


class Connections:
    """Those that are open."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()
        self._changing = threading.Lock()

    def add(self, opened: socket.socket) -> Connection:
        """Keeps one more."""
        connection = Connection(opened, self)
        with self._changing:
            self._open.add(connection)
        return connection

    def close(self, connection: Connection) -> None:
        """Closes one: under the lock, as no other's descriptor may be shut down in its place."""
        with self._changing:
            self._open.discard(connection)
            connection.socket.close()

    def end_all(self) -> None:
        """Shuts down every one."""
        with self._changing:
            for each in self._open:
                each.shut_down()
