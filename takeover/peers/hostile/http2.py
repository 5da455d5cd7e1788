"""HTTP/2: a request names a behaviour of `http2_answers`, `http2_ends` or `grpc_answers` by the last part of its path.

Any other one is echoed: the answer's body is its headers, a line each, then its body and trailers. What no honest
server does no library does, so frames are written here; those that come are read by hyperframe and hpack.
"""

import contextlib
from collections.abc import Callable, Coroutine

from hpack import Decoder, Encoder, HeaderTuple, HPACKError
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from takeover.peers.hostile import http1, http2_stream, witness
from takeover.peers.hostile.connections import Connection
from takeover.peers.hostile.http2_stream import ACK, HEAD, Header, OurEndError, Stream, StreamEndedError, behave

_PREFACE_SIZE = 24
_HEADER_SIZE = 9
_MOST_HEADERS = 1 << 24
"""Bytes of a request's headers that are read."""
_TABLE_SIZE, _INITIAL_WINDOW, _MAX_FRAME, _ENABLE_CONNECT = 1, 4, 5, 8
_LARGEST_TABLE = 4096
"""Bytes: of what headers are referred to, as long as the peer does not want less (RFC 7541, 4.2)."""

GrpcAnswer = Callable[[Stream], Coroutine[None, None, None]]
"""Answers a call whose headers have come."""
IsTunnel = Callable[[Stream], bool]


