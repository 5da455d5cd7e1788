"""By their own matches: which connection a filter chain takes, and those that it just does not."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

from takeover.check.derive.chain_match import Chain, Client, taken_by
from takeover.check.derive.nets import OUTSIDE, Nets
from takeover.check.derive.origin import may_meet
from takeover.check.networks import reached_in

_SUFFIXES = {"http/1.1": "http1", "http/1.0": "http1", "h2": "http2", "h2c": "http2"}
NO_ALPN: Final = ("",)
"""None is offered, whatever is spoken."""
_DIRECT: Final = "direct_source_prefix_ranges"
_SOURCES: Final = ((_DIRECT, "direct source address"), ("source_prefix_ranges", "source address"))
_FROM_WHERE: Final = {"source_type", *(key for key, _ in _SOURCES)}
SOURCE: Final = "192.0.2.7"
"""From where a PROXY header says that a connection comes, if nothing asks for another one."""


class Choice(Protocol):
    """How a listener chooses a chain."""

    def taken(self, client: Client) -> Chain | None:
        """Who takes the connection. Raises: UnsureError."""

    def wanted(self, chain: Chain, client: Client, *, elsewhere: bool) -> Client:
        """The client, changed so that the chain takes it.

        Args:
            elsewhere: whether it may dial the address and port for which the chain asks.

        Raises: CannotMakeError, UnsureError.
        """

    def near(self, chain: Chain, base: Client) -> Iterator[tuple[str, Client]]:
        """Connections that the chain just does not take, or for another reason. Args: base: one that it takes."""


class ByMatch:
    """By the matches of the chains.

    Args:
        inspects_http: whether a listener filter looks which HTTP is spoken.
    """

    def __init__(self, chains: Sequence[Chain], *, inspects_http: bool) -> None:
        self._chains, self._inspects_http = chains, inspects_http
        self._asks_from_where = any(_FROM_WHERE & each.match.keys() for each in chains)

    def taken(self, client: Client) -> Chain | None:
        """Who takes the connection."""
        return taken_by(self._chains, client)

    def wanted(self, chain: Chain, client: Client, *, elsewhere: bool) -> Client:
        """The client, changed so that the chain takes it."""
        match = chain.match
        if match.get("transport_protocol") == "tls":
            client = replace(client, is_tls=True)
        names = [str(each) for each in match.get("server_names", ())]
        if names:
            client = replace(client, name=next(iter(_names(names[0]))), is_tls=True)
        if protocols := match.get("application_protocols"):
            client = replace(client, alpn=(_first(protocols, chain),))
        if match.get("transport_protocol") == "raw_buffer":
            client = replace(client, is_tls=False)
        if elsewhere and (port := match.get("destination_port")) is not None:
            client = replace(client, port=int(port))
        if elsewhere and (address := reached_in(match.get("prefix_ranges"), client.address)) is not None:
            client = replace(client, address=address)
        client = self._from_where(chain, client)
        return self._for_default(client) if chain.number is None else client

    def _from_where(self, chain: Chain, client: Client) -> Client:
        """From an address for which the chain asks."""
        match = chain.match
        if (direct := reached_in(match.get(_DIRECT), client.peer)) not in (None, client.peer):
            client = replace(client, direct=direct)
        if (source := reached_in(match.get("source_prefix_ranges"), client.remote)) not in (None, client.remote):
            client = client.from_remote(source)
        if not self._asks_from_where:
            return client
        # Where that is still another chain's: from elsewhere, or from where it goes.
        others = (client.from_remote(each) for each in (SOURCE, OUTSIDE[0], client.address))
        return next((each for each in (client, *others) if self.taken(each) is chain), client)

    def _for_default(self, client: Client) -> Client:
        """One that no other chain takes."""
        plain = client
        if self._inspects_http and not client.is_tls and not client.alpn:
            plain = replace(client, alpn=("http/1.1",))  # as which it is taken for
        for other in (plain, replace(client, name="nobody.test", is_tls=True), replace(client, port=client.port + 1)):
            if (taker := self.taken(other)) is not None and taker.number is None:
                return other
        return client

    def near(self, chain: Chain, base: Client) -> Iterator[tuple[str, Client]]:
        """Its other names and protocols, and those that are just none of its."""
        match = chain.match
        for place, name in enumerate(str(each) for each in match.get("server_names", ())):
            for other in _names(name):
                if place and self.taken(near := replace(base, name=other)) is chain:
                    yield f"server name {name}", near
            for other in _not_names(name):
                if self.taken(near := replace(base, name=other)) is not chain:
                    yield f"server name {name}: another", near
                    break
        for key, words in _SOURCES:
            for address in Nets({"cidr_ranges": match.get(key, ())}).bad() if match.get(key) else ():
                near = replace(base, direct=address) if key == _DIRECT else base.from_remote(address)
                if may_meet(near.peer, base.peer) and self.taken(near) is not chain:
                    yield f"{words}: another", near
                    break
        yield from near_tls(chain, base, self, several=len(self._chains) > 1)
        if (protocols := match.get("application_protocols")) and base.is_tls:
            for each in map(str, protocols):
                if each not in base.alpn and self.taken(near := replace(base, alpn=(each,))) is chain:
                    yield f"application protocol {each}", near
            yield "application protocol: another", replace(base, alpn=("unknown",))
            yield "application protocol: none", replace(base, alpn=NO_ALPN)


def spoken(protocol: str) -> str:
    """Which HTTP a name of ALPN is for, one of a mesh's own (`istio-h2`) included; empty if for none."""
    return next((http for name, http in _SUFFIXES.items() if protocol in (name, f"istio-{name}")), "")


def _first(protocols: Sequence[object], chain: Chain) -> str:
    """The one by which the chain is asked for first: of those of HTTP an older one, in which more can be asked."""
    named = [str(each) for each in protocols]
    wanted = "http2" if (chain.manager or {}).get("codec_type") == "HTTP2" else "http1"
    of_http = [each for each in named if spoken(each) == wanted] if chain.manager is not None else []
    return next(iter(of_http), named[0])


def near_tls(chain: Chain, base: Client, choice: Choice, *, several: bool) -> Iterator[tuple[str, Client]]:
    """With another name or none; without TLS, or with a beginning of it.

    Args:
        several: whether there are other chains.
    """
    if base.is_tls:
        if base.name:
            yield "server name: none", replace(base, name="")
        else:
            yield "server name: any", replace(base, name="nobody.test")
        yield "TLS: none", replace(base, is_tls=False, name="", alpn=())
    elif several or chain.match:
        begun = replace(base, is_tls=True, name="nobody.test", alpn=())
        taker = choice.taken(begun)
        # Where bytes go on as they are, either end may be the first that gives up.
        if taker is None or taker.tls is not None or taker.manager is not None:
            yield "TLS: begun", begun


def _names(pattern: str) -> Iterator[str]:
    yield pattern.replace("*", "probe" if pattern.startswith("*.") else "probe.", 1)


def _not_names(pattern: str) -> Iterator[str]:
    if pattern.startswith("*"):
        yield pattern.lstrip("*.") or "nobody.test"
    yield f"x{pattern.lstrip('*.')}"
    yield "nobody.test"
