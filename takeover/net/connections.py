"""How many connections the clients of a scene have open at a moment, and how often they tried to open one."""

from takeover.net.http import Connect
from takeover.net.stream import ByteStream


class Connections:
    """Counts the connections that are opened through it and not yet closed by us."""

    def __init__(self) -> None:
        self.open_now = 0
        self.attempted = 0

    def counting(self, connect: Connect) -> Connect:
        """Opens connections as `connect` does, and counts them."""

        def counted(host: str, port: int, timeout: float = 10.0) -> ByteStream:
            self.attempted += 1
            return _Counted(connect(host, port, timeout), self)

        return counted


class _Counted:
    def __init__(self, stream: ByteStream, counter: Connections) -> None:
        self._stream = stream
        self._counter: Connections | None = counter
        self.local_address = stream.local_address
        self.send = stream.send
        self.receive = stream.receive
        self.end = stream.end
        counter.open_now += 1

    def close(self) -> None:
        self._stream.close()
        if self._counter is not None:
            self._counter.open_now -= 1
            self._counter = None
