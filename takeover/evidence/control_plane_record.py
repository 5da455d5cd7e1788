"""What a control plane has recorded of its streams: requests, ACKs, NACKs, responses and publications."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from takeover.peers.control_plane.discovery import short_name


class XdsEntry(msgspec.Struct):
    """One thing that happened.

    Args:
        number: from 1, without gaps.
        time: in seconds, on the monotonic clock of the control plane's machine.
        event: "opened", "request", "ack", "nack", "response", "closed", "published" or "told".
        stream: its number, from 1; 0 for what belongs to none.
        method: "ads", "delta-ads", "cds", "delta-cds" ….
        node: the Envoy's id.
        has_node: whether the request itself named the node; None for what is no request.
        type: URL.
        version: of the type; of an ACK or NACK by state of the world, the last one that was accepted.
        nonce: likewise.
        names: subscribed to, or sent.
        removed: names; of a response by delta.
        unsubscribed: names; of a request by delta.
        initial_versions: name → version; of the first request by delta.
        is_stale: whether a request names a nonce that is not the last one.
        error: of a NACK, or the status at a stream's end, or what was told.
        does: the rule after which a response is wrong.
        source: of a publication: "folder" or "api".
        peer: who opened the stream.
    """

    number: int
    time: float
    event: str
    stream: int = 0
    method: str = ""
    node: str = ""
    has_node: bool | None = None
    type: str = ""
    version: str = ""
    nonce: str = ""
    names: list[str] = []
    removed: list[str] = []
    unsubscribed: list[str] = []
    initial_versions: dict[str, str] = {}
    is_stale: bool = False
    error: str = ""
    does: str = ""
    source: str = ""
    peer: str = ""

    @property
    def kind(self) -> str:
        """The type by its short name: "cds" …; empty if there is none."""
        return short_name(self.type)

    def __str__(self) -> str:
        facts: dict[str, Any] = {
            "": self.kind,
            "version": self.version,
            "nonce": self.nonce,
            "names": ", ".join(self.names),
            "removed": ", ".join(self.removed),
            "unsubscribed": ", ".join(self.unsubscribed),
            "initial": ", ".join(f"{name}={version}" for name, version in self.initial_versions.items()),
            "does": self.does,
            "error": self.error,
            "by": self.source,
        }
        where = f"{self.node or '?'} stream {self.stream} {self.method}" if self.stream else self.node
        told = " ".join(f"{name} {value}".strip() for name, value in facts.items() if value)
        return " ".join(each for each in (f"{self.time:.3f}", f"#{self.number}", where, self.event, told) if each)


class _Record(msgspec.Struct):
    entries: list[XdsEntry]


def read_record(answer: bytes) -> list[XdsEntry]:
    """What `GET /record` answers."""
    return msgspec.json.decode(answer, type=_Record).entries


def accepted(entries: Iterable[XdsEntry], node: str) -> Iterator[tuple[XdsEntry, XdsEntry]]:
    """Each ACK of the Envoy of that id, and the response that it is of."""
    sent: dict[str, XdsEntry] = {}
    for each in entries:
        if each.node != node:
            continue
        if each.event == "response":
            sent[each.nonce] = each
        elif each.event == "ack" and each.nonce in sent:
            yield each, sent[each.nonce]


def asked_for(entries: Iterable[XdsEntry], after: int) -> list[str]:
    """Names that an Envoy asked for, in the order of the record; each as often as it did.

    By state of the world a request names all that is wanted. One that only names less lets go of something, which an
    Envoy does when the last connection of a listener is gone, whenever that is: it asks for nothing. One that names
    what was wanted before asks for all of it again.

    Args:
        entries: of the record from its start, of one Envoy and one type.
        after: the number of the last entry whose request does not count.
    """
    wanted: dict[int, set[str]] = {}
    asked: list[str] = []
    for each in entries:
        if each.event not in ("request", "ack", "nack"):
            continue
        names, before = set(each.names), wanted.get(each.stream, set())
        if each.event == "request" and each.number > after and not names < before:
            asked += sorted(names - before or names)
        # By delta it names what is new alone.
        wanted[each.stream] = set() if each.method.startswith("delta") else names
    return asked


def in_force(entries: Iterable[XdsEntry], node: str, at: float) -> dict[str, XdsEntry]:
    """The last response of each type that the Envoy had ACKed by then: its version and nonce are in force.

    Args:
        entries: of the record.
        node: the Envoy's id.
        at: seconds on the clock of the record.

    Returns: short name of the type → response.
    """
    return {ack.kind: response for ack, response in accepted(entries, node) if ack.time <= at}
