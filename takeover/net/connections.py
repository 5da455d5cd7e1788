"""The connections of a scene's clients: how many are open, and what the clients saw of those of a watched block."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from takeover.model.dialled import ClientEnd, Dialled
from takeover.model.trace import ClientHop
from takeover.net import http1
from takeover.net.stream import ByteStream, Connect

_MOST_DIALLED = 100  # a report need not carry thousands
_LONGEST_HEAD = 1 << 14


class Connections:
    """Counts the connections that are opened through it and not yet closed by us, and records what became of them."""

    def __init__(self) -> None:
        self.open_now = 0
        self.attempted = 0
        self._recordings: list[Recording] = []

    def counting(self, connect: Connect, source: str) -> Connect:
        """Opens connections as `connect` does, and counts them as those of `source` (POD/CONTAINER)."""

        def counted(host: str, port: int, timeout: float = 10.0) -> ByteStream:
            self.attempted += 1
            to = _address(host, port)
            try:
                stream = connect(host, port, timeout)
            except OSError as error:
                never = _Connection(source, to, end=_why_it_never_came_about(error))
                for each in self._recordings:
                    each.take(never)
                raise
            return _Counted(stream, self, source, to)

        return counted

    @contextlib.contextmanager
    def recorded(self) -> Iterator["Recording"]:
        """Records what clients see of their connections meanwhile, also of those that are open already."""
        recording = Recording()
        self._recordings.append(recording)
        try:
            yield recording
        finally:
            self._recordings.remove(recording)

    def opened(self, stream: "_Counted") -> None:
        """One more is open."""
        self.open_now += 1
        for each in self._recordings:
            each.take(_Connection(stream.source, stream.to, stream.client), stream)

    def received(self, stream: "_Counted", data: bytes) -> None:
        """Bytes came; none: its end."""
        for each in self._recordings:
            each.of(stream).add(data)

    def broken(self, stream: "_Counted") -> None:
        """It ended by a reset."""
        for each in self._recordings:
            each.of(stream).end = "reset"


class Recording:
    """What the clients saw of the connections that they opened or used since a moment."""

    def __init__(self) -> None:
        self._connections: list[_Connection] = []
        self._of_stream: dict[_Counted, _Connection] = {}

    def take(self, connection: "_Connection", stream: "_Counted | None" = None) -> None:
        """A new one."""
        self._connections.append(connection)
        if stream is not None:
            self._of_stream[stream] = connection

    def of(self, stream: "_Counted") -> "_Connection":
        """Its record; one that is not known was opened before."""
        if stream not in self._of_stream:
            self.take(_Connection(stream.source, stream.to, stream.client, is_earlier=True), stream)
        return self._of_stream[stream]

    @property
    def hops(self) -> list[ClientHop]:
        """A record for each client, with what it saw so far."""
        by_source: dict[str, list[_Connection]] = {}
        for each in self._connections:
            by_source.setdefault(each.source, []).append(each)
        return [
            ClientHop(source, [each.dialled() for each in its[:_MOST_DIALLED]], max(0, len(its) - _MOST_DIALLED))
            for source, its in by_source.items()
        ]


@dataclass
class _Connection:
    """What is known so far of one."""

    source: str
    to: str
    client: str = ""
    end: ClientEnd = "open"
    is_earlier: bool = False
    length: int = 0
    begin: bytes = b""

    def add(self, data: bytes) -> None:
        """What came next; nothing: the other side closed it."""
        if not data:
            self.end = "closed"
        self.length += len(data)
        if len(self.begin) < _LONGEST_HEAD and b"\r\n\r\n" not in self.begin:
            self.begin += data[:_LONGEST_HEAD]

    def dialled(self) -> Dialled:
        """As a record."""
        answer = http1.read(self.begin, "HEAD")
        names = [name for name, _ in answer.headers]
        return Dialled(self.to, self.end, self.client, self.is_earlier, self.length, answer.status, names)


class _Counted:
    """A stream that tells what becomes of it."""

    def __init__(self, stream: ByteStream, connections: Connections, source: str, to: str) -> None:
        self._stream = stream
        self._connections = connections
        self._is_open = True
        self.source = source
        self.to = to
        self.local_address = stream.local_address
        self.client = _address(*stream.local_address)
        self.end = stream.end
        connections.opened(self)

    def send(self, data: bytes, timeout: float | None = None) -> None:
        try:
            self._stream.send(data, timeout)
        except (ConnectionResetError, BrokenPipeError):
            self._connections.broken(self)
            raise

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            data = self._stream.receive(max_bytes, timeout)
        except (ConnectionResetError, BrokenPipeError):
            self._connections.broken(self)
            raise
        self._connections.received(self, data)
        return data

    def reset(self) -> None:
        self._stream.reset()
        self._forget()

    def close(self) -> None:
        self._stream.close()
        self._forget()

    def _forget(self) -> None:
        if self._is_open:
            self._is_open = False
            self._connections.open_now -= 1


def _address(host: str, port: int, *_: object) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _why_it_never_came_about(error: OSError) -> ClientEnd:
    match error:
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError():
            return "reset"
        case TimeoutError():
            return "unanswered"
        case socket.gaierror():
            return "unresolved"
        case _:
            return "failed"
