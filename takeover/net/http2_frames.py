"""HTTP/2 frames as bytes: any type, flags, stream and length, right or wrong; and what their numbers are called."""

import struct
from collections.abc import Iterable, Iterator

from h2.errors import ErrorCodes
from h2.settings import SettingCodes

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends before its first frame."""
HEAD_LENGTH = 9
"""Bytes before a frame's payload."""

TYPES = {
    "DATA": 0, "HEADERS": 1, "PRIORITY": 2, "RST_STREAM": 3, "SETTINGS": 4, "PUSH_PROMISE": 5, "PING": 6, "GOAWAY": 7,
    "WINDOW_UPDATE": 8, "CONTINUATION": 9, "METADATA": 0x4D,
}  # fmt: skip
"""Name → number, of RFC 9113's frames; the last one is Envoys' own."""
FLAGS = {"END_STREAM": 0x1, "ACK": 0x1, "END_HEADERS": 0x4, "END_METADATA": 0x4, "PADDED": 0x8, "PRIORITY": 0x20}
"""Name → bit."""
CODES = {each.name: each.value for each in ErrorCodes}
"""Name → number, of the errors."""
SETTINGS = {each.name: each.value for each in SettingCodes}
"""Name → number, of the settings."""

GOAWAY = struct.Struct(">LL")
"""With which its payload begins: the last stream that the peer takes, and the error; a text may follow."""

_BLOCKS = (TYPES["HEADERS"], TYPES["PUSH_PROMISE"], TYPES["CONTINUATION"])
_LARGEST = 1 << 14  # of a payload, as long as the peer has said nothing else
_CODE_NAMES = {number: name for name, number in CODES.items()}
_SETTING_NAMES = {number: name for name, number in SETTINGS.items()}


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """A frame.

    Args:
        length: what its head claims, if not the payload's.
    """
    claimed = len(payload) if length is None else length
    return struct.pack(">HBBBL", claimed >> 8, claimed & 0xFF, kind, flags, stream) + payload


def head(data: bytes) -> tuple[int, int, int, int]:
    """Length, type, flags and stream of the frame that begins so; `data` has at least `HEAD_LENGTH` bytes."""
    high, low, kind, flags, stream = struct.unpack(">HBBBL", data[:HEAD_LENGTH])
    return high << 8 | low, kind, flags, stream & 0x7FFF_FFFF


def settings(values: Iterable[tuple[int, int]]) -> bytes:
    """The payload of SETTINGS: each id with its value, in order."""
    return b"".join(struct.pack(">HL", *each) for each in values)


def code(number: int) -> str:
    """What the error is called."""
    return _CODE_NAMES.get(number, str(number))


def setting(number: int) -> str:
    """What the setting is called."""
    return _SETTING_NAMES.get(number, f"0x{number:x}")


def pairs(lines: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """Each "name: value" as a pair, a character a byte; a name may begin with a colon."""
    found = []
    for line in lines:
        name, _, value = line[1:].partition(":")
        found.append(((line[:1] + name).encode("latin-1"), value.removeprefix(" ").encode("latin-1")))
    return found


def data(stream: int, payload: bytes, *, ends: bool = False) -> bytes:
    """The payload as DATA, in frames that every peer takes."""
    pieces = [payload[begin : begin + _LARGEST] for begin in range(0, len(payload), _LARGEST)] or [b""]
    last = FLAGS["END_STREAM"] if ends else 0
    return b"".join(
        frame(TYPES["DATA"], last if number == len(pieces) else 0, stream, each)
        for number, each in enumerate(pieces, 1)
    )


class Pieces:
    """Cuts what comes where a frame begins or ends: a GOAWAY is a piece, any other frame as many as it comes in."""

    def __init__(self) -> None:
        self._rest = b""
        self._left = 0  # of the frame that has begun
        self._in_block = False

    def take(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Each piece, and whether it is a GOAWAY: one of that form, where it may come (RFC 9113, 6.8 and 6.10)."""
        self._rest += data
        while self._rest:
            if not self._left:
                if len(self._rest) < HEAD_LENGTH:
                    return
                length, kind, flags, stream = head(self._rest)
                is_goaway = kind == TYPES["GOAWAY"] and not stream and GOAWAY.size <= length <= _LARGEST
                if is_goaway and not self._in_block:
                    if len(self._rest) < HEAD_LENGTH + length:
                        return
                    yield self._cut(HEAD_LENGTH + length), True
                    continue
                self._in_block = kind in _BLOCKS and not flags & FLAGS["END_HEADERS"]
                self._left = HEAD_LENGTH + length
            piece = self._cut(self._left)
            self._left -= len(piece)
            yield piece, False

    def _cut(self, length: int) -> bytes:
        piece, self._rest = self._rest[:length], self._rest[length:]
        return piece
