"""The trace of traffic: a record for each hop that counted it, only what was measured, never what a config says."""

import json
from collections.abc import Sequence

import msgspec

from takeover.model.dialled import Dialled
from takeover.model.logs import Arrival, Entry

Counters = dict[str, tuple[int, int]]
"""By their names, what they were before and after."""

_INTERCEPTING = "REDIRECT"


class _Hop(msgspec.Struct, tag_field="hop", omit_defaults=True, forbid_unknown_fields=True):
    name: str

    @property
    def kind(self) -> str:
        """What it is: the field `hop` of its JSON."""
        return str(self.__struct_config__.tag)

    @property
    def label(self) -> str:
        """Its name among all of its kind."""
        return self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.label}".rstrip()


class ClientHop(_Hop, tag="client"):
    """A client of the test, by POD/CONTAINER: its first connections as it saw them, and how many more there were."""

    dialled: list[Dialled]
    dialled_left_out: int = 0


class Delivered(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an Envoy had of one type by xDS.

    Args:
        type: "cds", "rds" ….
        version: the control plane's, of the response that the Envoy had accepted (ACK).
        nonce: of that response.
        within: whether it took that while the block ran: requests before had the one that is named earlier.
    """

    type: str
    version: str
    nonce: str
    within: bool = False

    def __str__(self) -> str:
        return f"{'then ' * self.within}{self.type} version {self.version}, nonce {self.nonce}"


class ControlPlaneHop(_Hop, tag="control plane"):
    """What a control plane, POD/CONTAINER, had given an Envoy: in force for the requests of the block."""

    delivered: list[Delivered]
    envoy: str = ""

    @property
    def label(self) -> str:
        """Its name, and of several Envoys' the Envoy before it."""
        return f"{self.envoy} {self.name}".lstrip()


class RuleHop(_Hop, tag="rule"):
    """A NAT rule of the Pod. `name` is short, `text` is as iptables writes it.

    Args:
        jumps: whether it leads to a chain of the Pod's own, whose rules say what becomes of a connection.
        envoy: whose Pod's it is, as POD/CONTAINER; empty in a scene with one Envoy.
    """

    text: str
    counters: Counters
    jumps: bool = False
    envoy: str = ""

    @property
    def label(self) -> str:
        """Its name, and of several Envoys' the Pod before it."""
        return f"{self.envoy.rpartition('/')[0]} {self.name}".lstrip()

    @property
    def intercepts(self) -> bool:
        """Whether a connection comes back into the Pod's Envoy by it."""
        return self.name.split()[1] == _INTERCEPTING

    @property
    def lets_go(self) -> bool:
        """Whether a connection goes on as it is by it."""
        return not self.intercepts and not self.jumps


class _Counted(_Hop):
    counters: Counters
    envoy: str = ""

    @property
    def label(self) -> str:
        """Its name, and of several Envoys' the Envoy before it."""
        return f"{self.envoy} {self.name}".lstrip()


class ListenerHop(_Counted, tag="listener"):
    """A listener, by its address in the counters; `envoy`: whose, as POD/CONTAINER, where there are several."""


class HttpHop(_Counted, tag="http"):
    """An HTTP connection manager, by its stat prefix."""


class TcpHop(_Counted, tag="tcp"):
    """A TCP proxy, by its stat prefix."""


class ClusterHop(_Counted, tag="cluster"):
    """A cluster that was asked for an upstream."""


class FilterHop(_Counted, tag="filter"):
    """Anything else that counts, beside the traffic's trace, such as a limit."""


class AccessLogHop(_Hop, tag="access log"):
    """Envoy's access log: the first new entries, and how many more there were. It has no name."""

    counters: Counters
    entries: list[Entry]
    entries_left_out: int = 0
    envoy: str = ""

    @property
    def label(self) -> str:
        """Of several Envoys', the Envoy."""
        return self.envoy


class DestinationHop(_Hop, tag="destination"):
    """A destination by POD/CONTAINER: the first new entries of its log, and how many more there were."""

    counters: Counters
    entries: list[Arrival]
    entries_left_out: int = 0


CountingHop = RuleHop | ListenerHop | HttpHop | TcpHop | ClusterHop | FilterHop | AccessLogHop | DestinationHop
Hop = ClientHop | ControlPlaneHop | CountingHop


class Trace(list[str]):
    """The names of hops in order, which an assertion compares: "tcp AllowAll", "destination internet/website/nginx".

    `expected` is the trace that an assertion wanted instead, once it has failed.
    """

    expected: list[str] | None = None

    @classmethod
    def of(cls, hops: Sequence[Hop]) -> "Trace":
        """What caught the traffic, what of Envoy counted it, and who saw it."""
        return cls(str(each) for each in hops if _is_on_the_trace(each))


def _is_on_the_trace(hop: Hop) -> bool:
    """Whether the hop has a place in a trace: of what counted all but other rules, Envoy's log and filters."""
    match hop:
        case RuleHop():
            return hop.intercepts
        case ClientHop() | ControlPlaneHop() | AccessLogHop() | FilterHop():
            return False
        case _:
            return True


def text(hops: Sequence[Hop]) -> str:
    """The hops for people, a line each, and the entries below."""
    lines = []
    for each in hops:
        if isinstance(each, ClientHop):
            lines += [f"{each}: {it}" for it in each.dialled]
            continue
        if isinstance(each, ControlPlaneHop):
            lines.append(f"{each}: {'; '.join(map(str, each.delivered))}")
            continue
        counted = ", ".join(f"{name} {before} → {after}" for name, (before, after) in each.counters.items())
        lines.append(f"{each}: {counted}")
        if isinstance(each, AccessLogHop | DestinationHop):
            lines += [f"    {json.dumps(msgspec.to_builtins(it), ensure_ascii=False)}" for it in each.entries]
    return "\n".join(lines)
