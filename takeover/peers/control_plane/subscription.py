"""What a stream has subscribed to of one type, what it was sent, and what it must be sent next."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from takeover.peers.control_plane.discovery import VHDS, is_whole
from takeover.peers.control_plane.held import Held
from takeover.peers.control_plane.resources import Resource
from takeover.peers.control_plane.snapshots import TypeState

WILDCARD = "*"
_MOST_OPEN = 1000
"""Responses of a stream that may wait for their ACK before the oldest are forgotten."""


@dataclass
class Answer:
    """A response before it is written.

    Args:
        url: of the type.
        version: of the type.
        resources: likewise.
        removed: names; of delta alone.
        nonce: "" until it is sent.
        is_heartbeat: it only says that resources with a time to live go on to live.
    """

    url: str
    version: str
    resources: list[Resource]
    removed: list[str] = field(default_factory=list)
    nonce: str = ""
    is_heartbeat: bool = False


class Subscription(ABC):
    """One type on one stream.

    Args:
        url: of the type.
        held: what the same node ACKed on any stream.
    """

    def __init__(self, url: str, held: Held) -> None:
        self.url = url
        self.names: set[str] = set()
        self.is_wildcard = False
        self.accepted_version = ""
        self.sent_version = ""
        self.last_nonce = ""
        self.error = ""
        """Of the NACK of what was sent last."""
        self._held = held
        self._asked: set[str] = set()
        self._must_answer = False
        self._is_first = True
        self._sent: dict[str, object] = {}
        self._sent_resources: dict[str, Resource] = {}
        self._open: dict[str, tuple[str, dict[str, object]]] = {}
        self._sent_at = 0.0

    def settle(self, nonce: str, error: str | None) -> str:
        """Takes what a request says of a nonce.

        Returns: "ack", "nack", or "request" where the nonce is none that waits for its answer.
        """
        if nonce not in self._open:
            return "request"
        version, content = self._open[nonce]
        for each in list(self._open):  # what was sent before it gets no answer any more
            del self._open[each]
            if each == nonce:
                break
        if error is not None:
            self.error = error
            return "nack"
        self.error = ""
        self.accepted_version = version
        self._held.acked(content, is_whole=self._is_told_whole)
        return "ack"

    @property
    def _is_told_whole(self) -> bool:
        """Whether a response has all that there is."""
        return False

    def version_of(self, nonce: str) -> str:
        """The version that was sent with the nonce, as long as nobody has answered it."""
        return self._open[nonce][0] if nonce in self._open else ""

    @property
    def is_subscribed(self) -> bool:
        return self.is_wildcard or bool(self.names)

    @property
    def is_waiting(self) -> bool:
        """Whether a response has neither been ACKed nor NACKed."""
        return bool(self._open)

    def waits_since(self) -> float:
        """The seconds since something was sent."""
        return time.monotonic() - self._sent_at

    @property
    def is_asked(self) -> bool:
        """Whether the client itself has asked for something that it was not sent since."""
        return self._must_answer or bool(self._asked)

    def told(self, answer: Answer, nonce: str) -> None:
        """Takes into account what was sent."""
        if answer.is_heartbeat:
            self._sent_with(nonce, answer.version, dict(self._sent))
            return
        content: dict[str, object] = {each.name: each.content for each in answer.resources if not each.is_absent}
        self._take_into_account(answer.removed, content)
        self._sent_resources |= {each.name: each for each in answer.resources if not each.is_absent}
        self._sent_resources = {name: each for name, each in self._sent_resources.items() if name in self._sent}
        self._asked.clear()
        self._must_answer = False
        self.sent_version = answer.version
        self.error = ""  # nobody has said anything of this one yet
        self._sent_with(nonce, answer.version, content)

    def _sent_with(self, nonce: str, version: str, content: dict[str, object]) -> None:
        self._sent_at = time.monotonic()
        self.last_nonce = nonce or self.last_nonce
        if nonce:
            self._open[nonce] = (version, content)
            if len(self._open) > _MOST_OPEN:
                del self._open[next(iter(self._open))]

    def found_nothing(self) -> None:
        """There is nothing of what was asked for: it is sent as any change when it comes."""
        self._asked.clear()
        self._must_answer = False

    def ask_again(self) -> None:
        """Has everything sent once more."""
        self._must_answer = True
        self._sent.clear()

    def wants(self, resource: Resource) -> bool:
        """Whether it is subscribed to. What has other names is on demand: only who names it gets it.

        Likewise what has a URL for a name: who asks for all without naming any gets none of those.
        """
        if not self.names.isdisjoint(resource.names):
            return True
        return self.is_wildcard and not resource.aliases and not resource.is_of_url

    def _wanted(self, state: TypeState, kept: Mapping[str, Resource]) -> dict[str, Resource]:
        return {name: each for name, each in {**kept, **state.resources}.items() if self.wants(each)}

    def heartbeat(self) -> Answer | None:
        """What was sent with a time to live, again; None if nothing was."""
        living = [self._living(each) for each in self._sent_resources.values() if each.ttl is not None]
        return Answer(self.url, self.sent_version, living, is_heartbeat=True) if living else None

    def removed(self, state: TypeState) -> dict[str, Resource]:
        """What was sent and is there no more."""
        return {name: each for name, each in self._sent_resources.items() if name not in state.resources}

    def _living(self, resource: Resource) -> Resource:
        """What says that one lives. By state of the world, Envoy 1.40 lets expire what comes without its body."""
        return resource

    @abstractmethod
    def due(self, state: TypeState, kept: Mapping[str, Resource]) -> Answer | None:
        """What must be sent now.

        Args:
            state: the resources of the type.
            kept: those that are no longer there, but not yet to be removed.
        """

    @abstractmethod
    def _take_into_account(self, removed: Iterable[str], content: Mapping[str, object]) -> None: ...


class StateOfTheWorld(Subscription):
    """A type whose responses have all resources that are subscribed to."""

    def take(self, names: Iterable[str], event: str, version: str, is_stale: bool, state: TypeState) -> None:
        """Takes a request.

        Args:
            names: its resource_names.
            event: what `settle` says.
            version: its version_info.
            is_stale: it answers a response that is not the last one.
            state: the resources of the type.
        """
        if is_stale:
            return
        now = set(names)
        before, is_first = self.names, self._is_first
        self._is_first = False
        if WILDCARD in now:
            self.is_wildcard = True
        elif is_first or before or now:
            self.is_wildcard = is_first and not now and is_whole(self.url)
        self.names = now - {WILDCARD}
        if is_first and version and version == state.version and self._is_held(state):
            self._sent = {name: each.content for name, each in self._wanted(state, {}).items()}
        elif event == "request":
            if is_first or not now < before:
                self._asked = set(self.names)
                self._must_answer = is_whole(self.url) and self.is_subscribed
        else:
            self._asked |= self.names - before

    @property
    def _is_told_whole(self) -> bool:
        return is_whole(self.url)

    def _is_held(self, state: TypeState) -> bool:
        wanted = {name: each.content for name, each in self._wanted(state, {}).items()}
        return self._held.has_just(wanted) if self._is_told_whole else self._held.has(wanted)

    def due(self, state: TypeState, kept: Mapping[str, Resource]) -> Answer | None:
        wanted = self._wanted(state, kept)
        content = {name: each.content for name, each in wanted.items()}
        if is_whole(self.url):
            is_due = self._must_answer or (self.is_subscribed and content != self._sent)
        else:
            is_new = any(self._sent.get(name) != each for name, each in content.items())
            is_due = is_new or (bool(wanted) and (self._must_answer or not self._asked.isdisjoint(wanted)))
        return Answer(self.url, state.version, list(wanted.values())) if is_due else None

    def _take_into_account(self, removed: Iterable[str], content: Mapping[str, object]) -> None:  # noqa: ARG002
        self._sent = dict(content)


class Delta(Subscription):
    """A type whose responses have what has changed."""

    def take(
        self, subscribe: Iterable[str], unsubscribe: Iterable[str], initial: Mapping[str, str], state: TypeState
    ) -> None:
        """Takes a request.

        Args:
            subscribe: its resource_names_subscribe.
            unsubscribe: its resource_names_unsubscribe.
            initial: its initial_resource_versions.
            state: the resources of the type.
        """
        new = set(subscribe)
        if self._is_first:
            self._is_first = False
            self.is_wildcard = not new and (is_whole(self.url) or self.url == VHDS.url)
            self._must_answer = self.is_wildcard and not initial
            for name, version in initial.items():
                now = state.resources.get(name)
                is_known = now is not None and now.version == version and self._held.has({name: now.content})
                self._sent[name] = now.content if now is not None and is_known else None
                if is_known:
                    new.discard(name)
                    self.names.add(name)
        if WILDCARD in new:
            self._must_answer = self._must_answer or not self.is_wildcard
            self.is_wildcard = True
        self.names |= new - {WILDCARD}
        self._asked |= new - {WILDCARD}
        for name in unsubscribe:
            if name == WILDCARD:
                self.is_wildcard = False
            self.names.discard(name)
            self._asked.discard(name)
            if self.is_wildcard:
                self._asked.add(name)
            else:
                self._sent = {each: content for each, content in self._sent.items() if not self._is_of(each, name)}

    def _is_of(self, name: str, asked: str) -> bool:
        """Whether what was sent under a name is what was asked for by another one, or of that collection."""
        sent = self._sent_resources.get(name)
        return name == asked or (sent is not None and sent.is_of_url and asked in sent.names)

    def due(self, state: TypeState, kept: Mapping[str, Resource]) -> Answer | None:
        wanted = self._wanted(state, kept)
        changed = [
            each for name, each in wanted.items() if self._sent.get(name) != each.content or self._asked & each.names
        ]
        found = {name for each in wanted.values() for name in each.names}
        missing = self._asked - found
        removed = [name for name in self._sent if name not in wanted]
        if self.url == VHDS.url:  # who waits for a virtual host is told that there is none by its name without one
            absent = sorted(each for each in missing if "/" in each)
            changed += [Resource(self.url, each, b"", aliases=(each,), is_absent=True) for each in absent]
            is_due = self._must_answer or bool(missing)
        else:
            removed += sorted(missing - {*removed})
            is_due = self._must_answer
        return Answer(self.url, state.version, changed, removed) if changed or removed or is_due else None

    def _take_into_account(self, removed: Iterable[str], content: Mapping[str, object]) -> None:
        for name in removed:
            self._sent.pop(name, None)
        self._sent |= content

    def _living(self, resource: Resource) -> Resource:
        return replace(resource, is_absent=True)
