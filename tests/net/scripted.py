"""A stream of a script: what comes is known before, and what was sent is known after."""

from collections.abc import Sequence


class ScriptedStream:
    """What comes, piece by piece; an exception is raised in its place. After the last piece: the end.

    Args:
        comes: likewise.
    """

    local_address = ("10.0.0.1", 1024)

    def __init__(self, *comes: bytes | Exception) -> None:
        self._comes: list[bytes | Exception] = list(comes)
        self.sent = b""
        self.timeouts: list[float | None] = []
        self.is_closed = self.has_ended = self.is_reset = False

    def send(self, data: bytes, timeout: float | None = None) -> None:
        self.timeouts.append(timeout)
        self.sent += data

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.timeouts.append(timeout)
        piece = self._comes.pop(0) if self._comes else b""
        if isinstance(piece, Exception):
            raise piece
        if rest := piece[max_bytes:]:
            self._comes.insert(0, rest)
        return piece[:max_bytes]

    def end(self, last: bytes = b"") -> None:
        self.sent += last
        self.has_ended = True

    def reset(self) -> None:
        self.is_reset = True

    def close(self) -> None:
        self.is_closed = True


def in_pieces(data: bytes, length: int) -> Sequence[bytes]:
    """The same bytes, so many at once."""
    return [data[begin : begin + length] for begin in range(0, len(data), length)]
