"""The control plane itself: who is connected, what each must be sent, and in which order."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from takeover.peers.control_plane import behaviour
from takeover.peers.control_plane.behaviour import Behaviour, misbehave
from takeover.peers.control_plane.discovery import CDS, EDS, Method, short_name
from takeover.peers.control_plane.held import Held
from takeover.peers.control_plane.record import Record
from takeover.peers.control_plane.resources import Resource
from takeover.peers.control_plane.snapshots import Snapshot, Snapshots, TypeState
from takeover.peers.control_plane.streams import End, Stream, new_nonce
from takeover.peers.control_plane.subscription import Answer, Subscription

_ACK_PATIENCE = 1.0
"""Seconds for which what comes later in the order waits for the ACK of what came before."""
_SUBSCRIPTION_PATIENCE = 0.3
"""Seconds for which it waits until the endpoints of a new cluster are asked for."""
_SILENCE = 0.05
"""Seconds without a message after which nobody is about to say something."""
_ADDING = "-adding"
"""Ends the version of clusters that still has those which the next snapshot lacks."""


class ControlPlane:
    """All in one event loop.

    Args:
        snapshots: what is to be sent.
        record: of all that happens.
    """

    def __init__(self, snapshots: Snapshots, record: Record) -> None:
        self.snapshots = snapshots
        self.record = record
        self._behaviour = Behaviour()
        self._streams: list[Stream] = []
        self._count = 0
        self._held: defaultdict[tuple[str, str], Held] = defaultdict(Held)
        self._timer: asyncio.TimerHandle | None = None

    def behave(self, wanted: Behaviour) -> None:
        """Takes another behaviour in the place of the one it has."""
        self._behaviour = wanted
        self.update()

    def published(self, snapshot: Snapshot, node: str, source: str) -> None:
        """Sends what a new snapshot changes."""
        self.record.add("published", version=snapshot.version, node=node, source=source)
        self.update()

    async def serve(self, method: Method, context: Any) -> None:
        """Serves one stream, until the client or we end it."""
        self._count += 1
        stream = Stream(self._count, method, self.record)
        self._streams.append(stream)
        stream.note("opened", peer=context.peer())
        reading = asyncio.ensure_future(self._read(stream, context))
        status = "CANCELLED"
        try:
            await stream.write(context)
            status = "OK"
        except grpc.aio.AbortError:
            status = str(context.code().name)
            raise
        finally:
            reading.cancel()
            self._streams.remove(stream)
            stream.note("closed", error=status)
            self.update()

    async def _read(self, stream: Stream, context: Any) -> None:
        while (data := await context.read()) is not grpc.aio.EOF:
            try:
                stream.take(data, self.snapshots.of, lambda node, url: self._held[node, url])
            except DecodeError as error:
                stream.end(End("INVALID_ARGUMENT", str(error)))
                return
            self.update()
        stream.end(End("OK"))

    def end_streams(self, end: End) -> int:
        """Ends all streams; returns how many there were."""
        for each in self._streams:
            each.end(end)
        return len(self._streams)

    async def wait_until_back(self, count: int, seconds: float) -> bool:
        """Waits until as many streams as that were opened anew; returns whether they were."""
        loop = asyncio.get_running_loop()
        until, before = loop.time() + seconds, self._count
        while self._count < before + count and (left := until - loop.time()) > 0:
            await self.record.wait_for_more(left)
        return self._count >= before + count

    def resend(self, urls: Iterable[str], node: str) -> None:
        """Sends everything again that was subscribed to of those types (all, if none is named)."""
        urls = set(urls)
        for stream in self._streams:
            for url, each in stream.subscriptions.items():
                if (url in urls or not urls) and node in ("", stream.node):
                    each.ask_again()
        self.update()

    def heartbeat(self, node: str) -> int:
        """Lets what has a time to live go on to live; returns how many responses say so."""
        count = 0
        for stream in self._streams:
            for each in stream.subscriptions.values() if node in ("", stream.node) else ():
                if (answer := each.heartbeat()) is not None:
                    answer.nonce = new_nonce()
                    stream.send(each, answer, answer, "heartbeat")
                    count += 1
        return count

    def clients(self) -> list[dict[str, object]]:
        """What each stream has of each type, for people and programs."""
        return [
            {
                "node": stream.node,
                "stream": stream.number,
                "method": stream.method.label,
                "types": {short_name(url): self._told(stream, each) for url, each in stream.subscriptions.items()},
            }
            for stream in self._streams
        ]

    def _told(self, stream: Stream, each: Subscription) -> dict[str, object]:
        return {
            "names": ["*"] * each.is_wildcard + sorted(each.names),
            "sent": each.sent_version,
            "accepted": each.accepted_version,
            "error": each.error,
            "is_settled": not self._is_unsettled(stream, each),
        }

    def acknowledged(self, version: str, node: str = "") -> tuple[bool, str]:
        """Whether that snapshot is wholly in force.

        Args:
            version: the snapshot's.
            node: who must have ACKed it; any that is here, if it is empty.

        Returns: whether all that it changed is ACKed, and if not, why it is not; an empty reason may change by itself.
        """
        here = [each for each in self._streams if each.node and node in ("", each.node)]
        nodes = {each.node for each in here}
        if not any(each.subscriptions for each in here):
            return False, ""
        for of in nodes:
            if (found := self.snapshots.of(of).version) != version:
                return False, f"{version} is not in force for {of}: {found} is"
        every = [(stream, each) for stream in here for each in stream.subscriptions.values()]
        for stream, each in every:
            if self._state(stream, each.url).version == version == each.sent_version and each.error:
                return False, f"{stream.node} NACKed {short_name(each.url)} {version}: {each.error}"
        return not any(self._is_open(stream, each, here, version) for stream, each in every), ""

    async def wait_until_acknowledged(self, version: str, node: str, seconds: float) -> tuple[bool, str]:
        """Waits until `acknowledged`, or a reason why not that does not change by itself, or the seconds are over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            is_so, why_not = self.acknowledged(version, node)
            left = until - loop.time()
            if is_so or why_not or left <= 0:
                return is_so, why_not
            await self.record.wait_for_more(min(left, _SUBSCRIPTION_PATIENCE / 2))

    async def wait_until_silent(self, seconds: float) -> None:
        """Waits until all that was sent is ACKed or NACKed and nobody says anything more, or the seconds are over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            before = self.record.count
            is_settled = not any(self._is_unsettled(*each) for each in self._subscriptions(self._streams))
            await self.record.wait_for_more(min(left, _SILENCE))
            if is_settled and self.record.count == before:
                return

    def _is_open(self, stream: Stream, each: Subscription, streams: Iterable[Stream], version: str) -> bool:
        is_sent = self._state(stream, each.url).version == version == each.sent_version
        return (
            self._is_unsettled(stream, each)
            or (each.url == CDS.url and self._lacks_endpoints(stream, streams))
            or (is_sent and each.accepted_version != version)
        )

    def _state(self, stream: Stream, url: str) -> TypeState:
        return self.snapshots.of(stream.node).of_type(url)

    def _is_unsettled(self, stream: Stream, each: Subscription) -> bool:
        return each.is_waiting or each.due(self._state(stream, each.url), {}) is not None

    def update(self) -> None:
        """Sends what is due and whose turn it is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        by_node: dict[str, list[Stream]] = {}
        for stream in self._streams:
            by_node.setdefault(stream.node or f"stream {stream.number}", []).append(stream)
        for streams in by_node.values():
            self._answer(streams)
            self._send_changes(streams)

    def _answer(self, streams: Iterable[Stream]) -> None:
        """What was asked for is sent at once, in no order."""
        for stream, each in self._subscriptions(streams):
            if each.is_asked:
                kept = self._kept(stream, each, streams)
                answer = each.due(self._state(stream, each.url), kept)
                if answer is None:
                    each.found_nothing()
                else:
                    self._send(stream, each, answer, kept)

    def _send_changes(self, streams: list[Stream]) -> None:
        """What has changed is sent type by type."""
        known = self._behaviour.types()
        others = {url for stream in streams for url in stream.subscriptions if url not in known}
        for url in (*known, *sorted(others)):
            of_type = [(stream, each) for stream, each in self._subscriptions(streams) if each.url == url]
            for stream, each in of_type:
                kept = self._kept(stream, each, streams)
                answer = each.due(self._state(stream, url), kept)
                if answer is not None:
                    self._send(stream, each, answer, kept)
            if self._behaviour.waits and any(self._must_wait(stream, each, streams) for stream, each in of_type):
                return

    def _subscriptions(self, streams: Iterable[Stream]) -> Iterator[tuple[Stream, Subscription]]:
        """Those of which anything may be sent."""
        for stream in streams:
            for url, each in stream.subscriptions.items():
                if url not in self._behaviour.hold:
                    yield stream, each

    def _must_wait(self, stream: Stream, each: Subscription, streams: Iterable[Stream]) -> bool:
        if each.is_waiting:
            return self._is_left(_ACK_PATIENCE - each.waits_since())
        if each.url == CDS.url and self._lacks_endpoints(stream, streams):
            return self._is_left(_SUBSCRIPTION_PATIENCE - each.waits_since())
        return False

    def _is_left(self, seconds: float) -> bool:
        """Whether there is time left; all is looked at again when there is not."""
        if seconds > 0 and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.update)
        return seconds > 0

    def _lacks_endpoints(self, stream: Stream, streams: Iterable[Stream]) -> bool:
        """Whether a cluster was sent whose endpoints the Envoy has not asked for yet."""
        clusters = stream.subscriptions.get(CDS.url)
        if clusters is None or clusters.error or EDS.url in self._behaviour.hold:
            return False
        needed = {name for each in self._state(stream, CDS.url).resources.values() for name in each.needs}
        asked = {name for each in streams for name in (each.subscriptions.get(EDS.url) or clusters).names}
        return not needed <= asked and clusters.waits_since() < _SUBSCRIPTION_PATIENCE

    def _kept(self, stream: Stream, each: Subscription, streams: Iterable[Stream]) -> Mapping[str, Resource]:
        """The clusters that are removed only after all else has been taken: somebody may still use them."""
        if each.url != CDS.url or self._behaviour.order is not None:
            return {}
        removed = each.removed(self._state(stream, each.url))
        if not removed:
            return {}
        others = [(of, other) for of, other in self._subscriptions(streams) if other.url != CDS.url]
        return removed if any(self._holds_up(of, other) for of, other in others) else {}

    def _holds_up(self, stream: Stream, each: Subscription) -> bool:
        """Whether something is to be sent or ACKed; who never answers holds up nothing for ever."""
        if each.is_waiting:
            return self._is_left(_ACK_PATIENCE - each.waits_since())
        return each.due(self._state(stream, each.url), {}) is not None

    def _send(self, stream: Stream, each: Subscription, answer: Answer, kept: Mapping[str, Resource]) -> None:
        if kept:
            answer.version += _ADDING
        answer.nonce = new_nonce()
        rule = self._behaviour.rule(each.url, stream.node)
        if rule is None:
            stream.send(each, answer, answer)
        elif rule.does in (behaviour.NO_ANSWER, behaviour.GARBAGE, behaviour.END):
            stream.note("told", type=each.url, version=answer.version, does=rule.does)
            each.told(answer, "")
            if rule.does == behaviour.GARBAGE:
                stream.send_raw(b"\xff" * 16)
            elif rule.does == behaviour.END:
                stream.end(End(rule.status, "ended as a rule says"))
        else:
            everything = self._state(stream, each.url).resources.values()
            stream.send(each, answer, misbehave(answer, rule, each.last_nonce, everything), rule.does)
