"""HTTP/2 with prior knowledge: one request as stream 1, or frames step by step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.net.request import Request
from takeover.net.stream import ByteStream
from takeover.probes.entries import GroupEntry
from takeover.probes.http2_entries import Http2Entry
from takeover.probes.protocols.contract import Exchange
from takeover.probes.protocols.http1 import recorded_request
from takeover.probes.protocols.written import AnyStep, check_has_effect, recorded, structured

if TYPE_CHECKING:
    from takeover.probes.probe import Probe


@dataclass(frozen=True)
class Frames:
    """What an HTTP/2 probe sends that is written step by step.

    Args:
        answers: how many streams' ends end it.
        automatic: whether SETTINGS and PING are acknowledged, and windows given back, as they come.
    """

    steps: tuple[AnyStep, ...]
    answers: int
    automatic: bool


class Http2:
    """See `contract.ProbeProtocol`. The libraries are imported where a probe needs them."""

    name = "http2"
    entry = Http2Entry

    def read(self, group: GroupEntry, entry: Http2Entry) -> Request | Frames:
        """A request, or the steps of any exchange."""
        if not entry.has("steps"):
            for key in Http2Entry.STEPS:
                if entry.has(key):
                    raise entry.error(f"{key} is for steps; a request has none", key)
            check_has_effect(entry, "on a request over HTTP/2: it ends with its stream", "answers", "until")
            return structured(group, entry, "1.1")
        for key in (*Http2Entry.REQUEST, "until"):
            if entry.has(key):
                raise entry.error(f"a probe has either steps or {key}", key)
        from takeover.probes.protocols.frame_steps import frame_steps

        return Frames(*frame_steps(entry), entry.automatic)

    def record(self, sends: Request | Frames, source: str, to: ProbeTarget) -> ProbeRequest:
        """The request by its parts, or what the steps send."""
        if isinstance(sends, Frames):
            return ProbeRequest(source=source, to=to, protocol=self.name, steps=recorded(sends.steps))
        return recorded_request(sends, self.name, source, to)

    def exchange(self, probe: "Probe", stream: ByteStream) -> Exchange:
        """Until the stream or the connection has ended; of steps, as many streams as the probe says."""
        from takeover.probes.protocols.http2_exchange import FrameExchange, RequestExchange

        if isinstance(probe.sends, Frames):
            return FrameExchange(probe, probe.sends, stream)
        return RequestExchange(probe, stream)
