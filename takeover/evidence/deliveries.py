"""What control planes had delivered to Envoys when the traffic of a block ran: the versions and nonces in force."""

from collections.abc import Callable, Mapping

from takeover.evidence.control_plane_record import XdsEntry, accepted
from takeover.model.trace import ControlPlaneHop, Delivered

Read = Callable[[int], list[XdsEntry]]
"""Reads the entries of a record after that number. Raises: httpx.HTTPError, OSError."""


class Deliveries:
    """Reads the records of a scene's control planes around blocks. What one does not tell is not told of it.

    Args:
        read: POD/CONTAINER of a control plane → how its record is read.
        nodes: node id → Envoy, as POD/CONTAINER; "" where there is one alone.
    """

    def __init__(self, read: Mapping[str, Read], nodes: Mapping[str, str]) -> None:
        self._read = read
        self._nodes = nodes
        self._known: dict[str, list[XdsEntry]] = {name: [] for name in read}
        self._begun: dict[str, int] = {}

    def begin(self) -> None:
        """A block begins: what was taken until now is in force."""
        self._begun = {name: self._last(name) for name in self._read if self._is_told(name)}

    def end(self) -> list[ControlPlaneHop]:
        """What was in force in the block, for each Envoy, also what was taken while it ran."""
        found = []
        for name, begun in self._begun.items():
            if not self._is_told(name):
                continue
            known = self._known[name]
            for node, envoy in self._nodes.items():
                before, within = dict[str, Delivered](), list[Delivered]()
                for ack, response in accepted(known, node):
                    if ack.number <= begun:
                        before[ack.kind] = Delivered(ack.kind, response.version, response.nonce)
                    else:
                        within.append(Delivered(ack.kind, response.version, response.nonce, within=True))
                if before or within:
                    found.append(ControlPlaneHop(name, [*before.values(), *within], envoy))
        return found

    def _is_told(self, name: str) -> bool:
        """Reads what is new."""
        import httpx

        known = self._known[name]
        try:
            known += self._read[name](self._last(name))
        except (httpx.HTTPError, OSError):
            return False
        return True

    def _last(self, name: str) -> int:
        """The number of the last entry that was read."""
        known = self._known[name]
        return known[-1].number if known else 0
