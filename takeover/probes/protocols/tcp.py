"""Plain TCP: steps, and all that comes until a mark or the connection's end."""

from typing import TYPE_CHECKING

from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.net.http1 import Answer
from takeover.net.stream import ByteStream
from takeover.probes.entries import GroupEntry, TcpEntry
from takeover.probes.protocols.stepped import SteppedExchange
from takeover.probes.protocols.written import Step, check_has_effect, recorded, steps

if TYPE_CHECKING:
    from takeover.probes.probe import Probe


class Tcp:
    """See `contract.ProbeProtocol`."""

    name = "tcp"
    entry = TcpEntry

    def read(self, _: GroupEntry, entry: TcpEntry) -> tuple[Step, ...]:
        """The steps."""
        check_has_effect(entry, "over TCP: it ends with what `until` says, or with the connection", "answers")
        return steps(entry.steps)

    def record(self, sends: tuple[Step, ...], source: str, to: ProbeTarget) -> ProbeRequest:
        """The steps as they are."""
        return ProbeRequest(source=source, to=to, protocol=self.name, steps=recorded(sends))

    def exchange(self, probe: "Probe", stream: ByteStream) -> SteppedExchange:
        """All that comes is the answer's body."""
        return _Exchange(probe, probe.sends, stream)


class _Exchange(SteppedExchange):
    def _has_begun(self, received: bytes) -> bool:
        return bool(received)

    def _is_enough(self) -> bool:
        return bool(self._probe.until) and self._received.endswith(self._probe.until)

    def _announces_the_end(self) -> bool:
        return False

    def _read(self) -> Answer:
        return Answer(body=self._received)
