"""A connection that was opened on a node: its socket, in our hands."""

import errno
import socket
import struct

_DEFAULT_TIMEOUT = 10.0
_AT_ONCE = struct.pack("ii", 1, 0)  # what is not sent yet is not lingered for: the kernel resets


class SocketStream:
    """See `takeover.net.stream.ByteStream`. A Unix socket's local address is ("", 0)."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.local_address: tuple[str, int] = ("", 0)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.local_address = connection.getsockname()

    def send(self, data: bytes, timeout: float | None = None) -> None:
        """Sends all of `data`."""
        self._socket.settimeout(_DEFAULT_TIMEOUT if timeout is None else timeout)
        self._socket.sendall(data)

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Waits for at least one byte; b"" at the end."""
        self._socket.settimeout(_DEFAULT_TIMEOUT if timeout is None else timeout)
        return self._socket.recv(max_bytes)

    def end(self, last: bytes = b"") -> None:
        """Ends our direction behind `last`."""
        if last and self._socket.family != socket.AF_UNIX:
            # The kernel holds it back until the end is there, too: nobody answers the one before the other came.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        if last:
            self.send(last)
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the peer has reset the connection: receiving tells so
                raise

    def reset(self) -> None:
        """Resets the connection; a Unix socket is only closed."""
        if self._socket.family != socket.AF_UNIX and self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._socket.close()

    def close(self) -> None:
        """Closes both directions."""
        self._socket.close()
