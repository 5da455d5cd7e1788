"""HTTP/2 with prior knowledge: one request as stream 1."""

from typing import TYPE_CHECKING

from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.net import http2, raw
from takeover.net.request import Request
from takeover.net.stream import ByteStream
from takeover.probes.entries import GroupEntry, Http2Entry
from takeover.probes.protocols.http1 import recorded_request
from takeover.probes.protocols.stepped import ON_THE_WAY
from takeover.probes.protocols.written import structured

if TYPE_CHECKING:
    from takeover.probes.probe import Probe


class Http2:
    """See `contract.ProbeProtocol`."""

    name = "http2"
    entry = Http2Entry

    def read(self, group: GroupEntry, entry: Http2Entry) -> Request:
        """A request."""
        return structured(group, entry, "1.1")

    def record(self, sends: Request, source: str, to: ProbeTarget) -> ProbeRequest:
        """The request by its parts."""
        return recorded_request(sends, self.name, source, to)

    def exchange(self, probe: "Probe", stream: ByteStream) -> "_Exchange":
        """Until the stream or the connection has ended."""
        return _Exchange(probe, stream)


class _Exchange(http2.Exchange):
    def __init__(self, probe: "Probe", stream: ByteStream) -> None:
        super().__init__(stream)
        self._probe = probe
        self._connection_stream = stream

    def run(self) -> None:
        """See `contract.Exchange`."""
        self.send_and_receive(self._probe.sends, self._probe.within)

    def look_for_the_end(self) -> None:
        """Of what comes after the stream's end only the connection's end counts."""
        if self.end == "open":
            self.end = raw.converse(self._connection_stream, b"", ON_THE_WAY).end
