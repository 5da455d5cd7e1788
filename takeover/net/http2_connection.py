"""An HTTP/2 connection frame by frame, as a client sees it: everything that came, and what became of each stream."""

import contextlib
import struct
from collections import Counter

from hpack import Decoder, HPACKError, InvalidTableIndex
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from takeover.model.document import Interim
from takeover.net import bounds, http1
from takeover.net.http1 import Answer
from takeover.net.http2_frames import FLAGS, HEAD_LENGTH, TYPES, code, frame, head, setting
from takeover.net.incoming import Incoming
from takeover.net.stream import ByteStream
from takeover.peers import metadata

_LARGEST_LIST = 4 << 20  # of headers, unpacked
_ANY = None


class FrameConnection(Incoming):
    """Takes in frames. Nothing that the peer does wrong ends that, as long as where the next frame begins is known.

    Args:
        automatic: whether SETTINGS and PING are acknowledged, and windows given back, as they come.

    Attributes:
        frames: each frame in few words, in the order in which they came.
        bodies: what came over each stream as DATA.
        is_given_up: whether the peer said that the connection is at its end because of an error.
        counts: (word, stream) → how many came; a stream None stands for any. The words are frames' names in small
            letters, and `settings_ack`, `ping_ack`, `response` (a head that is not 1xx), `stream_end`.
    """

    def __init__(self, stream: ByteStream, *, automatic: bool = True) -> None:
        super().__init__(stream)
        self._automatic = automatic
        self._decoder = Decoder(max_header_list_size=_LARGEST_LIST)
        self._rest = b""
        self._block: tuple[int, bool, bytes, int] | None = None
        self._metadata_blocks: dict[int, bytes] = {}
        self._other = b""
        self._replies = b""
        self._unpacked = 0
        self.frames: list[str] = []
        self.is_given_up = False
        self._answers: dict[int, Answer] = {}
        self.bodies: dict[int, bytearray] = {}
        self.counts: Counter[tuple[str, int | None]] = Counter()

    @property
    def answer(self) -> Answer:
        """That of the lowest stream that has any; of a peer that does not speak HTTP/2 what it said, as HTTP/1."""
        if self._other:
            return http1.read(self._other, "GET", ended=self.end not in ("open", "endless"))
        return next(iter(self.answers.values()), Answer(protocol="HTTP/2"))

    @property
    def answers(self) -> dict[int, Answer]:
        """What came over each stream, the lowest one first; `Answer.stream_end` is how that ended."""
        for stream, body in self.bodies.items():
            self._answer(stream).body = bytes(body)
        return dict(sorted(self._answers.items()))

    @property
    def ended(self) -> int:
        """How many streams have ended; of a peer that does not speak HTTP/2, whether its answer is whole."""
        if self._other:
            return int(self.answer.is_whole)
        return self.counts["stream_end", _ANY]

    def _take(self, data: bytes) -> None:
        if self._other:
            self._other += data
            return
        self._rest += data
        at = 0
        while len(self._rest) - at >= HEAD_LENGTH:
            length, kind, flags, stream = head(self._rest[at : at + HEAD_LENGTH])
            if not self.frames and kind != TYPES["SETTINGS"]:
                self._other = self._rest
                return
            if len(self._rest) - at < HEAD_LENGTH + length:
                break
            self._frame(self._rest[at : at + HEAD_LENGTH + length], kind, flags, stream)
            at += HEAD_LENGTH + length
        self._rest = self._rest[at:]
        replies, self._replies = self._replies, b""
        if replies and self._automatic and not self.is_given_up:
            # A peer that takes no more of it has ended: what comes tells how.
            with contextlib.suppress(ConnectionResetError, BrokenPipeError, TimeoutError):
                self._stream.send(replies)

    def _frame(self, data: bytes, kind: int, flags: int, stream: int) -> None:
        bounds.check_frames(len(self.frames) + 1)
        try:
            read, _ = Frame.parse_frame_header(memoryview(data[:HEAD_LENGTH]))
            read.parse_body(memoryview(data[HEAD_LENGTH:]))
        except HyperframeError as error:
            name = next((name for name, number in TYPES.items() if number == kind), f"0x{kind:02x}")
            self.frames.append(f"{name} {stream} wrong: {error}")
            return
        match read:
            case SettingsFrame():
                self._settings(read)
            case HeadersFrame():
                self._block = (stream, "END_STREAM" in read.flags, b"", 0)
                self._headers(read)
            case ContinuationFrame() if self._block is not None:
                self._headers(read)
            case DataFrame():
                self._data(read)
            case RstStreamFrame():
                self._note(f"RST_STREAM {stream} {code(read.error_code)}", "rst_stream", stream)
                self._end(stream, f"reset {code(read.error_code)}")
            case GoAwayFrame():
                self.is_given_up |= read.error_code != 0
                debug = f" {read.additional_data.decode('latin-1')!r}" if read.additional_data else ""
                self._note(f"GOAWAY {code(read.error_code)} last {read.last_stream_id}{debug}", "goaway", stream)
            case WindowUpdateFrame():
                self._note(f"WINDOW_UPDATE {stream} +{read.window_increment}", "window_update", stream)
            case PingFrame():
                is_ack = "ACK" in read.flags
                told = f"PING{' ACK' if is_ack else ''} {read.opaque_data.hex()}"
                self._note(told, "ping_ack" if is_ack else "ping", stream)
                if not is_ack:
                    self._replies += frame(TYPES["PING"], FLAGS["ACK"], 0, read.opaque_data)
            case _:
                name = next((name for name, number in TYPES.items() if number == kind), f"0x{kind:02x}")
                told = f"{name} {stream} flags 0x{flags:x}, {len(data) - HEAD_LENGTH} bytes"
                self.frames.append(told + self._metadata(data[HEAD_LENGTH:], kind, flags, stream))

    def _metadata(self, data: bytes, kind: int, flags: int, stream: int) -> str:
        """What METADATA says, of all its frames, by the last one of them."""
        if kind != TYPES["METADATA"]:
            return ""
        block = self._metadata_blocks.pop(stream, b"") + data
        if not flags & FLAGS["END_METADATA"]:
            self._metadata_blocks[stream] = block
            return ""
        return "".join(f", {each!r}" for each in metadata.told(block))

    def _note(self, told: str, word: str, stream: int) -> None:
        self.frames.append(told)
        self._count(word, stream)

    def _count(self, word: str, stream: int) -> None:
        self.counts[word, stream] += 1
        self.counts[word, _ANY] += 1

    def _settings(self, read: SettingsFrame) -> None:
        if "ACK" in read.flags:
            self._note("SETTINGS ACK", "settings_ack", 0)
            return
        told = [f"{setting(number)}={value}" for number, value in read.settings.items()]
        self._note(" ".join(["SETTINGS", *told]), "settings", 0)
        self._replies += frame(TYPES["SETTINGS"], FLAGS["ACK"], 0)

    def _data(self, read: DataFrame) -> None:
        stream, ends = read.stream_id, "END_STREAM" in read.flags
        self._note(f"DATA {stream} {len(read.data)} bytes{' END_STREAM' * ends}", "data", stream)
        self._answer(stream)
        self.bodies.setdefault(stream, bytearray()).extend(read.data)
        if length := read.flow_controlled_length:
            given = struct.pack(">L", length)
            windows = (0,) if ends else (0, stream)
            self._replies += b"".join(frame(TYPES["WINDOW_UPDATE"], 0, each, given) for each in windows)
        if ends:
            self._end(stream, "closed")

    def _headers(self, read: HeadersFrame | ContinuationFrame) -> None:
        assert self._block is not None
        stream, ends, block, number = self._block
        block, number = block + read.data, number + 1
        self._block = (stream, ends, block, number)
        if "END_HEADERS" not in read.flags:
            return
        self._block = None
        split = f", in {number} frames" if number > 1 else ""
        try:
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in self._decoder.decode(block, raw=True)
            ]
        except (HPACKError, InvalidTableIndex) as error:
            self.frames.append(f"HEADERS {stream} wrong: {error}")
            return
        self._unpacked += sum(len(name) + len(value) for name, value in headers)
        if self._unpacked > bounds.MOST_BYTES:  # a few bytes may stand for many
            raise bounds.EndlessError(f"more headers come than are taken in: {self._unpacked} bytes so far")
        status = next((value for name, value in headers if name == ":status"), "")
        told = f"HEADERS {stream}{f' :status {status}' if status else ''}{' END_STREAM' * ends}{split}"
        self._note(told, "headers", stream)
        self._head(stream, status, [each for each in headers if each[0] != ":status"])
        if ends:
            self._end(stream, "closed")

    def _head(self, stream: int, status: str, headers: list[tuple[str, str]]) -> None:
        answer = self._answer(stream)
        number = int(status) if status.isdigit() else None
        if answer.status is not None and not status:
            answer.trailers = headers
        elif number is not None and 100 <= number < 200:
            answer.interim.append(Interim(number, headers=headers))
        else:
            answer.status, answer.headers = number, headers
            self._count("response", stream)

    def _answer(self, stream: int) -> Answer:
        return self._answers.setdefault(stream, Answer(protocol="HTTP/2", stream_end="open"))

    def _end(self, stream: int, how: str) -> None:
        """The first end of a stream is its end."""
        answer = self._answer(stream)
        if answer.stream_end == "open":
            answer.stream_end, answer.is_whole = how, True
            self._count("stream_end", stream)
