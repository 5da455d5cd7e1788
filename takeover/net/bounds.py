"""How much is taken in of what comes over a connection: whoever answers may never end."""

import time

from takeover.net.stream import ByteStream

MOST_BYTES = 16 << 20
"""Of all that comes over a connection."""
MOST_FRAMES = 20_000
"""Of frames or messages that come over a connection: each is told apart."""
FLOWING = 5.0
"""Seconds for which is taken in, after the time that an exchange has, what then still comes without a pause."""

_LEAST = 0.001
_CHUNK = 1 << 16


class EndlessError(Exception):
    """More comes than is taken in: it was too much, or still came when the time had long passed."""


def receive(
    stream: ByteStream, deadline: float, received: int, most: int | None = None, flowing: float | None = None
) -> bytes:
    """What comes next; b"" at the end.

    Args:
        stream: where.
        deadline: until when it is waited for, on the monotonic clock.
        received: how many bytes have come.
        most: how many are taken in, if not `MOST_BYTES`.
        flowing: as `FLOWING`, if not that.

    Raises: EndlessError, TimeoutError, ConnectionError.
    """
    most = MOST_BYTES if most is None else most
    left = deadline - time.monotonic()
    if received >= most or left < -(FLOWING if flowing is None else flowing):
        raise EndlessError(f"more comes than is taken in: {received} bytes so far")
    return stream.receive(min(_CHUNK, most - received), max(_LEAST, left))


def check_frames(number: int) -> None:
    """Raises: EndlessError for more frames or messages than are told apart."""
    if number > MOST_FRAMES:
        raise EndlessError(f"more than {MOST_FRAMES} frames came")
