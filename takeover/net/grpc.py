"""gRPC's messages in a body: a flag, a length, and so many bytes each."""

import struct

HEAD_LENGTH = 5
"""Bytes before a message's own."""


def message(data: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """A message as it is sent.

    Args:
        flag: 1 says that it is compressed.
        length: what its head claims, if not the right one.
    """
    return struct.pack(">BL", flag, len(data) if length is None else length) + data


def messages(body: bytes) -> tuple[list[bytes], bytes]:
    """The whole messages in a body, and what is left; a flag that is not 0 stands before its message."""
    found, at = [], 0
    while len(body) - at >= HEAD_LENGTH:
        flag, length = struct.unpack(">BL", body[at : at + HEAD_LENGTH])
        if len(body) - at - HEAD_LENGTH < length:
            break
        at += HEAD_LENGTH
        found.append((b"flag %d: " % flag if flag else b"") + body[at : at + length])
        at += length
    return found, body[at:]
