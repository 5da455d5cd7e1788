"""xxHash, with 64 bits, as its specification has it: Envoy decides by it what a share of values is."""

from typing import Final

_1: Final = 0x9E3779B185EBCA87
_2: Final = 0xC2B2AE3D27D4EB4F
_3: Final = 0x165667B19E3779F9
_4: Final = 0x85EBCA77C2B2AE63
_5: Final = 0x27D4EB2F165667C5
_ALL: Final = 0xFFFFFFFFFFFFFFFF
_STRIPE: Final = 32


def xxhash64(data: bytes, seed: int = 0) -> int:
    """The hash of data, from 0 on and below 2 to the 64th."""
    rest = data
    if len(data) >= _STRIPE:
        lanes = [(seed + each) & _ALL for each in (_1 + _2, _2, 0, -_1)]
        while len(rest) >= _STRIPE:
            lanes = [_round(each, _word(rest, 8 * place, 8)) for place, each in enumerate(lanes)]
            rest = rest[_STRIPE:]
        made = sum(_rotated(each, by) for each, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _ALL
        for each in lanes:
            made = ((made ^ _round(0, each)) * _1 + _4) & _ALL
    else:
        made = (seed + _5) & _ALL
    made = (made + len(data)) & _ALL
    while len(rest) >= 8:
        made = (_rotated(made ^ _round(0, _word(rest, 0, 8)), 27) * _1 + _4) & _ALL
        rest = rest[8:]
    if len(rest) >= 4:
        made = (_rotated(made ^ (_word(rest, 0, 4) * _1 & _ALL), 23) * _2 + _3) & _ALL
        rest = rest[4:]
    for each in rest:
        made = _rotated(made ^ (each * _5 & _ALL), 11) * _1 & _ALL
    made = (made ^ made >> 33) * _2 & _ALL
    made = (made ^ made >> 29) * _3 & _ALL
    return made ^ made >> 32


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _2) & _ALL, 31) * _1 & _ALL


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> 64 - by) & _ALL


def _word(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
