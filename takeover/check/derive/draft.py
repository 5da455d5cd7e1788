"""A probe that was worked out and not yet chosen, and the door by which it enters."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from takeover.check.derive.ask import Ask
from takeover.check.derive.origin import Origin
from takeover.check.derive.sanitizing import Sanitizing
from takeover.check.records import Way
from takeover.model.json import JsonObject
from takeover.peers.hostile.speaking import begins_as_http

ALPN: Final = {"http1": ("http/1.1",), "http2": ("h2",)}
"""What is offered by who speaks them."""
OWN: Final = "own"
"""The subject of what somebody asked for."""

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Door:
    """How a probe gets at a filter chain.

    Args:
        way: to its listener.
        chain: its name, or number in the listener.
        tls: as probes.yaml has it; None: without.
        proxy: likewise, a PROXY header.
        source_address: from which address it comes; empty: the kernel takes the one that is dialled.
        protocol: which HTTP its codec takes.
        has_filters: whether filters of the listener look at a connection before its chain does.
        is_for_http: whether its chain gets only what one of these takes for HTTP.
        validates: whether its chain checks who signed clients' certificates.
        names: by which Envoy knows who shows our client's certificate.
        offers: what is offered (ALPN) by each HTTP that comes to the chain, where it asks for that; empty: any does.
    """

    way: Way
    chain: str = ""
    tls: JsonObject | None = None
    proxy: JsonObject | None = None
    protocol: str = "http1"
    has_filters: bool = False
    is_for_http: bool = False
    validates: bool = False
    names: tuple[str, ...] = ()
    offers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source_address: str = ""

    @property
    def origin(self) -> Origin:
        """Where its connections come from."""
        proxy = self.proxy if self.proxy is not None and "source" in self.proxy else {}
        return Origin(dialled=self.way.host, source_address=self.source_address, proxy=tuple(proxy.items()))

    def ask(self, host: str, sanitizing: Sanitizing) -> Ask:
        """A request that comes by it. Args: sanitizing: what becomes of its headers."""
        return Ask(
            host=host,
            secure=self.tls is not None,
            presented=self.presents,
            validated=self.presents and self.validates,
            principals=self.names if self.presents else (),
            address=self.destination[0],
            port=self.destination[1],
            server_name=str((self.tls or {}).get("server_name", "")),
            origin=self.origin,
            sanitizing=sanitizing,
        )

    def at(self, origin: Origin) -> "Door":
        """The same for connections that come from there."""
        proxy = dict(origin.proxy) if origin.proxy else self.proxy
        return replace(self, source_address=origin.source_address, proxy=proxy)

    @property
    def presents(self) -> bool:
        """Whether its connections show a client's certificate."""
        return self.tls is not None and "client_certificate" in self.tls

    @property
    def destination(self) -> tuple[str, int]:
        """Where its connections go, as Envoy sees it: the address and the port."""
        if self.proxy is not None and "destination" in self.proxy:
            host, _, port = str(self.proxy["destination"]).rpartition(":")
            return host.strip("[]"), int(port)
        return self.way.host, self.way.port

    @property
    def only(self) -> str:
        """The HTTP in which alone its chain is asked, `http1` or `http2`; empty for both."""
        if self.protocol == "http2":
            return "http2"
        return next(iter(self.offers)) if len(self.offers) == 1 else ""

    def takes(self, entry: JsonObject) -> bool:
        """Whether what the entry sends comes to the chain: another HTTP, or what is none, may go elsewhere."""
        if self.offers and entry.get("protocol") != "tcp" and self._spoken(entry) not in self.offers:
            return False
        if not self.is_for_http:
            return True
        sent = next((each["send"] for each in entry.get("steps", ()) if "send" in each), None)
        return not isinstance(sent, str) or begins_as_http(sent.encode("latin-1", "replace")) is not False

    def is_certain(self, entry: JsonObject) -> bool:
        """Whether what the entry sends comes to the same every time.

        A client that leaves before it has seen anything races with the listener's filters: they take it for gone, or
        for one that was there. A handshake comes after them.
        """
        return not self.has_filters or self.tls is not None or not _leaves_at_once(entry)

    @property
    def listener(self) -> str:
        """The listener's name."""
        return self.way.listener

    def entry(self, entry: JsonObject) -> JsonObject:
        """The entry of a probe with all that its way in needs."""
        written: JsonObject = {}
        if (self.protocol != "http1") and "protocol" not in entry and "steps" not in entry:
            written["protocol"] = self.protocol
        written |= entry
        written["from"], written["container"] = self.way.pod, self.way.container
        written["to"] = {"host": self.way.host, "port": self.way.port}
        if self.source_address and "source_address" not in entry:
            written["source_address"] = self.source_address
        if self.proxy is not None and "proxy" not in entry:
            written["proxy"] = self.proxy
        if self.tls is not None and "tls" not in entry:
            spoken = self._spoken(written)
            own = self.tls.get("alpn", list(ALPN[spoken]))
            written["tls"] = {**self.tls, "alpn": list(self.offers.get(spoken, own))}
        return written

    def _spoken(self, entry: JsonObject) -> str:
        """Which HTTP the entry speaks, whole or raw."""
        protocol = entry.get("protocol", "http1" if "steps" in entry else self.protocol)
        return "http2" if protocol in {"http2", "grpc"} or entry.get("over") == "http2" else "http1"


def _leaves_at_once(entry: JsonObject) -> bool:
    for step in entry.get("steps", ()):
        if "await" in step:
            return False
        if "end" in step or "reset" in step:
            return True
    return bool(entry.get("end"))


@dataclass(frozen=True)
class Draft:
    """A probe that may be made.

    Args:
        subject: of its group: "chains", "routes", "tcp", "edges", "limits", "own".
        name: of small letters, digits and hyphens; not yet told from others.
        entry: of probes.yaml, whole but for the name.
        rank: the less, the more it tells.
        of: whose it is, as `Bounds` counts: a route, or a listener.
        scope: in which the virtual host is, where routes are scoped.
        is_limited: whether a bucket of a virtual host or a route may be asked for a token, where any has one.
    """

    subject: str
    name: str
    entry: JsonObject
    rank: int
    of: tuple[str, ...]
    listener: str
    chain: str = ""
    host: str = ""
    scope: str = ""
    route: int | None = None
    condition: str = "matches"
    expects: str = ""
    is_limited: bool = True


@dataclass(frozen=True)
class Later:
    """A probe that is worked out once it is known that there is room for it.

    Args:
        subject: as a Draft's; likewise `rank` and `of`.
        make: works it out; None: it is none of that route.
    """

    subject: str
    rank: int
    of: tuple[str, ...]
    make: Callable[[], Draft | None]


@dataclass
class Unasked:
    """What no probe aims at, by place, with the reason.

    Args:
        reasons: place → reason.
    """

    reasons: dict[str, str] = field(default_factory=dict)

    def say(self, place: str, reason: str) -> None:
        """Of one place the first reason is kept."""
        self.reasons.setdefault(place, reason)


def slug(*words: Any, longest: int = 60) -> str:
    """A name for a probe or group of those words: small letters, digits, hyphens."""
    made = _NOT_A_WORD.sub("-", "-".join(str(each) for each in words).lower()).strip("-")
    return made[:longest].strip("-") or "any"
