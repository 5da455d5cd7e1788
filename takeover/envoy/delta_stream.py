"""The server's side of one delta xDS stream (ADS) over a socket: a resource to each response, its answer by the nonce.

A response that has one resource has an answer that is about it alone: Envoy refuses as a whole what has one message
that breaks a rule of its descriptor, and cuts what it says of many.
"""

import itertools
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Final

import h2.config
import h2.connection
import h2.errors
import h2.events
from envoy.service.discovery.v3 import discovery_pb2

from takeover.net import grpc
from takeover.peers.control_plane.resources import Resource, wrapped

_READ = 65_536
_METHOD: Final = b"/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"


class StreamEndedError(Exception):
    """The other side ended the stream, or the connection."""


class DeltaStream:
    """The one stream of a connection. It answers by itself, with nothing, each type's first request.

    Args:
        connection: a connection that Envoy has opened; it is closed with this.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._http2 = h2.connection.H2Connection(config)
        self._http2.initiate_connection()
        self._stream = 0
        self._body = bytearray()
        self._nonces = itertools.count(1)
        self._answered: dict[str, discovery_pb2.DeltaDiscoveryRequest] = {}
        self.subscribed: dict[str, None] = {}
        """The types that were asked for, by URL, in order."""

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def send(self, url: str, resources: Iterable[Resource], removed: Iterable[str] = ()) -> str:
        """Sends a response, and returns its nonce.

        Args:
            url: of the resources' type.
            resources: those that are new, or others than before.
            removed: the names of those that are to be there no more.

        Raises: StreamEndedError.
        """
        nonce = str(next(self._nonces))
        response = discovery_pb2.DeltaDiscoveryResponse(
            system_version_info=nonce, type_url=url, nonce=nonce, removed_resources=removed
        )
        for each in resources:
            made = response.resources.add()
            made.CopyFrom(wrapped(each))
            made.version = nonce
        self._write(grpc.message(response.SerializeToString()))
        return nonce

    def answer(self, nonce: str, timeout: float) -> str | None:
        """Waits, so many seconds at most, for what is said of that response: None for ACK, the error of a NACK.

        Raises: StreamEndedError, TimeoutError.
        """
        deadline = time.monotonic() + timeout
        while nonce not in self._answered:
            self._read(deadline)
        found = self._answered.pop(nonce)
        return found.error_detail.message if found.HasField("error_detail") else None

    def wait_for(self, types: Mapping[str, object], timeout: float) -> None:
        """Waits until each of these types (URLs) was asked for. Raises: StreamEndedError, TimeoutError."""
        deadline = time.monotonic() + timeout
        while types.keys() - self.subscribed.keys():
            self._read(deadline)

    def _write(self, data: bytes) -> None:
        deadline = time.monotonic() + 60.0
        view = memoryview(data)
        while view:
            room = min(self._http2.local_flow_control_window(self._stream), self._http2.max_outbound_frame_size)
            if not room:
                self._read(deadline)
                continue
            self._http2.send_data(self._stream, bytes(view[:room]))
            view = view[room:]
        self._flush()

    def _flush(self) -> None:
        try:
            self._socket.sendall(self._http2.data_to_send())
        except OSError as error:
            raise StreamEndedError(str(error)) from None

    def _read(self, deadline: float) -> None:
        """Takes in what comes next."""
        self._flush()
        if (left := deadline - time.monotonic()) <= 0:
            raise TimeoutError("nothing came")
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(_READ)
        except TimeoutError:
            raise
        except OSError as error:
            raise StreamEndedError(str(error)) from None
        if not data:
            raise StreamEndedError("it was closed")
        for event in self._http2.receive_data(data):
            self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(stream), headers=headers):
                if dict(headers or ()).get(b":path") != _METHOD or self._stream:
                    self._http2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
                    return
                self._stream = stream
                self._http2.send_headers(stream, [(b":status", b"200"), (b"content-type", b"application/grpc")])
            case h2.events.DataReceived(stream_id=int(stream), data=data, flow_controlled_length=int(length)):
                self._http2.acknowledge_received_data(length, stream)
                self._body += data or b""
                self._requests()
            case h2.events.StreamEnded(stream_id=stream) | h2.events.StreamReset(stream_id=stream):
                if stream == self._stream:
                    raise StreamEndedError("its stream ended")
            case h2.events.ConnectionTerminated():
                raise StreamEndedError("its connection ended")

    def _requests(self) -> None:
        found, left = grpc.messages(bytes(self._body))
        self._body = bytearray(left)
        for each in found:
            request = discovery_pb2.DeltaDiscoveryRequest.FromString(each)
            if request.response_nonce:
                self._answered[request.response_nonce] = request
            elif request.type_url not in self.subscribed:
                self.subscribed[request.type_url] = None
                self.send(request.type_url, ())
