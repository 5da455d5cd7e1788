"""What a probe is: where it goes, and what it sends, step by step."""

import functools
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.probes.layers.connection import PLAIN, Layers
from takeover.probes.protocols.contract import ProbeProtocol
from takeover.scenario.declared import Support
from takeover.scenario.edits import Edit


@dataclass(frozen=True)
class Place:
    """An address as the manifests name it.

    Args:
        kind: "service" or "pod" (`name` is `NAME`, or `NAMESPACE/NAME`), or "host" (`name` is an address).
    """

    kind: Literal["service", "pod", "host"]
    name: str
    port: int

    @property
    def record(self) -> ProbeTarget:
        """The place as it stands in a request's record."""
        return msgspec.convert({self.kind: self.name, "port": self.port}, ProbeTarget)


@dataclass(frozen=True, eq=False)
class Probe:
    """One exchange over a connection of its own.

    Args:
        name: tells it from the others of its group.
        where: the "FILE:LINE" where it is written.
        pod: from which Pod, `NAME` or `NAMESPACE/NAME`.
        container: from which container; empty for the first one.
        protocol: the one that it speaks.
        sends: what it sends, in its protocol's own form.
        answers: how many answers end it.
        until: all has come when it ends with this; empty: with the answers, over TCP with the connection's end.
        within: for at most so many seconds is waited for what ends it.
        request: what it sends, as a record, for whoever wants to repeat it.
        layers: what lies below its protocol.
        connections: how many there are at once.
        source_address: the address of its Pod's from which they come; empty: the kernel chooses one.
    """

    name: str
    where: str
    pod: str
    container: str
    to: Place
    protocol: ProbeProtocol
    sends: Any
    answers: int
    until: bytes
    within: float
    request: ProbeRequest
    layers: Layers = PLAIN
    connections: int = 1
    source_address: str = ""

    @functools.cached_property
    def request_in_parts(self) -> ProbeRequest:
        """The request with its long runs of a character told, not written out: the same for every Envoy."""
        return self.request.in_parts()


@dataclass(frozen=True, eq=False)
class Group:
    """Probes that share a deployment, made one after the other: a limit's bucket is emptied by those before.

    Args:
        scenario: the scenario's name.
        name: tells it from the scenario's other groups.
        bases: what is deployed beside the scenario (folders of a library's bases).
        edits: how the scenario is changed.
        where: the "FILE:LINE" where it is written.
        supports: the Envoys that it supports; None for all that its scenario does.
        asks_upstream: whether what the upstream saw of each probe is observed, too.
    """

    scenario: str
    name: str
    bases: tuple[str, ...]
    edits: tuple[Edit, ...]
    probes: tuple[Probe, ...]
    where: str
    supports: Support | None = None
    asks_upstream: bool = False

    @property
    def id(self) -> str:
        """SCENARIO/GROUP."""
        return f"{self.scenario}/{self.name}"
