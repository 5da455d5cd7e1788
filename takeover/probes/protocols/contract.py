"""What a probe's protocol offers, and the registry of those that there are."""

from typing import TYPE_CHECKING, Any, Protocol

from takeover.base.errors import BadInputError
from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.net.http1 import Answer
from takeover.net.raw import End
from takeover.net.stream import ByteStream

if TYPE_CHECKING:
    from takeover.probes.entries import GroupEntry, ProbeEntry
    from takeover.probes.probe import Probe


class Exchange(Protocol):
    """One exchange over an open connection."""

    @property
    def answer(self) -> Answer:
        """What came so far; where the protocol has no answers of its own, all bytes are its body."""
        ...

    @property
    def end(self) -> End:
        """How the connection ended; "open" as long as it has not."""
        ...

    def run(self) -> None:
        """Sends what the probe says and takes in what comes, until that is all, for at most `probe.within` seconds."""
        ...

    def look_for_the_end(self) -> None:
        """Takes in what came meanwhile, and the connection's end if Envoy has ended it by now."""
        ...


class ProbeProtocol(Protocol):
    """A protocol that probes speak. `name` stands in probes.yaml and in results."""

    @property
    def name(self) -> str: ...

    @property
    def entry(self) -> "type[ProbeEntry]":
        """The Struct of its probes' entries: what it adds to the fields that every probe has."""
        ...

    def read(self, group: "GroupEntry", entry: Any) -> Any:
        """What a probe sends, in a form of the protocol's own: `Probe.sends`.

        Args:
            entry: of the type `entry`.

        Raises: BadInputError "FILE:LINE: …".
        """
        ...

    def record(self, sends: Any, source: str, to: ProbeTarget) -> ProbeRequest:
        """What it sends as a record, enough to repeat it by hand."""
        ...

    def exchange(self, probe: "Probe", stream: ByteStream) -> Exchange:
        """The exchange of a probe whose connection is open."""
        ...


_PROTOCOLS: dict[str, ProbeProtocol] = {}


def register(protocol: ProbeProtocol) -> None:
    """Adds a protocol. Raises: BadInputError for a name that is taken."""
    if protocol.name in _PROTOCOLS:
        raise BadInputError(f"probe protocol {protocol.name}: the name is taken")
    _PROTOCOLS[protocol.name] = protocol


def protocols() -> list[ProbeProtocol]:
    """All there are, in the order in which they were registered."""
    return list(_PROTOCOLS.values())


def named(name: str) -> ProbeProtocol:
    """Raises: BadInputError that lists the names."""
    if name not in _PROTOCOLS:
        raise BadInputError(f"protocol is one of {', '.join(_PROTOCOLS)}, not {name}")
    return _PROTOCOLS[name]
