"""One HTTP/2 exchange with prior knowledge (h2c). Nothing is checked or mended on our side of it."""

import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from takeover.model.document import Interim
from takeover.net import bounds
from takeover.net.http1 import Answer
from takeover.net.http2_frames import GOAWAY, HEAD_LENGTH, Pieces, code, pairs
from takeover.net.raw import End
from takeover.net.request import Request
from takeover.net.stream import ByteStream

_STREAM = 1
_CONFIG = h2.config.H2Configuration(
    client_side=True,
    header_encoding=None,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)


class Exchange:
    """Sends a request as stream 1 and takes in its answer.

    `answer.reason`, which HTTP/2 does not have, says how the stream ended where it did not end in order, and that the
    peer takes no more of them (GOAWAY): one that it has taken gets its answer all the same (RFC 9113, 6.8).
    """

    def __init__(self, stream: ByteStream, scheme: str = "http") -> None:
        self._stream = stream
        self._scheme = scheme
        self._connection = h2.connection.H2Connection(_CONFIG)
        self._pieces = Pieces()
        self._unsent: list[bytes] = []
        self._trailers: list[tuple[bytes, bytes]] = []
        self._is_given_up = False
        self._body, self._received = bytearray(), 0
        self.answer = Answer(protocol="HTTP/2")
        self.end: End = "open"

    @property
    def streams_at_once(self) -> int:
        """How many requests at once the peer takes on this connection, as its SETTINGS say (RFC 9113, 6.5.2)."""
        return self._connection.remote_settings.max_concurrent_streams

    def send_and_receive(self, request: Request, within: float) -> None:
        """Waits at most `within` seconds for the stream's end, or the connection's."""
        deadline = time.monotonic() + within
        try:
            self._send(request)
            while not self.answer.is_whole:
                self._receive(deadline)
        except TimeoutError:
            return
        except _Ended:
            self.end = "closed"
        except (ConnectionResetError, BrokenPipeError):
            self.end = "reset"
        except bounds.EndlessError:
            self.end = "endless"
        finally:
            self.answer.body = bytes(self._body)

    def _send(self, request: Request) -> None:
        connection = self._connection
        connection.initiate_connection()
        connection.send_headers(
            _STREAM,
            [
                *pairs([f":method: {request.method}", f":scheme: {self._scheme}", f":path: {request.path}"]),
                *pairs([f":authority: {request.host}"] if request.host is not None else []),
                *pairs(request.headers),
            ],
            end_stream=request.body is None and not request.trailers and not request.chunks,
        )
        frames = request.chunks or (() if request.body is None else (request.body,))
        self._unsent = [each.encode("latin-1") for each in frames]
        self._trailers = pairs(request.trailers)
        self._send_more()
        self._stream.send(connection.data_to_send())

    def _send_more(self) -> None:
        """Hands over what is left, in frames as long as the peer takes, as its windows allow (RFC 9113, 4.2, 5.2)."""
        connection = self._connection
        while self._unsent:
            data = self._unsent[0]
            room = min(connection.local_flow_control_window(_STREAM), connection.max_outbound_frame_size)
            if data and room <= 0:
                return
            piece, rest = data[:room], data[room:]
            self._unsent[:1] = [rest] if rest else []
            connection.send_data(_STREAM, piece, end_stream=not self._unsent and not self._trailers)
        if self._trailers:
            connection.send_headers(_STREAM, self._trailers, end_stream=True)
            self._trailers = []

    def _receive(self, deadline: float) -> None:
        data = bounds.receive(self._stream, deadline, self._received)
        self._received += len(data)
        if not data:
            raise _Ended
        try:
            for piece, is_goaway in self._pieces.take(data):
                if is_goaway:  # to the library it would be the connection's end
                    self._take_goaway(piece[HEAD_LENGTH:])
                    continue
                for event in self._connection.receive_data(piece):
                    self._take(event)
        except h2.exceptions.ProtocolError as error:
            self.answer.reason = f"not HTTP/2: {error}"
            self.answer.is_whole = True
        if not self.answer.is_whole and not self._is_given_up:
            self._send_more()
        outgoing = self._connection.data_to_send()
        if outgoing and not self._is_given_up:  # or the kernel might make a reset of the end
            self._stream.send(outgoing)

    def _take_goaway(self, payload: bytes) -> None:
        _, number = GOAWAY.unpack_from(payload)
        self._is_given_up |= number != 0
        said = payload[GOAWAY.size :].decode("latin-1")
        self.answer.reason = f"GOAWAY {code(number)} {said}".rstrip()

    def _take(self, event: h2.events.Event) -> None:
        answer = self.answer
        match event:
            case h2.events.InformationalResponseReceived(headers=list(headers)):
                status, rest = _told(headers)
                answer.interim.append(Interim(status or 0, headers=rest))
            case h2.events.ResponseReceived(headers=list(headers)):
                answer.status, answer.headers = _told(headers)
            case h2.events.TrailersReceived(headers=list(headers)):
                answer.trailers = _told(headers)[1]
            case h2.events.DataReceived(data=bytes(data), flow_controlled_length=int(length)):
                self._body += data
                self._connection.acknowledge_received_data(length, _STREAM)
            case h2.events.StreamEnded():
                answer.is_whole = True
            case h2.events.StreamReset(error_code=code):
                answer.reason = f"RST_STREAM {_name(code)}"
                answer.is_whole = True
            case _:
                pass


class _Ended(Exception):  # noqa: N818 - no fault
    """The peer ended the connection."""


def _told(headers: list[tuple[bytes, bytes]]) -> tuple[int | None, list[tuple[str, str]]]:
    """The status, and the headers without it."""
    told = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    status = next((value for name, value in told if name == ":status"), "")
    return int(status) if status.isdigit() else None, [pair for pair in told if pair[0] != ":status"]


def _name(code: int | h2.errors.ErrorCodes | None) -> str:
    return code.name if isinstance(code, h2.errors.ErrorCodes) else str(code)
