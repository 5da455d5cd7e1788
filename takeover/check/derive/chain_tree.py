"""By a tree of matchers (`Listener.filter_chain_matcher`): which connection a chain takes, and which just not."""

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from takeover.check.derive.chain_match import Chain, Client
from takeover.check.derive.client_inputs import Inspected, asked_of_client
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.connections import near_tls
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.predicates import All
from takeover.check.trees import End, ends
from takeover.model.json import JsonObject

_NAME = "google.protobuf.StringValue"
_TRIES = 60


@dataclass(frozen=True)
class _Branch:
    """An end of the tree.

    Args:
        chain: the one that it names; None: there is none of that name.
        asked: what leads to it.
        unread: why that is not known; empty where it is.
    """

    chain: Chain | None
    asked: All[Client]
    unread: str

    def fits(self, client: Client) -> bool:
        """Whether the connection comes to it, if it comes to none before. Raises: UnsureError."""
        if self.unread:
            raise UnsureError(f"is not known: {self.unread}")
        try:
            return self.asked.fits(client)
        except CannotMakeError as error:  # Envoy's expressions have more than Python's
            raise UnsureError(f"is not known: {error}") from None


class ByTree:
    """By the tree. What the chains themselves match does not count then.

    Args:
        matcher: `xds.type.matcher.v3.Matcher`.
        seen: what the listener's filters tell of a connection.
    """

    def __init__(self, matcher: JsonObject, chains: Sequence[Chain], seen: Inspected) -> None:
        self._chains = chains
        named = {str(each.data.get("name", "")): each for each in chains if each.number is not None}
        self._branches = [_branch(each, named, seen) for each in ends(matcher)]
        self._default = next((each for each in chains if each.number is None), None)

    def taken(self, client: Client) -> Chain | None:
        """Who takes the connection. Raises: UnsureError."""
        branch = self._at(client)
        return self._default if branch is None else branch.chain

    def _at(self, client: Client) -> _Branch | None:
        return next((each for each in self._branches if each.fits(client)), None)

    def wanted(self, chain: Chain, client: Client, *, elsewhere: bool) -> Client:
        """The client, changed so that the chain takes it."""
        unread = next((each.unread for each in self._branches if each.chain is chain and each.unread), "")
        error: Exception = CannotMakeError(unread or "no end of the tree of matchers names it")
        for asked in self._leading_to(chain):
            try:
                return self._found(asked, client, elsewhere=elsewhere)
            except (CannotMakeError, UnsureError) as found:
                error = found
        raise error

    def _leading_to(self, chain: Chain) -> Iterator[All[Client]]:
        if chain is self._default:
            yield All(())
        for each in self._branches:
            if each.chain is chain and not each.unread:
                yield each.asked

    def _found(self, asked: All[Client], client: Client, *, elsewhere: bool) -> Client:
        """A client that has what is asked, and none of what is asked before it."""
        waiting, seen = deque([asked.made(client)]), set[Client]()
        for _ in range(_TRIES):
            if not waiting:
                break
            found = waiting.popleft()
            if found in seen:
                continue
            seen.add(found)
            if not elsewhere and (found.address, found.port) != (client.address, client.port):
                continue
            branch = self._at(found)
            if branch is None or branch.asked is asked:
                if branch is not None or not asked.parts:
                    return found
                continue
            waiting.extend(near for _, near in branch.asked.missed(found) if asked.fits(near))
        raise CannotMakeError("no connection was found that leads to it")

    def near(self, chain: Chain, base: Client) -> Iterator[tuple[str, Client]]:
        """By each other way to it, then without one of what is asked on its own."""
        seen, said = {base}, set[str]()
        with contextlib.suppress(UnsureError):
            own = self._at(base)
            for words, near in self._other_ways(chain, base, own):
                if near not in seen:
                    seen.add(near)
                    yield words, near
            for words, near in (*_missed(own, base), *near_tls(chain, base, self, several=len(self._chains) > 1)):
                if near not in seen and words not in said:
                    seen.add(near)
                    said.add(words)
                    yield words, near

    def _other_ways(self, chain: Chain, base: Client, own: _Branch | None) -> Iterator[tuple[str, Client]]:
        for asked in self._leading_to(chain):
            if own is not None and asked is own.asked:
                yield from ((f"by {words}", near) for words, near in asked.others(base) if self.taken(near) is chain)
            elif asked.parts:
                with contextlib.suppress(CannotMakeError, UnsureError):
                    yield f"by {asked.words}", self._found(asked, base, elsewhere=True)


def _missed(own: _Branch | None, base: Client) -> Iterator[tuple[str, Client]]:
    for each in () if own is None else own.asked.parts:
        with contextlib.suppress(CannotMakeError, UnsureError):
            yield from each.missed(base)


def _branch(end: End, named: dict[str, Chain], seen: Inspected) -> _Branch:
    try:
        if end.unread or end.message != _NAME:
            raise CannotMakeError(end.unread or f"an action that names no chain: {end.message}")
        chain = named.get(str(end.config.get("value", "")))
        return _Branch(chain, All(tuple(asked_of_client(each, seen) for each in end.asked)), "")
    except CannotMakeError as error:
        return _Branch(named.get(str(end.config.get("value", ""))), All(()), str(error))
