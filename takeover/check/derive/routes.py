"""Requests for each virtual host and route: one that it must take, and for each condition one that it just does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from takeover.check.derive import domains
from takeover.check.derive.admission import Admission
from takeover.check.derive.ask import Ask
from takeover.check.derive.buckets import Limited
from takeover.check.derive.choosing import FIRST, WORD, Choices, others_of_choice, with_choice
from takeover.check.derive.conditions import NoNumberError, UnsureError
from takeover.check.derive.connections import SOURCE
from takeover.check.derive.credentials import Credentials
from takeover.check.derive.draft import Door, Draft, Later, Unasked, slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.matching import Table, Taken
from takeover.check.derive.nearby import Nearby
from takeover.check.derive.paths import Path
from takeover.check.derive.sanitizing import sanitizing
from takeover.check.derive.tunnels import through
from takeover.model.json import JsonObject

_TELLING_DOMAINS = 3  # a mesh has ten names for each service
_TELLING_CHOICES = 10  # a header may choose among all clusters
_TRIES = 60


@dataclass(frozen=True)
class Reached:
    """A request that a route takes.

    Args:
        host: the virtual host's number; `route` the route's number in it.
        to_cluster: whether it goes to a cluster.
        is_refused: whether a filter surely refuses it, and all others that were tried.
    """

    host: int
    route: int
    ask: Ask
    expects: str
    to_cluster: bool
    is_refused: bool = False

    @property
    def taken(self) -> Taken:
        """Who takes it."""
        return Taken(self.host, self.route, self.expects)


class Routes:
    """The routes behind a door.

    Args:
        door: how their connection manager is reached.
        table: which of them takes what.
        place: where the RouteConfiguration stands, for what is not asked.
        manager: their connection manager.
        headers: those of every request.
        choices: what requests may choose.
        scope: the name of the table's scope; empty where routes are not scoped.
    """

    def __init__(
        self,
        door: Door,
        table: Table,
        place: str,
        unasked: Unasked,
        *,
        manager: JsonObject,
        headers: tuple[tuple[str, str], ...] = (),
        choices: Choices = Choices(),  # noqa: B008 - it is frozen
        scope: str = "",
    ) -> None:
        self.door, self.table, self.place, self.scope = door, table, place, scope
        self._unasked, self._choices = unasked, choices
        self._admission = Admission(manager.get("http_filters"))
        self.credentials = Credentials(manager.get("http_filters"), table.runtime)
        own = sanitizing(manager)
        demanded = tuple((each.header, SOURCE) for each in own.told_by if each.is_demanded)
        self._base = door.ask(WORD, own).but(protocol=door.protocol, headers=(*headers, *demanded))
        self.reached: list[Reached] = []
        self.limited = Limited(table)

    @property
    def simple(self) -> Reached | None:
        """One in the door's own protocol, if there is any; that no bucket limits, if there is such a one."""
        alike = [each for each in self.reached if each.ask.protocol == self.door.protocol]
        return next((each for each in alike if not self.limited.may_ask(each.taken)), next(iter(alike), None))

    def drafts(self) -> Iterator[Draft | Later]:
        """The probes, of each virtual host those of its domains, then those of its routes; `reached` is filled."""
        for number in range(len(self.table.hosts)):
            at = f"{self.place}.virtual_hosts[{number}]"
            authorities = self._authorities(number, at)
            if not authorities:
                continue
            yield from self._of_routes(number, at, authorities[0])
            yield from self._of_domains(number, authorities)
        if self.table.data.get("vhds"):
            self._unasked.say(f"{self.place}.vhds", "virtual hosts that are asked for on demand are not known")

    def _authorities(self, number: int, at: str) -> list[tuple[str, str]]:
        """Each domain with an authority that only it can take, in order."""
        found = []
        for place, domain in enumerate(self.table.hosts[number].domains):
            authority = next((each for each in domains.of(domain) if self.table.host_of(each) == number), None)
            if authority is None:
                reason = domains.why_none(domain, self.table.stripping)
                self._unasked.say(f"{at}.domains[{place}]", reason)
            else:
                found.append((domain, authority))
        return found

    def _of_domains(self, number: int, authorities: list[tuple[str, str]]) -> Iterator[Draft]:
        host = self.table.hosts[number]
        first = next((each for each in self.reached if each.host == number), None)
        base = self._base.but(path=f"/{WORD}") if first is None else first.ask
        for place, (domain, authority) in enumerate(authorities):
            rank, of = 1 if place < _TELLING_DOMAINS else 4, (number, None)
            if place or first is None:
                name = slug(self.scope, host.name, "domain", domain)
                yield from self._draft(base.but(host=authority), f"domain {domain}", of, name, rank)
            other = next((each for each in domains.just_not(domain) if self.table.host_of(each) != number), None)
            if other is not None:
                name = slug(self.scope, host.name, "no-domain", domain)
                yield from self._draft(base.but(host=other), f"domain {domain}: another", of, name, rank)

    def _of_routes(self, number: int, at: str, authority: tuple[str, str]) -> Iterator[Draft | Later]:
        host = self.table.hosts[number]
        for place, route in enumerate(host.routes):
            where, label = f"{at}.{host.places[place]}", route.data.get("name") or f"route-{place}"
            if route.unread:
                self._unasked.say(f"{where}.match", route.unread)
                continue
            try:
                found = self._found(number, place, self._base.but(host=authority[1]))
            except (CannotMakeError, UnsureError) as error:
                self._unasked.say(where, str(error))
                continue
            self.reached.append(found)
            called = slug(self.scope, host.name, label)
            yield from self._draft(found.ask, "matches", (number, place), called, 0)
            for order, (name, ask) in enumerate(others_of_choice(route.data, found.ask, self._choices)):
                of = slug(self.scope, host.name, label, name)
                rank = 1 if order < _TELLING_CHOICES else 4
                yield self._later(ask, f"matches, {name}", (number, place), of, rank)
            for order, (words, ask) in enumerate(through(found.ask)):
                of = slug(called, "through", words)
                yield from self._draft(ask, f"through the tunnel: {words}", (number, place), of, 1 + order // 3)
            yield from self._by_others(number, place, found.ask, called)
            seen = set[str]()
            for condition in route.conditions:
                try:
                    for order, (words, ask) in enumerate(condition.missed(found.ask)):
                        if words in seen or route.fits(ask):
                            continue
                        seen.add(words)
                        name = slug(self.scope, host.name, label, "no", words)
                        yield from self._draft(ask, words, (number, place), name, 1 if order == 0 else 3)
                except (CannotMakeError, UnsureError) as error:
                    self._unasked.say(f"{where}.match", f"{condition.words} just missed: {error}")

    def _by_others(self, number: int, place: int, ask: Ask, name: str) -> Iterator[Draft]:
        """Requests that the route takes for another reason than the first one."""
        host = self.table.hosts[number]
        seen = set[str]()
        for predicate in host.routes[place].asked:
            try:
                for words, other in predicate.others(ask):
                    if words in seen or other.key == ask.key or not host.routes[place].fits(other):
                        continue
                    seen.add(words)
                    yield from self._draft(other, f"matches by {words}", (number, place), slug(name, "by", words), 1)
            except (CannotMakeError, UnsureError):
                continue

    def _found(self, number: int, place: int, base: Ask) -> Reached:
        """A request that the route takes and none before it. Raises: CannotMakeError, UnsureError."""
        route = self.table.hosts[number].routes[place]
        if "connect_matcher" in route.data.get("match", {}) and self.table.host_of(f"{base.host}:443") == number:
            base = base.but(host=f"{base.host}:443")
        settings = self.settings(Taken(number, place, ""))
        ask = with_choice(route.data, self.credentials.let_in(base, settings), self._choices)
        for condition in route.conditions:
            ask = condition.made(ask)
        if not self.door.takes(self.door.entry(ask.entry())):
            raise CannotMakeError(f"its filter chain takes no {'HTTP/2' if ask.protocol == 'http2' else 'such HTTP'}")
        by = why = ""
        for near in (nearby := Nearby(ask, _TRIES)):
            taken = self.table.taken(ask := self.let_in(near, settings))
            if (taken.host, taken.route) == (number, place):
                ask, is_refused = self._admitted(number, place, ask, taken.expects)
                return Reached(number, place, ask, taken.expects, "route" in route.data, is_refused)
            if not by:
                by, why = self._called(number, taken), self._why_not(number, place, taken, ask)
            nearby.add(self._nearby(number, place, taken, ask))
        raise CannotMakeError(f"no request was found {f'that {by} does not take{why}' if by else 'for it'}")

    def _why_not(self, number: int, place: int, taken: Taken, ask: Ask) -> str:
        """Of what a request cannot say otherwise; empty if there is nothing of that kind."""
        if taken.host != number:
            return ""
        asked = self.table.hosts[number].in_the_way(place, taken.route, ask)
        reasons = (ask.sanitizing.why(each.name) for each in asked if isinstance(each, Header))
        return next((f": {each}" for each in reasons if each), "")

    def _admitted(self, number: int, place: int, ask: Ask, expects: str) -> tuple[Ask, bool]:
        """The request, changed so that filters let it through to the same route; and whether one still refuses it."""
        taken = Taken(number, place, expects)

        def is_as_good(made: Ask) -> bool:
            try:
                return self.table.taken(made) == taken
            except UnsureError:
                return False

        made, refusing = self._admission.admitted(ask, self.settings(taken), is_as_good)
        for name in refusing:
            at = f"{self.place}.virtual_hosts[{number}].{self.table.hosts[number].places[place]}: {name}"
            self._unasked.say(at, "no request was found for this route that the filter lets through")
        return self.let_in(made), bool(refusing)

    def settings(self, taken: Taken) -> tuple[JsonObject, ...]:
        """What says how filters go for what is taken there: the table, its virtual host, the route."""
        if taken.host is None:
            return (self.table.data,)
        host = self.table.hosts[taken.host]
        return (self.table.data, host.data, *([] if taken.route is None else [host.routes[taken.route].data]))

    def let_in(self, ask: Ask, settings: Sequence[JsonObject] | None = None) -> Ask:
        """The request with what filters ask for that it comes by, as far as it is taken by the same then.

        Args:
            settings: of the route for which it is meant; None: of the one that takes it.

        Raises: UnsureError, of chance.
        """
        if not self.credentials.are_asked_for:
            return ask
        taken = self.table.taken(ask)
        made = self.credentials.let_in(ask, self.settings(taken) if settings is None else settings)
        return made if made.key == ask.key or self.table.taken(made) == taken else ask

    def _nearby(self, number: int, place: int, taken: Taken, ask: Ask) -> Iterator[Ask]:
        """Requests that the route takes, too, and the one that took it perhaps not."""
        route = self.table.hosts[number].routes[place]
        if taken.host == number:
            for condition in self.table.hosts[number].in_the_way(place, taken.route, ask):
                try:
                    yield from (near for _, near in condition.missed(ask) if route.fits(near))
                except (CannotMakeError, UnsureError):
                    continue
        for condition in route.conditions:
            if isinstance(condition, Path):
                yield from condition.more(ask)

    def _called(self, number: int, taken: Taken) -> str:
        if taken.host is None or taken.route is None:
            return taken.expects
        host = self.table.hosts[taken.host]
        name = host.routes[taken.route].data.get("name") or f"routes[{taken.route}]"
        return str(name) if taken.host == number else f"{host.name}: {name}"

    def _later(self, ask: Ask, condition: str, of: tuple[int, int | None], name: str, rank: int) -> Later:
        """The same as `_draft`, once there is room for it: of thousands of clusters most are left out."""
        return Later("routes", rank, self._whose(of), lambda: next(self._draft(ask, condition, of, name, rank), None))

    def _whose(self, of: tuple[int, int | None]) -> tuple[str, ...]:
        host, place = of
        return (self.door.listener, self.door.chain, self.scope, self.table.hosts[host].name, str(place))

    def _certain(self, ask: Ask) -> tuple[Ask, Taken]:
        """What is let in, with the number that chooses between clusters where another route takes it; and who does."""
        try:
            return (made := self.let_in(ask)), self.table.taken(made)
        except NoNumberError as error:
            if ask.sent(error.header) is not None:
                raise
            return (made := self.let_in(ask.with_header(error.header, FIRST))), self.table.taken(made)

    def _draft(self, ask: Ask, condition: str, of: tuple[int, int | None], name: str, rank: int) -> Iterator[Draft]:
        """The probe, if it is certain what becomes of it."""
        host, place = of
        try:
            ask, taken = self._certain(ask)
        except UnsureError as error:
            inside = "" if place is None else f".{self.table.hosts[host].places[place]}"
            at = f"{self.place}.virtual_hosts[{host}]{inside}"
            self._unasked.say(f"{at}: {condition}", f"what would take it {error}")
            return
        yield Draft(
            subject="routes",
            name=name,
            entry=self.door.entry(ask.entry()),
            rank=rank,
            of=self._whose(of),
            listener=self.door.listener,
            chain=self.door.chain,
            host=self.table.hosts[host].name,
            scope=self.scope,
            route=place,
            condition=condition,
            expects=taken.expects,
            is_limited=self.limited.may_ask(taken),
        )
