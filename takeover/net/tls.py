"""TLS over a byte stream that was opened inside a Pod: no socket of this machine is involved."""

import ssl
import time
from collections.abc import Callable
from typing import TypeVar

from takeover.net.stream import ByteStream

_Result = TypeVar("_Result")

_TIMEOUT = 10.0  # as a stream's own


class TlsStream:
    """A client's end, as a `ByteStream`; half of it cannot be ended.

    Args:
        stream: an open connection.
        context: whom to trust.
        server_name: which server is meant: it is asked for (SNI), and its certificate must name it.
        timeout: in seconds, for the handshake.

    Raises: ssl.SSLError where the handshake fails, and what the stream raises.
    """

    def __init__(
        self, stream: ByteStream, context: ssl.SSLContext, server_name: str | None, timeout: float | None = None
    ) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.local_address = stream.local_address
        self._until_done(self.tls.do_handshake, timeout)

    def send(self, data: bytes, timeout: float | None = None) -> None:
        """Sends all of `data`."""
        self._until_done(lambda: self.tls.write(data), timeout)

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Waits for at least one byte; b"" when the peer has said that it is done."""
        try:
            return self._until_done(lambda: self.tls.read(max_bytes), timeout)
        except ssl.SSLZeroReturnError:
            return b""

    def end(self) -> None:
        """There is no such thing in TLS 1.2: ends nothing."""

    def close(self) -> None:
        """Closes the connection."""
        self._stream.close()

    def _until_done(self, work: Callable[[], _Result], timeout: float | None) -> _Result:
        """What `work` returns, once what it wants to read and write has been read and written, within that time."""
        deadline = time.monotonic() + (_TIMEOUT if timeout is None else timeout)
        while True:
            try:
                return work()
            except ssl.SSLWantReadError:
                pass
            finally:
                if data := self._outgoing.read():  # also the alert that says why it is refused
                    self._stream.send(data, timeout)
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError("the peer goes on and on, and says nothing")
            if data := self._stream.receive(1 << 16, left):
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
