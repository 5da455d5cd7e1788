"""Connections for each filter chain of a listener: one that it must take, and those that it just does not."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from takeover.check.derive import proxy_headers
from takeover.check.derive.ask import Ask
from takeover.check.derive.chain_match import NO_CHAIN, Chain, Client, chains_of, filters_of
from takeover.check.derive.chain_tree import ByTree
from takeover.check.derive.client_inputs import Inspected
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.connections import NO_ALPN, SOURCE, ByMatch, Choice, spoken
from takeover.check.derive.draft import ALPN, Door, Draft, Unasked, slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.matching import Table
from takeover.check.derive.network_admission import NetworkAdmission
from takeover.check.derive.origin import may_meet
from takeover.check.records import Way
from takeover.model.json import JsonObject

_TLS_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
_HTTP_INSPECTOR = "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector"
_HOST = "probe.example"
_NO_REQUEST: JsonObject = {"protocol": "tcp", "steps": [{"send": "no request at all\r\n\r\n"}]}
"""Which any codec of HTTP answers by itself."""
_INSPECTED = {"http1": ("http/1.1",), "http2": ("h2c",)}
_TELLING = 3  # of what just does not match


class Doors:
    """The ways into a listener: one for each of its filter chains.

    Args:
        listener: `envoy.config.listener.v3.Listener`.
        ways: how it is reached, at least one.
        certificate: a client's certificate, as probes.yaml names it; empty: there is none.
        place: where the listener stands, for what is not asked.
        names: those of the certificate.

    Attributes:
        doors: each chain that a connection was found for, and how it is reached.
        requests: what is asked of a chain with HTTP, by its name: what one of its routes takes; `tables` likewise.
        of_chance: names of chains in which chance decides.
        unanswered: names of chains with HTTP where no request is answered.
        unlimited: names of chains where no bucket of a host or a route limits the one of `requests`.
    """

    def __init__(
        self,
        listener: JsonObject,
        ways: Sequence[Way],
        certificate: str,
        place: str,
        unasked: Unasked,
        *,
        names: tuple[str, ...] = (),
    ) -> None:
        self._listener, self._ways, self.way, self._certificate = listener, ways, ways[0], certificate
        self._names = names
        self._place, self._unasked = place, unasked
        self.chains = chains_of(listener)
        inspectors = [kind for kind, _ in filters_of(listener.get("listener_filters"))]
        self._versions = proxy_headers.versions(listener)
        self._has_proxy, self._inspects_http = bool(self._versions), _HTTP_INSPECTOR in inspectors
        self._choice: Choice = self._chosen(inspectors)
        self.requests: dict[str, Ask] = {}
        self.tables: dict[str, Table] = {}
        self.of_chance, self.unanswered, self.unlimited = set[str](), set[str](), set[str]()
        self.doors: list[tuple[Chain, Door]] = []
        for chain in self.chains:
            if (door := self._door(chain)) is not None:
                self.doors.append((chain, self._let_in(chain, door)))

    def _chosen(self, inspectors: Sequence[str]) -> Choice:
        if isinstance(tree := self._listener.get("filter_chain_matcher"), dict):
            seen = Inspected(tls=_TLS_INSPECTOR in inspectors, http=self._inspects_http)
            return ByTree(tree, self.chains, seen)
        return ByMatch(self.chains, inspects_http=self._inspects_http)

    def taken_by(self, client: Client) -> Chain | None:
        """The chain that takes the connection; None, too, where that is not certain."""
        try:
            return self._choice.taken(client)
        except UnsureError:
            return None

    def for_name(self, chain: Chain, door: Door, name: str) -> Door | None:
        """The chain's door for connections over TLS that ask for that name; None if another chain takes those."""
        client = replace(self._client(door), name=name, is_tls=True, alpn=())
        return self._as_door(door, client) if self.taken_by(client) is chain else None

    @property
    def ports(self) -> set[int]:
        """Those by which clients know the listener: its own, and where it is dialled."""
        address = self._listener.get("address", {}).get("socket_address", {})
        return {*(each.port for each in self._ways), *([int(address["port_value"])] if "port_value" in address else [])}

    def drafts(self) -> Iterator[Draft]:
        """For each chain the connection that it takes, and those that it just does not."""
        for chain, door in self.doors:
            base = self._client(door)
            for order, (words, near) in enumerate((("matches", base), *self._choice.near(chain, base))):
                other = self._told(door, near) if order else base
                if (
                    self._can_come(door.way, other)
                    and self._may_come(door.way, other)
                    and self._is_certain(chain, other)
                ):
                    rank = 0 if not order else 1 if order <= _TELLING else 2
                    yield self._draft(chain, self._as_door(door, other) if order else door, words, other, rank)
            if self._is_certain(chain, base):
                for words, origin in NetworkAdmission(chain).edges(door):
                    elsewhere = door.at(origin)
                    yield self._draft(chain, elsewhere, words, self._client(elsewhere), 1)
                if chain.tls is not None:
                    yield from self._of_certificates(chain, door, base)
                if door.proxy is not None:
                    yield from self._of_headers(chain, door, base)

    def _is_certain(self, chain: Chain, client: Client) -> bool:
        """Whether the chain's request comes to the same every time where that client's connection is taken."""
        try:
            taker = self._choice.taken(client)
            if taker is None:
                return True
            if taker.name in self.of_chance:
                return False
            ask, table = self.requests.get(chain.name), self.tables.get(taker.name)
            if table is not None:
                table.taken(ask or Ask(host=_HOST, secure=client.is_tls))
        except UnsureError:
            return False
        return True

    def _door(self, chain: Chain) -> Door | None:
        """How the chain is reached; None, said in `unasked`, if that is not found."""
        reasons = []
        for way, is_to_be_changed in (*((each, False) for each in self._ways), (self.way, True)):
            found = self._door_by(chain, way, is_to_be_changed=is_to_be_changed)
            if isinstance(found, Door):
                return found
            reasons.append(found)
        self._unasked.say(chain.place(self._place), reasons[-1])
        return None

    def _let_in(self, chain: Chain, door: Door) -> Door:
        """The door, from where the chain's own rules let connections through, as far as that can be."""
        rules = NetworkAdmission(chain)
        for path, why in rules.unread(door):
            self._unasked.say(f"{chain.place(self._place)}.{path}", why)
        doors = (door.at(each) for each in rules.admitted(door))
        return next((each for each in doors if self.taken_by(self._client(each)) is chain), door)

    def _door_by(self, chain: Chain, way: Way, *, is_to_be_changed: bool) -> Door | str:
        """How it is reached by that way; or why it is not.

        Args:
            is_to_be_changed: whether it may be dialled at the address and port for which the chain asks.
        """
        match = chain.match
        client = Client(way.host, way.port, is_tls=chain.tls is not None)
        if self._has_proxy:
            client = replace(client, source=SOURCE, direct=way.host)
        try:
            client = self._choice.wanted(chain, client, elsewhere=is_to_be_changed)
        except (CannotMakeError, UnsureError) as error:
            return str(error)
        if chain.is_led_by_name and not client.name:
            client = replace(client, name=_HOST, is_tls=True)
        if not self._can_come(way, client):
            return f"takes what goes to {client.address}:{client.port}, which nothing intercepts"
        if match.get("source_ports"):
            return "takes clients of ports that no client of ours chooses"
        if not self._may_come(way, client):
            return f"takes clients of {client.peer}, from where no client of ours comes"
        protocol = self._protocol(chain, client)
        if not client.is_tls and self._inspects_http and not client.alpn:
            client = replace(client, alpn=("h2c" if protocol == "http2" else "http/1.1",))
        offered = ("h2" if protocol == "http2" else "http/1.1",) if client.is_tls and not client.alpn else client.alpn
        taker = self.taken_by(replace(client, alpn=offered))
        if taker is not chain and client.is_tls and self.taken_by(client) is chain:
            taker, client = chain, replace(client, alpn=NO_ALPN)
        if taker is not chain and (len(self.chains) > 1 or match or "filter_chain_matcher" in self._listener):
            by = NO_CHAIN if taker is None else f"chain {taker.name}"
            return f"no connection was found that it takes; {by} does"
        has_filters = bool(self._listener.get("listener_filters") or self._listener.get("use_original_dst"))
        is_for_http = self._inspects_http and not client.is_tls and bool(match.get("application_protocols"))
        door = Door(
            way,
            chain.name,
            has_filters=has_filters,
            is_for_http=is_for_http,
            validates=chain.validates_clients,
            names=self._names,
        )
        door = replace(self._as_door(door, client), protocol=protocol)
        return replace(door, offers=self._offers(chain, client)) if chain.manager is not None else door

    def _offers(self, chain: Chain, client: Client) -> dict[str, tuple[str, ...]]:
        """What `Door.offers` is: those that bring that client to the chain, if not all do."""
        asked = [str(each) for each in chain.match.get("application_protocols", ())]
        if client.alpn == NO_ALPN or not (client.is_tls or self._inspects_http):
            return {}
        found, usual = dict[str, tuple[str, ...]](), ALPN if client.is_tls else _INSPECTED
        for http, protocols in usual.items():
            own = [(each, *(other for other in protocols if other != each)) for each in asked if spoken(each) == http]
            for each in (*own, protocols):
                if http not in found and self.taken_by(replace(client, alpn=each)) is chain:
                    found[http] = each
        return {} if found == usual and not client.alpn else found

    def _can_come(self, way: Way, client: Client) -> bool:
        """Whether something brings the listener what goes where that client dials."""
        is_alike = (":" in client.address) == (":" in way.host)  # what is intercepted goes over IPv4 alone
        is_dialled = (client.address, client.port) == (way.host, way.port)
        return is_dialled or (bool(way.original) and is_alike) or self._has_proxy

    def _may_come(self, way: Way, client: Client) -> bool:
        """Whether a socket may have the address from which that client comes."""
        return may_meet(client.peer, way.host if self._has_proxy else client.address)

    def _told(self, door: Door, client: Client) -> Client:
        """With what `Door.entry` offers of itself, or with what an inspector takes it for."""
        if client.alpn or not (client.is_tls or self._inspects_http):
            return client
        over_2 = "h2" if client.is_tls else "h2c"
        return replace(client, alpn=(over_2 if door.protocol == "http2" else "http/1.1",))

    def _protocol(self, chain: Chain, client: Client) -> str:
        codec = (chain.manager or {}).get("codec_type", "AUTO")
        return "http2" if codec == "HTTP2" or _http_of(client.alpn) == "http2" else "http1"

    def _client(self, door: Door) -> Client:
        tls = door.tls
        source, address, port, direct = "", door.way.host, door.way.port, door.source_address
        if door.proxy is not None and "destination" in door.proxy:
            source = str(door.proxy["source"]).rpartition(":")[0].strip("[]")
            host, _, number = str(door.proxy["destination"]).rpartition(":")
            address, port, direct = host.strip("[]"), int(number), direct or door.way.host
        alpn = tuple(tls.get("alpn", ())) if tls else ()
        if tls is None and self._inspects_http:
            alpn = ("h2c" if door.protocol == "http2" else "http/1.1",)
        return Client(address, port, str((tls or {}).get("server_name", "")), tls is not None, alpn, source, direct)

    def _as_door(self, door: Door, client: Client) -> Door:
        """The door for that client."""
        way, proxy = door.way, None
        tls: JsonObject | None = None
        if self._has_proxy:
            proxy = proxy_headers.header(client, self._versions[0])
        else:
            way = _to(way, client.address, client.port)
        if client.is_tls:
            tls = JsonObject()
            if client.name:
                tls["server_name"] = client.name
            if client.alpn:
                tls["alpn"] = [] if client.alpn == NO_ALPN else list(client.alpn)
            if self._needs_certificate(door.chain) and self._certificate:
                tls["client_certificate"] = self._certificate
        offers = door.offers if client.alpn in door.offers.values() else {}
        protocol = _http_of(client.alpn) or door.protocol
        source = "" if client.peer == way.host else client.peer
        return replace(door, way=way, proxy=proxy, tls=tls, protocol=protocol, offers=offers, source_address=source)

    def _needs_certificate(self, name: str) -> bool:
        chain = next((each for each in self.chains if each.name == name), None)
        return bool(chain is not None and chain.tls is not None and chain.tls.get("require_client_certificate"))

    def _comes_from_elsewhere(self, chain: Chain, door: Door) -> bool:
        """Whether connections come by that door from where the chain's own one does not."""
        own = next(its for each, its in self.doors if each is chain)
        return (own.source_address, own.proxy) != (door.source_address, door.proxy)

    def _of_certificates(self, chain: Chain, door: Door, base: Client) -> Iterator[Draft]:
        assert chain.tls is not None
        assert door.tls is not None
        asks = bool(chain.tls.get("require_client_certificate")) or chain.validates_clients
        bare = {key: value for key, value in door.tls.items() if key != "client_certificate"}
        if asks:
            yield self._draft(chain, replace(door, tls=bare), "client certificate: none", base, 1)
            if self._certificate:
                known = replace(door, tls={**bare, "client_certificate": self._certificate})
                yield self._draft(chain, known, "client certificate", base, 1)
        for version in ("TLSv1.2", "TLSv1.1"):
            older = {**door.tls, "max_version": version}
            yield self._draft(chain, replace(door, tls=older), f"TLS: {version}", base, 3)
        yield self._draft(chain, replace(door, tls={**door.tls, "resume": True}), "TLS: resumed", base, 3)

    def _of_headers(self, chain: Chain, door: Door, base: Client) -> Iterator[Draft]:
        assert door.proxy is not None
        for words, proxy in proxy_headers.others(door.proxy):
            made = self._draft(chain, door, words, base, 1 if proxy is None else 2)
            is_like = proxy is not None and "source" in proxy and proxy["version"] in self._versions
            yield replace(made, entry={**made.entry, "proxy": proxy}, expects=made.expects if is_like else "")

    def _draft(self, chain: Chain, door: Door, condition: str, client: Client, rank: int) -> Draft:
        taker = self.taken_by(client)
        entry: JsonObject = {"host": _HOST}
        if {chain.name, taker.name if taker is not None else ""} & self.unanswered:
            entry = _NO_REQUEST
        elif (ask := self.requests.get(chain.name)) is not None:
            simple = {"http1", "http2"}
            if self._comes_from_elsewhere(chain, door):
                ask = ask.but(origin=door.origin)
            entry = (ask.but(protocol=door.protocol) if {ask.protocol, door.protocol} <= simple else ask).entry()
        elif chain.manager is None:
            protocol = "http2" if client.alpn == ("h2c",) else "http1"
            entry |= {"protocol": protocol, "path": "/probe"}  # most upstreams of bytes say what came, too
        return Draft(
            subject="chains",
            name=slug(door.listener, "chain", chain.name, "" if condition == "matches" else condition),
            entry=door.entry(entry),
            rank=rank,
            of=(door.listener, "chains", chain.name),
            listener=door.listener,
            chain=chain.name,
            condition=condition,
            expects=NO_CHAIN if taker is None else f"chain {taker.name}",
            is_limited=chain.name not in self.unlimited,
        )


def _http_of(alpn: Sequence[str]) -> str:
    """Which HTTP goes with what is offered first, or with what an inspector takes it for; empty if any does."""
    return spoken(alpn[0]) if alpn else ""


def _to(way: Way, host: str, port: int) -> Way:
    """The way to another end at which the same listener takes connections."""
    return Way(listener=way.listener, pod=way.pod, container=way.container, host=host, port=port, original=way.original)
