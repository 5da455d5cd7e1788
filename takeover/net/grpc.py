"""gRPC's messages in a body: a flag, a length, and so many bytes each."""

import struct

from takeover.net import bounds

HEAD_LENGTH = 5
"""Bytes before a message's own."""


def message(data: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """A message as it is sent.

    Args:
        flag: 1 says that it is compressed.
        length: what its head claims, if not the right one.
    """
    return struct.pack(">BL", flag, len(data) if length is None else length) + data


class Messages:
    """The whole messages in a body that comes, each read once.

    Attributes:
        found: them; a flag that is not 0 stands before its message.
    """

    def __init__(self) -> None:
        self._at = 0
        self.found: list[bytes] = []

    def read(self, body: bytes | bytearray) -> bytes:
        """Reads what is new in the body, of which the beginning is as it was. Returns what is no whole message yet.

        Raises: EndlessError for more messages than are told apart.
        """
        while len(body) - self._at >= HEAD_LENGTH:
            begin = self._at + HEAD_LENGTH
            flag, length = struct.unpack(">BL", body[self._at : begin])
            if len(body) - begin < length:
                break
            bounds.check_frames(len(self.found) + 1)
            self._at = begin + length
            self.found.append((b"flag %d: " % flag if flag else b"") + body[begin : self._at])
        return bytes(body[self._at :])


def messages(body: bytes) -> tuple[list[bytes], bytes]:
    """The whole messages in a body, and what is left."""
    reading = Messages()
    left = reading.read(body)
    return reading.found, left
