"""METADATA, a frame that Envoys have among themselves: what is in one that came, and those to send, of each shape."""

from hpack import Decoder, HPACKError

from takeover.peers.hostile.http2_answers import Step, frame, metadata, on_connection
from takeover.peers.hostile.http2_stream import END_HEADERS, END_STREAM, METADATA, Stream, behave

_LARGEST = 1 << 14
"""Of a frame's payload."""
_MOST = 1 << 24
_LONGEST = 40
"""Characters of a value that are told as they are."""
_ENTRY = b"\0\x01k\x01v"


def told(block: bytes) -> list[str]:
    """`key: value` of each entry by the keys: their order is of chance. Else what is wrong with it."""
    try:
        came = Decoder(max_header_list_size=_MOST).decode(block, raw=True)
    except HPACKError:
        return ["wrong"]
    return sorted(f"{bytes(key).decode('latin-1')}: {_short(bytes(value).decode('latin-1'))}" for key, value in came)


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value)})"


def _literal(key: bytes, value: bytes) -> bytes:
    """An entry that no table keeps; the key is short."""
    if len(value) < 127:
        return b"\0" + bytes([len(key)]) + key + bytes([len(value)]) + value
    length, rest = b"\x7f", len(value) - 127
    while rest >= 128:
        length, rest = length + bytes([rest % 128 + 128]), rest // 128
    return b"\0" + bytes([len(key)]) + key + length + bytes([rest]) + value


def _cut(block: bytes) -> Step:
    """In as many frames as it needs."""
    pieces = [block[at : at + _LARGEST] for at in range(0, len(block), _LARGEST)]
    return _several(*(metadata(block=each, flags=0) for each in pieces[:-1]), metadata(block=pieces[-1]))


def _several(*steps: Step) -> Step:
    return lambda stream: behave(stream, steps)


def _of_the_next(stream: Stream) -> None:
    """Of the stream that would be the next one."""
    stream.owner.send(METADATA, END_HEADERS, stream.number + 2, _ENTRY)


SHAPES: dict[str, Step] = {
    "": metadata(),
    "-twice": _several(metadata("a"), metadata("b")),
    "-many": metadata(block=b"".join(_literal(b"key-%d" % each, b"v") for each in range(30))),
    "-same-key": metadata(block=_ENTRY + b"\0\x01k\x01w"),
    "-blank": metadata(block=_literal(b"", b"")),
    "-of-bytes": metadata(block=_literal(b"X\r\n: \0", b"\xff\0\n")),
    "-pseudo": metadata(block=_literal(b":status", b"500")),
    "-of-nothing": metadata(block=b""),
    "-in-two": _several(metadata(block=_ENTRY[:3], flags=0), metadata(block=_ENTRY[3:])),
    "-ended-by-nothing": _several(metadata(flags=0), metadata(block=b"")),
    "-unfinished": metadata(flags=0),
    "-of-static-table": metadata(block=b"\x82"),
    "-of-a-table": _several(metadata(block=b"\x40\x01k\x01v"), metadata(block=b"\xbe")),
    "-bad": metadata(block=b"\xff\xff\xff"),
    "-cut-off": metadata(block=_ENTRY[:3]),
    "-of-100k": _cut(_literal(b"k", b"v" * 100_000)),
    "-of-2m": _cut(_literal(b"k", b"v" * (1 << 21))),
    "-of-2m-in-all": _several(*[_cut(_literal(b"k", b"v" * (1 << 18)))] * 8),
    "-too-long": metadata(block=_literal(b"k", b"v" * _LARGEST)),
    "-with-end": metadata(flags=END_HEADERS | END_STREAM),
    "-with-all-flags": metadata(flags=0xFF),
    "-of-no-stream": on_connection(METADATA, END_HEADERS, _ENTRY),
    "-of-the-next": _of_the_next,
    "-of-an-even-one": on_connection(METADATA, END_HEADERS, _ENTRY, stream=2),
    "-flood": frame(METADATA, END_HEADERS, _ENTRY, times=200),
    "-flood-of-nothing": frame(METADATA, END_HEADERS, times=200),
}
"""By what is behind `metadata` in a behaviour's name."""
