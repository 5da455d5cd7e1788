"""The connections of the upstream, as its protocols use them: those that are open end together when a prober asks."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from takeover.peers.hostile import witness
from takeover.peers.hostile.witness import Seen, Witness

SIZE = 1 << 16
"""The most bytes that are received at once."""
_LONGEST_END = 2.0
"""Seconds without a byte."""
_RESETS = struct.pack("ii", 1, 0)


class Connection:
    """One connection that somebody opened.

    Args:
        opened: its socket.
        kept_by: the set of which it is until its end.
        seen: what is told of it.
        port: at which it arrived, of those that `upstream` names; 0 at the path of a socket.
    """

    def __init__(self, opened: socket.socket, kept_by: "Connections", seen: Seen, port: int) -> None:
        self.socket = opened
        self.port = port
        self.seen = seen
        self.before_close: Callable[[], None] | None = None
        """What an orderly end begins with."""
        self.reached = ""
        """Where it arrived, for who is to be told in an echo."""
        self.stays = False
        """Whether it is kept apart."""
        self._kept_by = kept_by
        self._put_back = b""
        self._gathered: bytes | None = None
        if opened.family != socket.AF_UNIX:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(self, size: int = SIZE) -> bytes:
        """What has come, at least a byte; nothing at the peer's end."""
        if self._put_back:
            data, self._put_back = self._put_back[:size], self._put_back[size:]
            return data
        try:
            data = self.socket.recv(size)
        except OSError as error:
            self.failed(error)
            raise
        if not data:
            self.seen.ended(str(getattr(self.socket, "how_ended", witness.FIN)))
        return data

    def keep_apart(self) -> None:
        """Lets it stay when a prober has all ended, and tells nobody of it: it is part of no probe."""
        self.stays = True
        self._kept_by.keep_apart(self)

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """Headers of an echo that say what only the upstream knows."""
        return (("x-reached", self.reached),) if self.reached else ()

    def receive_all(self) -> None:
        """Waits for the peer's end."""
        while self.receive():
            pass

    def put_back(self, data: bytes) -> None:
        """Has it received once more."""
        self._put_back = data + self._put_back

    def peek(self, size: int) -> bytes:
        """The next `size` bytes from the network, which stay there; fewer at the peer's end."""
        try:
            return self.socket.recv(size, socket.MSG_PEEK | socket.MSG_WAITALL)
        except OSError as error:
            self.failed(error)
            raise

    @contextlib.contextmanager
    def gathered(self) -> Iterator[None]:
        """Has what is sent meanwhile go out at its end, in one write; what ends the connection goes out after it."""
        self._gathered = b""
        try:
            yield
        finally:
            self._send_gathered()

    def _send_gathered(self) -> None:
        data, self._gathered = self._gathered, None
        if data:
            self.send(data)

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        if self._gathered is not None:
            self._gathered += data
            return
        try:
            self.socket.sendall(data)
        except OSError as error:
            self.failed(error)
            raise

    def reset(self, last: bytes = b"") -> None:
        """Ends the connection by a RST.

        Args:
            last: what is sent at the same instant: a peer that wakes up for it finds the RST, too, mostly.
        """
        self._send_gathered()
        self.before_close = None
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
        self.seen.ended(witness.OUR_RESET)
        self._kept_by.close(self, last)

    def end_direction(self) -> None:
        """Ends our direction; the peer's stays."""
        self.socket.shutdown(socket.SHUT_WR)

    def end_in_order(self) -> None:
        """Ends our direction and takes what still comes: a close that leaves it unread would be a RST."""
        self._say_end()
        with contextlib.suppress(OSError):
            self.socket.settimeout(_LONGEST_END)
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
            while socket.socket.recv(self.socket, SIZE):
                pass

    def shut_down(self) -> None:
        """Ends both directions; whoever receives here sees it."""
        self.seen.ended(witness.ASKED)
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends it; a second call does nothing."""
        self._say_end()
        self.seen.ended(witness.OURS)
        self._kept_by.close(self)

    def failed(self, error: OSError) -> None:
        """Takes what the socket said: whether the peer has reset the connection."""
        if isinstance(error, (ConnectionResetError, BrokenPipeError)):
            self.seen.ended(witness.RESET)

    def _say_end(self) -> None:
        begin, self.before_close = self.before_close, None
        if begin is not None:
            with contextlib.suppress(OSError, ValueError):
                begin()


class Connections:
    """Those that are open.

    Args:
        witness: to whom each is told.
        first_port: what is added to the ports that `upstream` names.
    """

    def __init__(self, witness: Witness, first_port: int) -> None:
        self._witness = witness
        self._first_port = first_port
        self._open: set[Connection] = set()
        self._changing = threading.Lock()

    def add(self, opened: socket.socket) -> Connection:
        """Keeps one more. Raises: OSError where it has ended already."""
        port = opened.getsockname()[1] - self._first_port if opened.family != socket.AF_UNIX else 0
        connection = Connection(opened, self, self._witness.opened(opened), port)
        with self._changing:
            self._open.add(connection)
        return connection

    def close(self, connection: Connection, last: bytes = b"") -> None:
        """Closes one: under the lock, as no other's descriptor may be shut down in its place. Sends `last` before."""
        close, send = connection.socket.close, connection.socket.send
        with self._changing:
            if last:
                with contextlib.suppress(OSError):
                    send(last)
            close()
            is_open = connection in self._open
            self._open.discard(connection)
        if is_open:
            self._witness.closed(connection.seen)

    def keep_apart(self, connection: Connection) -> None:
        """Has the witness forget it."""
        self._witness.forget(connection.seen)

    def end_all(self) -> None:
        """Shuts down every one but for those that are kept apart."""
        with self._changing:
            for each in self._open:
                if not each.stays:
                    each.shut_down()
