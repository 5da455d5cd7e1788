"""CONNECT and its tunnel, over HTTP/1 or HTTP/2: bytes go through once it is there."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import UNSET

from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.net.http1 import Answer
from takeover.net.stream import ByteStream
from takeover.probes.entries import GroupEntry
from takeover.probes.protocols.tunnelled import TunnelExchange, TunnelSends, handshake, through
from takeover.probes.protocols.written import AnyStep, Await, AwaitEvent, check_has_effect, recorded, steps, text, texts
from takeover.probes.tunnel_entries import ConnectEntry

if TYPE_CHECKING:
    from takeover.probes.probe import Probe

_METHOD = "CONNECT"
_BYTES = "bytes"


class Connect:
    """See `contract.ProbeProtocol`."""

    name = "connect"
    entry = ConnectEntry

    def read(self, _: GroupEntry, entry: ConnectEntry) -> TunnelSends:
        """What asks for the tunnel, and what goes through it."""
        check_has_effect(entry, "on a tunnel: it ends with what `until` says, its last await or its end", "answers")
        target = text(entry, entry.target, "target")
        host = target if entry.host is UNSET else text(entry, entry.host, "host")
        usual = [f"Host: {host}"] if entry.over == "http1" else [f":method: {_METHOD}", f":authority: {target}"]
        begin = handshake(entry, f"{_METHOD} {target} HTTP/1.1", usual, texts(entry, entry.headers, "headers"))
        return TunnelSends(entry.over, _METHOD, (*begin, *through(entry, _counted(steps(entry.steps)))))

    def record(self, sends: TunnelSends, source: str, to: ProbeTarget) -> ProbeRequest:
        """The steps as they are."""
        return ProbeRequest(source=source, to=to, protocol=self.name, steps=recorded(sends.steps))

    def exchange(self, probe: "Probe", stream: ByteStream) -> "_Exchange":
        """All that comes through the tunnel is the answer's body."""
        return _Exchange(probe, stream)


def _counted(written: tuple[AnyStep, ...]) -> Iterator[AnyStep]:
    """Each await is for bytes that have come since the one before."""
    awaited: Counter[str] = Counter()
    for each in written:
        if isinstance(each, Await):
            awaited[_BYTES] += 1
            yield AwaitEvent(_BYTES, None, awaited[_BYTES])
        else:
            yield each


class _Exchange(TunnelExchange):
    _arrived = 0

    def _wait(self, word: str, stream: int | None, number: int, deadline: float) -> None:
        if word != _BYTES:
            super()._wait(word, stream, number, deadline)
            return
        begin = self._arrived
        self._incoming.receive_until(lambda: len(self._tunnel.received) > begin, deadline)
        self._arrived = len(self._tunnel.received)

    def _is_enough(self) -> bool:
        if self._probe.until and self._tunnel.is_open:
            return self._tunnel.is_over or self._tunnel.received.endswith(self._probe.until)
        return super()._is_enough()

    def _read(self) -> Answer:
        answer = super()._read()
        if self._tunnel.is_open:
            answer.body = bytes(self._tunnel.received)
        return answer
