"""What of an HTTP/2 connection's frames differs from run to run by nature, by named rules, each with its reason."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

_DATA = re.compile(r"DATA (\d+) \d+ bytes( END_STREAM)?")
_WINDOW = re.compile(r"WINDOW_UPDATE (\d+) \+(\d+)")
_PING = re.compile(r"PING [0-9a-f]{16}")
_OF_A_STREAM = re.compile(r"[A-Z_]+ (\d+)\b")
_OF_THE_CONNECTION = ("SETTINGS", "PING", "GOAWAY", "0x")


@dataclass(frozen=True)
class FrameRule:
    """Puts a connection's frames into the form that they always have."""

    name: str
    apply: Callable[[Sequence[str]], Iterable[str]]
    reason: str


def _whole_bodies(frames: Sequence[str]) -> Iterator[str]:
    """One DATA for those that follow each other on a stream; their lengths are the body's."""
    last = None
    for each in frames:
        found = _DATA.fullmatch(each)
        if last is not None and (found is None or found[1] != last[1]):
            yield f"DATA {last[1]}{last[2] or ''}"
        if found is None:
            yield each
        last = found
    if last is not None:
        yield f"DATA {last[1]}{last[2] or ''}"


def _summed_windows(frames: Sequence[str]) -> Iterator[str]:
    last, total = None, 0
    for each in frames:
        found = _WINDOW.fullmatch(each)
        if last is not None and (found is None or found[1] != last[1]):
            yield f"WINDOW_UPDATE {last[1]} +{total}"
            total = 0
        if found is None:
            yield each
        else:
            total += int(found[2])
        last = found
    if last is not None:
        yield f"WINDOW_UPDATE {last[1]} +{total}"


def _pings(frames: Sequence[str]) -> Iterator[str]:
    for each in frames:
        yield "PING <data>" if _PING.fullmatch(each) else each


def _by_stream(frames: Sequence[str]) -> Iterable[str]:
    """The connection's own first, then stream by stream; as they came, if there is but one stream."""
    streams = [_stream(each) for each in frames]
    if len(set(streams) - {0}) < 2:
        return frames
    return [each for _, each in sorted(zip(streams, frames, strict=True), key=lambda pair: pair[0])]


def _stream(frame: str) -> int:
    found = None if frame.startswith(_OF_THE_CONNECTION) else _OF_A_STREAM.match(frame)
    return int(found[1]) if found else 0


FRAME_RULES = (
    FrameRule("order-of-streams", _by_stream, "which of several streams is answered first is a race"),
    FrameRule("data-frames", _whole_bodies, "in how many frames a body comes is for the bytes' way to say"),
    FrameRule("window-updates", _summed_windows, "a window is given back in as many parts as bytes were read in"),
    FrameRule("ping-data", _pings, "a PING that asks has bytes of chance (one that answers has those of the question)"),
)
"""Of the frames of an observation, in this order."""


_GIVEN_UP = re.compile(r"GOAWAY (?!NO_ERROR )")


def is_given_up(frames: Sequence[str]) -> bool:
    """Whether a GOAWAY tells of an error: then the kernel makes a reset of the end if bytes of the client have come."""
    return any(map(_GIVEN_UP.match, frames))


def frames_without_chance(frames: Sequence[str], but: FrameRule | None = None) -> list[str]:
    """The frames in their normal form; `but` is a rule that is left out."""
    for rule in FRAME_RULES:
        frames = frames if rule is but else list(rule.apply(frames))
    return list(frames)