class Http2:
    """One connection.

    Args:
        connection: at the beginning of the client's preface.
        grpc: what answers calls over gRPC, if not the behaviours of `grpc_answers`.
        others: what answers all other requests, if not the behaviours of `http2_answers`.
        is_tunnel: whether a request is one, which is answered before its body has come.
    """

    def __init__(
        self,
        connection: Connection,
        grpc: GrpcAnswer | None = None,
        others: GrpcAnswer | None = None,
        is_tunnel: IsTunnel = lambda _: False,
    ) -> None:
        self.connection = connection
        self._grpc = grpc
        self._others = others
        self._is_tunnel = is_tunnel
        self.window = 65535
        """How many bytes of data the peer takes on all streams."""
        self.max_frame = 1 << 14
        self._answers: list[Coroutine[None, None, None]] = []
        self._highest = 0
        self._initial_window = 65535
        self._streams: dict[int, Stream] = {}
        self._decoder, self._encoder = Decoder(max_header_list_size=_MOST_HEADERS), Encoder()
        self._block = b""
        self._metadata: dict[int, bytes] = {}
        self._told: list[object] = []
        self._block_begins: HeadersFrame | None = None
        self._seen: dict[str, object] = {"settings": {}, "resets": [], "goaway": None}
        connection.seen.note("http2", self._seen)

    def serve(self) -> None:
        """Answers until the connection ends."""
        self._exactly(_PREFACE_SIZE)
        self.settings({_ENABLE_CONNECT: 1})
        while True:
            self._take(self._next_frame())
            self._answers = [each for each in self._answers if _goes_on(each)]

    def send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Sends a frame of that type, whatever is in it."""
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
        self.connection.send(head + payload)

    def settings(self, values: dict[int, int]) -> None:
        """Sends SETTINGS."""
        payload = b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in values.items())
        self.send(http2_stream.SETTINGS, 0, 0, payload)

    def goaway(self, last: int, code: int, debug: bytes = b"") -> None:
        """Sends GOAWAY."""
        self.send(http2_stream.GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big") + debug)

    def encode(self, headers: list[Header]) -> bytes:
        """A block of headers, whatever is in them."""
        return self._encoder.encode(
            [HeaderTuple(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        )

    def _next_frame(self) -> Frame:
        """Raises: ConnectionError at the connection's end, or for what is no frame."""
        try:
            frame, length = Frame.parse_frame_header(memoryview(self._exactly(_HEADER_SIZE)))
            frame.parse_body(memoryview(self._exactly(length)))
        except HyperframeError as error:
            self.connection.seen.note("wrong", str(error))
            raise ConnectionError(str(error)) from None
        return frame

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.connection.receive(size - len(data))
            if not more:
                raise ConnectionError("the client has ended the connection")
            data += more
        return data

    def _take(self, frame: Frame) -> None:
        stream = self._streams.get(frame.stream_id)
        match frame:
            case HeadersFrame():
                self._block, self._block_begins = frame.data, frame
                self._take_block("END_HEADERS" in frame.flags)
            case ContinuationFrame():
                self._block += frame.data
                self._take_block("END_HEADERS" in frame.flags)
            case DataFrame():
                self._take_data(frame, stream)
            case SettingsFrame():
                self._take_settings(frame)
            case PingFrame() if "ACK" not in frame.flags:
                self.send(http2_stream.PING, ACK, 0, frame.opaque_data)
            case RstStreamFrame():
                resets = self._seen["resets"]
                assert isinstance(resets, list)
                resets.append([frame.stream_id, frame.error_code])
                if stream is not None:
                    stream.reset_by_peer = frame.error_code
            case WindowUpdateFrame():
                if stream is not None:
                    stream.window += frame.window_increment
                elif frame.stream_id == 0:
                    self.window += frame.window_increment
            case GoAwayFrame():
                self._seen["goaway"] = [frame.last_stream_id, frame.error_code]
            case ExtensionFrame() if frame.type == http2_stream.METADATA:
                self._take_metadata(frame, stream)

    def _take_block(self, is_whole: bool) -> None:
        if not is_whole or self._block_begins is None:
            return
        number, is_end = self._block_begins.stream_id, "END_STREAM" in self._block_begins.flags
        try:
            came = self._decoder.decode(self._block, raw=True)
        except HPACKError as error:
            self.connection.seen.note("wrong", str(error))
            raise ConnectionError(str(error)) from None
        headers = [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in came]
        stream = self._streams.get(number)
        if stream is None and number <= self._highest:
            return  # it has its answer
        self._highest = max(self._highest, number)
        if stream is None:
            stream = self._streams[number] = Stream(self, number, headers, self._initial_window)
            stream.has_ended = is_end
            if is_end or self._begins_at_once(stream):
                self._answers.append(self._answer(stream))
            elif http1.waits_to_be_asked(self.connection, stream.values):
                stream.send_headers([(":status", "100")])
            return
        stream.trailers = headers
        self._take_end(stream, is_end)

    def _take_data(self, frame: DataFrame, stream: Stream | None) -> None:
        credit = frame.flow_controlled_length.to_bytes(4, "big")
        if any(credit):
            self.send(http2_stream.WINDOW_UPDATE, 0, 0, credit)
        if stream is None:
            return
        stream.body += frame.data
        stream.received += len(frame.data)
        if any(credit) and stream.gives_credit and not stream.has_ended:
            self.send(http2_stream.WINDOW_UPDATE, 0, stream.number, credit)
        self._take_end(stream, "END_STREAM" in frame.flags)

    def _take_metadata(self, frame: ExtensionFrame, stream: Stream | None) -> None:
        """Notes what it says, and how many bytes of body had come by then; nothing for a stream that is over."""
        from takeover.peers import metadata

        block = self._metadata.pop(frame.stream_id, b"") + frame.body
        if not frame.flag_byte & http2_stream.END_HEADERS:
            self._metadata[frame.stream_id] = block
            return
        self._told.append([frame.stream_id, stream and stream.received, metadata.told(block)])
        self._seen["metadata"] = self._told

    def _take_end(self, stream: Stream, is_end: bool) -> None:
        if is_end and not stream.has_ended:
            has_begun = self._begins_at_once(stream)
            stream.has_ended = True
            if not has_begun:
                self._answers.append(self._answer(stream))

    def _take_settings(self, frame: SettingsFrame) -> None:
        if "ACK" in frame.flags:
            return
        settings = self._seen["settings"]
        assert isinstance(settings, dict)
        settings |= {str(name): value for name, value in frame.settings.items()}
        self.max_frame = frame.settings.get(_MAX_FRAME, self.max_frame)
        if _TABLE_SIZE in frame.settings:  # a peer that reads with a smaller table must not be referred to more of it
            self._encoder.header_table_size = min(frame.settings[_TABLE_SIZE], _LARGEST_TABLE)
        if _INITIAL_WINDOW in frame.settings:
            more = frame.settings[_INITIAL_WINDOW] - self._initial_window
            self._initial_window += more
            for each in self._streams.values():
                each.window += more
        self.send(http2_stream.SETTINGS, ACK, 0, b"")

    def _begins_at_once(self, stream: Stream) -> bool:
        """Whether it is answered before its body has come."""
        from takeover.peers.hostile import http2_answers, http2_ends

        is_asked = stream.name in http2_answers.ANSWERS or stream.name in http2_ends.ENDS
        return is_asked or stream.values.get(":method") == "CONNECT" or stream.is_grpc or self._is_tunnel(stream)

    async def _answer(self, stream: Stream) -> None:
        headers = {**stream.values, "host": stream.values.get(":authority", "")}
        uri = stream.values.get(":path", "") or stream.values.get(":authority", "")
        witness.request(self.connection.seen, stream.values.get(":method", ""), uri, "HTTP/2.0", 0, headers)
        try:
            if self._others is not None and not stream.is_grpc:
                await self._others(stream)
            else:
                await answer(stream, self._grpc)
        except StreamEndedError:
            pass
        finally:
            self._streams.pop(stream.number, None)


