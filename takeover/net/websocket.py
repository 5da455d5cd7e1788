"""WebSocket's frames (RFC 6455) as bytes, right or wrong, and as text."""

import struct
from dataclasses import dataclass

from takeover.net import bounds

OPCODES = {"continuation": 0x0, "text": 0x1, "binary": 0x2, "close": 0x8, "ping": 0x9, "pong": 0xA}
"""What a frame is → its number."""

_NAMES = {number: name for name, number in OPCODES.items()}
_MASK = b"\x37\xfa\x21\x3d"  # as in the RFC's example: an observation needs no chance
_FIN, _MASKED = 0x80, 0x80
_SHORT, _LONG = 126, 127


def frame(
    opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, reserved: int = 0, length: int | None = None
) -> bytes:
    """A client's frame.

    Args:
        reserved: the three bits after FIN.
        length: what its head claims, if not the payload's.
    """
    claimed = len(payload) if length is None else length
    mask = _MASKED if masked else 0
    head = bytes([fin << 7 | reserved << 4 | opcode])
    if claimed < _SHORT:
        head += bytes([mask | claimed])
    elif claimed < 1 << 16:
        head += struct.pack(">BH", mask | _SHORT, claimed)
    else:
        head += struct.pack(">BQ", mask | _LONG, claimed)
    return head + (_MASK + masking(payload, _MASK) if masked else payload)


def masking(payload: bytes, mask: bytes) -> bytes:
    """The payload masked, or a masked one as it was."""
    repeated = (mask * (len(payload) // len(mask) + 1))[: len(payload)]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return masked.to_bytes(len(payload), "big")


@dataclass(frozen=True)
class Frame:
    """A frame that came.

    Args:
        kind: what it is, or its number.
        told: it in few words.
        is_last: whether it ends its message.
    """

    kind: str
    told: str
    is_last: bool


class Frames:
    """The whole frames in what comes, each read once.

    Attributes:
        found: them.
    """

    def __init__(self) -> None:
        self._at = 0
        self.found: list[Frame] = []

    def read(self, data: bytes | bytearray) -> bytes:
        """Reads what is new in the data, of which the beginning is as it was. Returns what is no whole frame yet.

        Raises: EndlessError for more frames than are told apart.
        """
        while frame := self._next(data):
            bounds.check_frames(len(self.found) + 1)
            self.found.append(frame)
        return bytes(data[self._at :])

    def _next(self, data: bytes | bytearray) -> Frame | None:
        at = self._at
        if len(data) - at < 2:
            return None
        first, second = data[at], data[at + 1]
        begin, length = at + 2, second & 0x7F
        if length >= _SHORT:
            size = 2 if length == _SHORT else 8
            if len(data) - begin < size:
                return None
            length, begin = int.from_bytes(data[begin : begin + size], "big"), begin + size
        is_masked = bool(second & _MASKED)
        mask = bytes(data[begin : begin + 4]) if is_masked else b""
        begin += len(mask)
        if len(data) - begin < length or (is_masked and len(mask) < 4):
            return None
        payload, self._at = bytes(data[begin : begin + length]), begin + length
        return _told(first, masking(payload, mask) if is_masked else payload, is_masked=is_masked)


def read(data: bytes) -> list[Frame]:
    """The frames in `data`, as far as they are whole, and what is left."""
    reading = Frames()
    left = reading.read(data)
    return [*reading.found, *([left_over(left)] if left else [])]


def left_over(data: bytes) -> Frame:
    """What is no whole frame, told as one that is none."""
    return Frame("", f"and no whole frame: {data.decode('latin-1')!r}", is_last=False)


def _told(first: int, payload: bytes, *, is_masked: bool) -> Frame:
    opcode, reserved, is_last = first & 0xF, first >> 4 & 0x7, bool(first & _FIN)
    kind = _NAMES.get(opcode, f"0x{opcode:x}")
    words = [kind]
    if kind == "close" and len(payload) >= 2:
        words.append(str(int.from_bytes(payload[:2], "big")))
        payload = payload[2:]
    words.append(repr(payload.decode("latin-1")))
    words += [f"reserved {reserved}"] if reserved else []
    words += ["masked"] if is_masked else []
    words += [] if is_last else ["not the last"]
    return Frame(kind, " ".join(words), is_last)
