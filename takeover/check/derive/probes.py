"""Works out the probes of a configuration: for all its listeners, chains, virtual hosts, routes and features."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from takeover.check.derive import buckets, own, server_names, tcp
from takeover.check.derive.bounds import Bounds, chosen
from takeover.check.derive.certain import Certain, left_to_chance
from takeover.check.derive.chain_match import filters_of
from takeover.check.derive.chains import Doors
from takeover.check.derive.choosing import choices_of
from takeover.check.derive.draft import Door, Draft, Later, Unasked, slug
from takeover.check.derive.features import Features
from takeover.check.derive.matching import Table
from takeover.check.derive.routes import Routes
from takeover.check.derive.stripping import stripping
from takeover.check.derive.tables import TableAt, Tables, scope_drafts, tables_of
from takeover.check.derive.transcoding import with_descriptors
from takeover.check.derive.writing import PER_GROUP, written
from takeover.check.records import Asked, Derived, Given, Resource, Way, World
from takeover.check.route_tables import served_tables
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

_LISTENER = "envoy.config.listener.v3.Listener"
_CLUSTER = "envoy.config.cluster.v3.Cluster"
_BY_LDS = "its listeners come by LDS: give what /config_dump?include_eds of an Envoy that has them answers"
_UNANSWERED = "it has no filters of HTTP, not even a router: Envoy answers no request there"


def probes(
    given: Given,
    world: World,
    bounds: Bounds,
    asked: Sequence[Asked] = (),
    redacted: Callable[[str], str] = str,
) -> Derived:
    """The probes for all that the configuration has, as far as the bounds leave: always the same ones.

    What of it no probe aims at, is said with the reason.

    Args:
        asked: requests of somebody's own; they are made, whatever the bounds are.
        redacted: takes out of a name what may be a secret: what is stored by their names has to be told apart.
    """
    making = _Making(given, world)
    kept, left_out = chosen([*making.drafts(), *own.drafts(asked, making.listeners, making.unasked)], bounds)
    kept, over = buckets.within(kept, making.buckets, PER_GROUP)
    kept = [_called(each, redacted(each.name)) for each in kept]
    text, targets = written(kept, making.certain.edits)
    different = tuple(making.certain.different)
    return Derived(
        text=text,
        targets=targets,
        left_out=left_out | over,
        unasked=making.unasked.reasons,
        different=different,
        sources=tuple(sorted({each.entry["source_address"] for each in kept if "source_address" in each.entry})),
    )


def _called(draft: Draft, name: str) -> Draft:
    return draft if name == draft.name else replace(draft, name=slug(name))


class _Making:
    def __init__(self, given: Given, world: World) -> None:
        self._world, self._given = world, given
        self.unasked = Unasked(dict(world.unreached))
        self._listeners = _by_name(given, _LISTENER)
        self._tables = served_tables(given)
        clusters = _by_name(given, _CLUSTER)
        self._clusters = tuple(clusters)
        self._choices = choices_of({name: each.data for name, each in clusters.items()}, world.dialled)
        self._shaky = frozenset(each.name for each in clusters.values() if "outlier_detection" in each.data)
        self.certain = Certain(given)
        self.listeners: list[Doors] = []
        self.buckets: dict[tuple[str, str], buckets.Bucket] = {}

    def drafts(self) -> Iterator[Draft | Later]:
        """All probes that may be made, in order."""
        if _lacks_those_of_lds(self._given):
            self.unasked.say("dynamic_resources.lds_config", _BY_LDS)
        ways = dict[str, list[Way]]()
        for each in self._world.ways:
            ways.setdefault(each.listener, []).append(each)
        for name, to_it in ways.items():
            if (resource := self._listeners.get(name)) is None:
                self.unasked.say(name, "the configuration has no listener of that name")
                continue
            yield from self._of_listener(resource, to_it)

    def _of_listener(self, resource: Resource, ways: Sequence[Way]) -> Iterator[Draft | Later]:
        place = resource.place.path or resource.name
        if "udp_listener_config" in resource.data:
            self.unasked.say(place, "takes UDP, which no probe speaks")
            return
        certificate, names = self._world.client_certificate, self._world.client_names
        doors = Doors(resource.data, ways, certificate, place, self.unasked, names=names)
        self.listeners.append(doors)
        behind: list[Draft | Later] = []
        for chain, door in doors.doors:
            at = chain.place(place)
            own_filters = list(filters_of(chain.data.get("filters")))
            number, manager = chain.numbered_manager
            where = f"{at}.filters[{number}].typed_config"
            tables = Tables(())
            if manager is None:
                behind += tcp.drafts(chain, door) if own_filters else ()
                behind += server_names.drafts(doors, chain, door, self._clusters)
            else:
                tables = tables_of(manager, where, self._tables, self._given, self.unasked)
                behind += self._of_http(manager, door, where, doors, tables)
            filters = [*filters_of(resource.data.get("listener_filters")), *own_filters]
            limit = buckets.bucket_of([config for _, config in filters], [each.data for each in tables.all])
            if limit is not None:
                self.buckets[door.listener, door.chain] = limit
        yield from doors.drafts()
        yield from behind

    def _of_http(
        self, manager: JsonObject, door: Door, at: str, doors: Doors, tables: Tables
    ) -> Iterator[Draft | Later]:
        if not tables.all:
            return
        if not manager.get("http_filters"):
            self.unasked.say(at, _UNANSWERED)
            doors.unanswered.add(door.chain)
            return
        for number, (kind, config) in enumerate(filters_of(manager.get("http_filters"))):
            if left_to_chance(config, self.certain.runtime):
                of = f"{kind.rpartition('.')[2]} does so to some of the requests by chance"
                self.unasked.say(f"{at}.http_filters[{number}]", of)
                self.unasked.say(at, of)
                doors.of_chance.add(door.chain)
                return
        described = with_descriptors(manager, self._given.files)
        of_all = [self._routes(each, manager, door) for each in tables.all]
        for number, routes in enumerate(of_all):
            yield from routes.drafts()
            simple = routes.simple
            if door.chain not in doors.requests:
                doors.tables[door.chain] = routes.table
                if simple is not None:
                    doors.requests[door.chain] = simple.ask
                    if not routes.limited.may_ask(simple.taken):
                        doors.unlimited.add(door.chain)
            yield from Features(routes, described, self._shaky, self.unasked).drafts(of_manager=not number)
        yield from scope_drafts(tables, of_all)

    def _routes(self, at: TableAt, manager: JsonObject, door: Door) -> Routes:
        table = Table(at.data, self.certain.runtime, stripping=stripping(manager, door.destination[1]))
        return Routes(
            door,
            table,
            at.place,
            self.unasked,
            manager=manager,
            choices=self._choices,
            headers=at.headers,
            scope=at.scope,
        )


def _lacks_those_of_lds(given: Given) -> bool:
    """Whether a control plane has listeners that were not given. A dump has all that there were."""
    dynamic = either(given.bootstrap, "dynamic_resources")
    if given.kind == "config dump" or not isinstance(dynamic, dict) or either(dynamic, "lds_config") is None:
        return False
    return not any(each.type_url.endswith(_LISTENER) and not each.is_static for each in given.resources)


def _by_name(given: Given, message: str) -> dict[str, Resource]:
    found: dict[str, Resource] = {}
    for each in given.resources:
        if each.type_url.rpartition("/")[2] == message:
            found.setdefault(each.name, each)
    return found
