"""METADATA frames to send, of each shape."""

from takeover.peers.hostile.http2_answers import Step, frame, metadata, on_connection
from takeover.peers.hostile.http2_stream import END_HEADERS, END_STREAM, METADATA, Stream, several
from takeover.peers.metadata import entry

_LARGEST = 1 << 14
"""Of a frame's payload."""
_ENTRY = entry(b"k", b"v")


def _cut(block: bytes) -> Step:
    """In as many frames as it needs."""
    pieces = [block[at : at + _LARGEST] for at in range(0, len(block), _LARGEST)]
    return several(*(metadata(block=each, flags=0) for each in pieces[:-1]), metadata(block=pieces[-1]))


def _of_the_next(stream: Stream) -> None:
    """Of the stream that would be the next one."""
    stream.owner.send(METADATA, END_HEADERS, stream.number + 2, _ENTRY)


SHAPES: dict[str, Step] = {
    "": metadata(),
    "-twice": several(metadata("a"), metadata("b")),
    "-many": metadata(block=b"".join(entry(b"key-%d" % each, b"v") for each in range(30))),
    "-same-key": metadata(block=_ENTRY + b"\0\x01k\x01w"),
    "-blank": metadata(block=entry(b"", b"")),
    "-of-bytes": metadata(block=entry(b"X\r\n: \0", b"\xff\0\n")),
    "-pseudo": metadata(block=entry(b":status", b"500")),
    "-of-nothing": metadata(block=b""),
    "-in-two": several(metadata(block=_ENTRY[:3], flags=0), metadata(block=_ENTRY[3:])),
    "-ended-by-nothing": several(metadata(flags=0), metadata(block=b"")),
    "-unfinished": metadata(flags=0),
    "-of-static-table": metadata(block=b"\x82"),
    "-of-a-table": several(metadata(block=b"\x40\x01k\x01v"), metadata(block=b"\xbe")),
    "-bad": metadata(block=b"\xff\xff\xff"),
    "-cut-off": metadata(block=_ENTRY[:3]),
    "-of-100k": _cut(entry(b"k", b"v" * 100_000)),
    "-of-2m": _cut(entry(b"k", b"v" * (1 << 21))),
    "-of-2m-in-all": several(*[_cut(entry(b"k", b"v" * (1 << 18)))] * 8),
    "-too-long": metadata(block=entry(b"k", b"v" * _LARGEST)),
    "-with-end": metadata(flags=END_HEADERS | END_STREAM),
    "-with-all-flags": metadata(flags=0xFF),
    "-of-no-stream": on_connection(METADATA, END_HEADERS, _ENTRY),
    "-of-the-next": _of_the_next,
    "-of-an-even-one": on_connection(METADATA, END_HEADERS, _ENTRY, stream=2),
    "-flood": frame(METADATA, END_HEADERS, _ENTRY, times=200),
    "-flood-of-nothing": frame(METADATA, END_HEADERS, times=200),
}
"""By what is behind `metadata` in a behaviour's name."""
