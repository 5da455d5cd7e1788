"""TLS over a byte stream that was opened inside a Pod: no socket of this machine is involved."""

import contextlib
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from takeover.net.stream import ByteStream

_Result = TypeVar("_Result")

_TIMEOUT = 10.0  # as a stream's own
_CHUNK = 1 << 16


def load_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Has the client show a certificate of its own, whose key is in the same file if none is named.

    Raises: ValueError, in words.
    """
    try:
        context.load_cert_chain(certificate, key, password="")  # nobody is asked for one
    except (ssl.SSLError, OSError, ValueError):
        where = "in the same file" if key is None else f"in {key.name}"
        raise ValueError(
            f"{certificate.name} must be a certificate in PEM form, and its key, without a password, {where}"
        ) from None


class TlsStream:
    """A client's end, as a `ByteStream` once hands are shaken.

    Args:
        stream: an open connection.
        context: whom to trust.
        server_name: which server is meant: it is asked for (SNI), and its certificate must name it, if the context
            looks at that.
        session: an earlier one, to be resumed.
    """

    def __init__(
        self,
        stream: ByteStream,
        context: ssl.SSLContext,
        server_name: str | None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._read_ahead: list[bytes] = []
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=session)
        self.local_address = stream.local_address

    def shake_hands(self, timeout: float | None = None) -> None:
        """To be called first. `timeout` in seconds.

        Raises: ssl.SSLError where the handshake fails, and what the stream raises.
        """
        self._until_done(self.tls.do_handshake, timeout)

    def send(self, data: bytes, timeout: float | None = None) -> None:
        """Sends all of `data`."""
        self._until_done(lambda: self.tls.write(data), timeout)

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Waits for at least one byte; b"" when the peer has said that it is done."""
        if self._read_ahead:
            data = self._read_ahead.pop(0)
            if rest := data[max_bytes:]:
                self._read_ahead.insert(0, rest)
            return data[:max_bytes]
        try:
            return self._until_done(lambda: self.tls.read(max_bytes), timeout)
        except ssl.SSLZeroReturnError:
            return b""

    def read_ahead(self) -> None:
        """Takes in what has come already, without waiting for more: `receive` gives it later."""
        try:
            while data := self.tls.read(_CHUNK):
                self._read_ahead.append(data)
        except ssl.SSLError:  # nothing more now, or its end: who receives meets it again
            return

    def end(self, last: bytes = b"") -> None:
        """Says that we are done (close_notify) behind `last`, and ends our direction; receiving goes on.

        Both in one: a peer that ends at the first word would do so now before, now after the second.
        """
        if last:
            self.send(last)
        self.read_ahead()  # to say so looks for the peer's own word, and would take what came before for a fault
        with contextlib.suppress(ssl.SSLError):  # the peer has not said so yet
            self.tls.unwrap()
        self._stream.end(self._outgoing.read())

    def reset(self) -> None:
        """Resets the connection."""
        self._stream.reset()

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
                self._flush(timeout)  # also the alert that says why it is refused
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError("the peer goes on and on, and says nothing")
            if data := self._stream.receive(_CHUNK, left):
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def _flush(self, timeout: float | None) -> None:
        if data := self._outgoing.read():
            self._stream.send(data, timeout)
