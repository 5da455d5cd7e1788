"""A TCP connection as bytes, whoever opened it and wherever.

Failures use Python's own exceptions: `ConnectionRefusedError`, `ConnectionResetError`, `TimeoutError`,
`socket.gaierror` (the name does not resolve in that Pod).
"""

from collections.abc import Callable
from typing import Protocol


class ByteStream(Protocol):
    """A TCP connection that was opened inside a Pod."""

    @property
    def local_address(self) -> tuple[str, int]:
        """IP and port in the Pod: what the destination may see as the client."""
        ...

    def send(self, data: bytes, timeout: float | None = None) -> None:
        """Sends all of `data`. `timeout` in seconds; None waits as long as the engine's default (10 s)."""
        ...

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Waits for at least one byte; b"" when the peer ended the connection in order (FIN).

        Raises: ConnectionResetError after a reset (RST), TimeoutError.
        """
        ...

    def end(self, last: bytes = b"") -> None:
        """Ends our direction (half close) behind `last`, in one segment where it can; receiving goes on."""
        ...

    def reset(self) -> None:
        """Ends the connection by a reset (RST), in the place of `close`: what was sent and not yet taken may be lost.

        A stream that knows no resets (a port-forward, which is for admin ports only) closes.
        """
        ...

    def close(self) -> None:
        """Closes both directions; a second call does nothing."""
        ...


Connect = Callable[[str, int, float], ByteStream]
"""Opens a connection to (host, port) within a number of seconds, as `Container.connect` does."""
