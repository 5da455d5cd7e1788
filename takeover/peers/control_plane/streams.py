"""A gRPC stream: what comes in, what goes out, and its subscriptions."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from envoy.service.discovery.v3 import discovery_pb2

from takeover.peers.control_plane.discovery import Method
from takeover.peers.control_plane.held import Held
from takeover.peers.control_plane.record import Record
from takeover.peers.control_plane.resources import pack, wrapped
from takeover.peers.control_plane.snapshots import Snapshot
from takeover.peers.control_plane.subscription import Answer, Delta, StateOfTheWorld, Subscription

SnapshotOf = Callable[[str], Snapshot]
"""What a node gets."""
HeldOf = Callable[[str, str], Held]
"""What a node has ACKed of a type."""

_NONCES = itertools.count(1)


def new_nonce() -> str:
    """One that this process has not had."""
    return f"n{next(_NONCES)}"


@dataclass(frozen=True)
class End:
    """The end of a stream, with a gRPC status."""

    status: str = "UNAVAILABLE"
    details: str = ""


class Stream:
    """One stream that an Envoy opened.

    Args:
        number: of all streams, from 1.
        method: that was called.
        record: of all that happens.
    """

    def __init__(self, number: int, method: Method, record: Record) -> None:
        self.number = number
        self.method = method
        self.node = ""
        self.subscriptions: dict[str, Subscription] = {}
        self._record = record
        self._outgoing: asyncio.Queue[bytes | End] = asyncio.Queue()

    def note(self, event: str, **facts: object) -> None:
        """Records what happens on it."""
        self._record.add(event, stream=self.number, method=self.method.label, node=self.node, **facts)

    def take(self, data: bytes, snapshot: SnapshotOf, held: HeldOf) -> None:
        """Takes a request.

        Args:
            data: its bytes.
            snapshot: what a node gets.
            held: what a node's type has ACKed.

        Raises: google.protobuf.message.DecodeError.
        """
        take = self._take_delta if self.method.is_delta else self._take_whole
        take(data, snapshot, held)

    def _take_whole(self, data: bytes, snapshot: SnapshotOf, held: HeldOf) -> None:
        request = discovery_pb2.DiscoveryRequest.FromString(data)
        known, facts = self._begun(request, held)
        assert isinstance(known, StateOfTheWorld)
        nonce = request.response_nonce
        is_stale = nonce not in ("", known.last_nonce) and bool(known.last_nonce)
        error = request.error_detail.message if request.HasField("error_detail") else None
        event = known.settle(nonce, error)
        names = list(request.resource_names)
        self.note(event, version=request.version_info, names=names, error=error, is_stale=is_stale or None, **facts)
        state = snapshot(self.node).of_type(known.url)
        known.take(names, event, request.version_info, is_stale, state)

    def _take_delta(self, data: bytes, snapshot: SnapshotOf, held: HeldOf) -> None:
        request = discovery_pb2.DeltaDiscoveryRequest.FromString(data)
        known, facts = self._begun(request, held)
        assert isinstance(known, Delta)
        error = request.error_detail.message if request.HasField("error_detail") else None
        version = known.version_of(request.response_nonce)
        event = known.settle(request.response_nonce, error)
        names, left = list(request.resource_names_subscribe), list(request.resource_names_unsubscribe)
        initial = dict(request.initial_resource_versions)
        told = {"names": names, "unsubscribed": left or None, "initial_versions": initial or None, "error": error}
        self.note(event, version=version, **told, **facts)
        known.take(names, left, initial, snapshot(self.node).of_type(known.url))

    def _begun(self, request: Any, held: HeldOf) -> tuple[Subscription, dict[str, object]]:
        """The request's subscription, and what the record has of every request."""
        has_node = request.HasField("node")
        if has_node and request.node.id:
            self.node = request.node.id
        url = request.type_url or self.method.url
        if url not in self.subscriptions:
            made = Delta if self.method.is_delta else StateOfTheWorld
            self.subscriptions[url] = made(url, held(self.node or f"stream {self.number}", url))
        return self.subscriptions[url], {"has_node": has_node, "type": url, "nonce": request.response_nonce}

    def send(self, subscription: Subscription, answer: Answer, wire: Answer, does: str = "") -> None:
        """Sends a response.

        Args:
            subscription: whose it is.
            answer: what is right.
            wire: what is sent.
            does: what rule made the difference.
        """
        facts = {"type": wire.url, "version": wire.version, "nonce": wire.nonce, "does": does}
        names = [each.name for each in wire.resources]
        self.note("response", names=names, removed=wire.removed or None, **facts)
        subscription.told(answer, wire.nonce)
        self._outgoing.put_nowait(self._delta(wire) if self.method.is_delta else self._whole(wire))

    def send_raw(self, data: bytes) -> None:
        """Sends bytes as a message."""
        self._outgoing.put_nowait(data)

    def end(self, end: End) -> None:
        """Ends it after what was sent before."""
        self._outgoing.put_nowait(end)

    def _whole(self, answer: Answer) -> bytes:
        made = discovery_pb2.DiscoveryResponse(version_info=answer.version, type_url=answer.url, nonce=answer.nonce)
        pack(answer.resources, made)
        return bytes(made.SerializeToString())

    def _delta(self, answer: Answer) -> bytes:
        made = discovery_pb2.DeltaDiscoveryResponse(
            system_version_info=answer.version, type_url=answer.url, nonce=answer.nonce
        )
        made.resources.extend(wrapped(each) for each in answer.resources)
        made.removed_resources.extend(answer.removed)
        return bytes(made.SerializeToString())

    async def write(self, context: Any) -> None:
        """Writes what is sent, until the stream ends. Raises: grpc.aio.AbortError at an end with a status."""
        while True:
            item = await self._outgoing.get()
            if isinstance(item, bytes):
                await context.write(item)
            elif item.status == "OK":
                return
            else:
                await context.abort(getattr(grpc.StatusCode, item.status), item.details)
