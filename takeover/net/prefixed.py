"""A stream with bytes before all else that is sent over it."""

from takeover.net.stream import ByteStream


class PrefixedStream:
    """See `takeover.net.stream.ByteStream`.

    The bytes go out together with what is sent first: whoever refuses them has all of it then, and what the kernel
    makes of his end does not hang on which of two came first.
    """

    def __init__(self, stream: ByteStream, prefix: bytes) -> None:
        self._stream = stream
        self._prefix = prefix
        self.local_address = stream.local_address
        self.reset = stream.reset

    def send(self, data: bytes, timeout: float | None = None) -> None:
        """Sends all of `data`."""
        self._stream.send(self._taken() + data, timeout)

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Waits for at least one byte; b"" at the end."""
        self._flush(timeout)
        return self._stream.receive(max_bytes, timeout)

    def end(self, last: bytes = b"") -> None:
        """Ends our direction behind `last`."""
        self._stream.end(self._taken() + last)

    def close(self) -> None:
        """Closes both directions."""
        self._stream.close()

    def _taken(self) -> bytes:
        prefix, self._prefix = self._prefix, b""
        return prefix

    def _flush(self, timeout: float | None) -> None:
        if self._prefix:
            self._stream.send(self._taken(), timeout)