def _goes_on(answer: Coroutine[None, None, None]) -> bool:
    try:
        answer.send(None)
    except StopIteration:
        return False
    return True


async def answer(stream: Stream, grpc: GrpcAnswer | None = None) -> None:
    """Answers as the request says, a call over gRPC by `grpc`, if given."""
    from takeover.peers.hostile import grpc_answers, http2_answers, http2_ends

    if stream.values.get(":method") == "CONNECT":
        if stream.values.get(":protocol") == "websocket":
            from takeover.peers.hostile import websocket

            await websocket.serve_stream(stream)
        else:
            from takeover.peers.hostile import tunnel

            await tunnel.serve(stream)
    elif stream.name in http2_ends.ENDS:
        await behave(stream, http2_ends.ENDS[stream.name])
    elif stream.is_grpc:
        await (grpc or grpc_answers.answer)(stream)
    elif stream.name in http2_answers.ANSWERS:
        await behave(stream, http2_answers.ANSWERS[stream.name])
    else:
        await _echo(stream)


async def _echo(stream: Stream) -> None:
    lines = [f"{name}: {value}\n" for name, value in stream.came]
    trailers = [f"{name}: {value}\n" for name, value in stream.trailers]
    body = "".join(lines).encode() + b"\n" + stream.body
    if trailers:
        body += b"\ntrailers:\n" + "".join(trailers).encode()
    asks_for_head = stream.values.get(":method") == "HEAD"  # who does gets no body (RFC 9110, 9.3.2)
    head = [*HEAD, *stream.owner.connection.marks, ("content-length", str(len(body)))]
    stream.send_headers(head, end=asks_for_head)
    if not asks_for_head:
        await stream.send(body, end=True)


def serve(
    connection: Connection,
    grpc: GrpcAnswer | None = None,
    others: GrpcAnswer | None = None,
    is_tunnel: IsTunnel = lambda _: False,
) -> None:
    """Answers what comes on a connection, until its end; calls over gRPC by `grpc`, all else by `others`, if given."""
    with contextlib.suppress(OurEndError):
        Http2(connection, grpc, others, is_tunnel).serve()
