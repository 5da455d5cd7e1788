"""What a config dump holds: the bootstrap, and what was delivered and accepted (Envoy's admin API, `/config_dump`)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from takeover.check.given.canonical import Canonical, Path, named
from takeover.check.given.documents import Document
from takeover.check.given.endpoints import made_endpoints
from takeover.check.given.redacted import redacted_paths
from takeover.check.given.shapes import DELIVERED, Sections, is_known_section
from takeover.check.given.taken import WANTED, Taken, not_looked_into, place
from takeover.check.messages import inner, objects
from takeover.check.records import Different, Resource
from takeover.model.json import JsonObject
from takeover.peers.control_plane.discovery import CDS, ECDS, EDS, LDS, RDS, SDS, SRDS
from takeover.scenario.typed_yaml import path_text

_HTTP = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_REGEX = "envoy.type.matcher.v3.RegexMatcher"
_LONGEST_REGEX = {"re2.max_program_size.error_level": 1 << 20}
"""Envoy's own limit is 100, and meshes whose expressions are longer raise it in the bootstraps that they write."""
_WEIGHT = "load_balancing_weight"
_Read: TypeAlias = "Callable[[_Dump, JsonObject, Path], None]"


def read_dump(document: Document, sections: Sections) -> tuple[JsonObject, tuple[Resource, ...], tuple[Different, ...]]:
    """The bootstrap, the resources, and what is not as it was where the dump was taken.

    Raises: BadInputError "FILE:LINE: PATH …" for what is of Envoy's v2 API, or has not the form of a dump.
    """
    return _Dump(document).read(sections)


@dataclass
class _Dump:
    document: Document
    bootstrap: JsonObject = field(default_factory=dict)
    static: dict[str, list[JsonObject]] = field(default_factory=dict)
    different: list[Different] = field(default_factory=list)
    warming: list[tuple[str, Path]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.canonical = Canonical(self.document, WANTED | {_HTTP, _REGEX})
        self.taken = Taken(self.canonical)

    def read(self, sections: Sections) -> tuple[JsonObject, tuple[Resource, ...], tuple[Different, ...]]:
        others = []
        for path in sections.paths:
            section = self.canonical.packed(_at(self.document.value, path), path)
            message = str(section.get("@type")).rpartition("/")[2]
            if is_known_section(message):
                _SECTIONS[message.rpartition(".")[2]](self, section, path)
            else:
                others.append((message, path))
        unknown = [path for path in sections.by_type if not self._by_type(path)]
        others += [(str(path[-1]).rpartition("/")[2], path) for path in unknown]
        self._without_bootstrap()
        self._tell(others)
        resources = self.taken.resources()
        endpoints, told = made_endpoints(resources, self.bootstrap)
        different = (*self.different, *told, *not_looked_into(self.canonical))
        return self.bootstrap, (*resources, *endpoints), different

    def _by_type(self, path: Path) -> bool:
        """Takes the resources that stand under the URL of their type, by name or listed; else returns False."""
        kind = DELIVERED.get(str(path[-1]))
        if kind is None:
            return False
        found = _at(self.document.value, path) or {}
        entries = enumerate(found) if isinstance(found, list) else self.canonical.mapped(found, path).items()
        for key, each in entries:
            at = (*path, key)
            data = {name: value for name, value in self.canonical.mapped(each, at).items() if name != "@type"}
            name = key if isinstance(key, str) else ""
            self.taken.deliver(kind.message, at, self.canonical.message(kind.message, data, at), name)
        return True

    def add(self, what: str, why: str, path: Path | None) -> None:
        at = None if path is None else place(self.document, path)
        self.different.append(Different(what=what, why=why, place=at))

    def _without_bootstrap(self) -> None:
        """Static ones stand in the bootstrap, too: they count where there is none."""
        if self.taken.static is None:
            self.bootstrap = {"static_resources": self.static} if self.static else {}
            self.add("a bootstrap is made", "the dump has no section with the bootstrap", None)
            if any(message == _REGEX for message, _, _ in self.canonical.met):
                # Where a bootstrap has none, there is a layer by which the admin API changes values.
                layers = [{"name": "made", "static_layer": _LONGEST_REGEX}, {"name": "admin", "admin_layer": {}}]
                self.bootstrap["layered_runtime"] = {"layers": layers}
                what = "regular expressions may be long: " + ", ".join(f"{k}: {v}" for k, v in _LONGEST_REGEX.items())
                self.add(what, "the dump does not say how long, and its Envoy had taken them", None)

    def _tell(self, others: list[tuple[str, Path]]) -> None:
        for message, path in others:
            self.add(f"the section {message.rpartition('.')[2]} is left out", "it holds no configuration", path)
        if self.warming:
            names = named(name for name, _ in self.warming)
            self.add(f"what was warming is left out: {names}", "Envoy had not begun to use it", self.warming[0][1])
        if unknown := self.canonical.unknown_fields:
            paths = named(map(path_text, unknown))
            self.add(f"fields are left out: {paths}", "the API that is installed here does not know them", unknown[0])
        if redacted := [each for path in self._sources() for each in redacted_paths(*path)]:
            paths = named(map(path_text, redacted))
            self.add(f"{len(redacted)} redacted values are made anew: {paths}", "a dump shows no secrets", redacted[0])
        self._tell_missing()

    def _sources(self) -> Iterator[tuple[Any, Path]]:
        if self.taken.static is not None:
            yield self.bootstrap, self.taken.static
        yield from ((data, path) for path, data in self.taken.delivered.values())

    def _tell_missing(self) -> None:
        """What listeners name, and was not in the dump."""
        is_taken = self.taken.holding()
        routes = {
            str(rds.get("route_config_name")): path
            for message, path, data in self.canonical.met
            if message == _HTTP
            and is_taken(path)
            and isinstance(rds := data.get("rds"), dict)
            and rds.get("route_config_name")
        }
        if missing := sorted(routes.keys() - self.taken.names(RDS.message)):
            what = f"route configurations are missing: {named(missing)}"
            self.add(what, "listeners name them, and the dump has none of them", routes[missing[0]])


def _bootstrap(dump: _Dump, section: JsonObject, path: Path) -> None:
    dump.bootstrap = section.get("bootstrap", {})
    dump.taken.static = (*path, "bootstrap")


def _listeners(dump: _Dump, section: JsonObject, path: Path) -> None:
    for number, each in enumerate(section.get("static_listeners", ())):
        _static(dump, "listeners", each.get("listener"), (*path, "static_listeners", number, "listener"))
    for number, each in enumerate(section.get("dynamic_listeners", ())):
        at = (*path, "dynamic_listeners", number)
        name = str(each.get("name", ""))
        if isinstance(active := each.get("active_state"), dict):
            dump.taken.deliver(LDS.message, (*at, "active_state", "listener"), active.get("listener"), name)
        if "warming_state" in each:
            dump.warming.append((name, (*at, "warming_state")))


def _clusters(dump: _Dump, section: JsonObject, path: Path) -> None:
    for number, each in enumerate(section.get("static_clusters", ())):
        _static(dump, "clusters", each.get("cluster"), (*path, "static_clusters", number, "cluster"))
    for number, each in enumerate(section.get("dynamic_active_clusters", ())):
        dump.taken.deliver(CDS.message, (*path, "dynamic_active_clusters", number, "cluster"), each.get("cluster"))
    for number, each in enumerate(section.get("dynamic_warming_clusters", ())):
        _warming(dump, each.get("cluster"), (*path, "dynamic_warming_clusters", number))


def _endpoints(dump: _Dump, section: JsonObject, path: Path) -> None:
    """Static ones are those that stand in their clusters."""
    for number, each in enumerate(section.get("dynamic_endpoint_configs", ())):
        at = (*path, "dynamic_endpoint_configs", number, "endpoint_config")
        for locality in objects(inner(each, "endpoint_config").get("endpoints")):
            # Envoy tells 0 where one has no weight, and takes no 0.
            if locality.get(_WEIGHT) in (0, {"value": 0}):
                del locality[_WEIGHT]
        dump.taken.deliver(EDS.message, at, each.get("endpoint_config"))


def _routes(dump: _Dump, section: JsonObject, path: Path) -> None:
    """Static ones are those that stand in their listeners."""
    for number, each in enumerate(section.get("dynamic_route_configs", ())):
        dump.taken.deliver(
            RDS.message, (*path, "dynamic_route_configs", number, "route_config"), each.get("route_config")
        )


def _scoped_routes(dump: _Dump, section: JsonObject, path: Path) -> None:
    """Inline ones stand in their listeners."""
    for number, each in enumerate(section.get("dynamic_scoped_route_configs", ())):
        for index, scope in enumerate(each.get("scoped_route_configs", ())):
            at = (*path, "dynamic_scoped_route_configs", number, "scoped_route_configs", index)
            dump.taken.deliver(SRDS.message, at, scope)


def _secrets(dump: _Dump, section: JsonObject, path: Path) -> None:
    for number, each in enumerate(section.get("static_secrets", ())):
        _static(dump, "secrets", each.get("secret"), (*path, "static_secrets", number, "secret"))
    for number, each in enumerate(section.get("dynamic_active_secrets", ())):
        at = (*path, "dynamic_active_secrets", number, "secret")
        dump.taken.deliver(SDS.message, at, each.get("secret"), str(each.get("name", "")))
    for number, each in enumerate(section.get("dynamic_warming_secrets", ())):
        _warming(dump, each.get("secret") or each, (*path, "dynamic_warming_secrets", number))


def _extensions(dump: _Dump, section: JsonObject, path: Path) -> None:
    for number, each in enumerate(section.get("ecds_filters", ())):
        dump.taken.deliver(ECDS.message, (*path, "ecds_filters", number, "ecds_filter"), each.get("ecds_filter"))


def _static(dump: _Dump, field_name: str, data: Any, path: Path) -> None:
    if isinstance(data, dict):
        dump.taken.static_parts.append(path)
        listed = dump.static.setdefault(field_name, [])
        listed.append({key: value for key, value in data.items() if key != "@type"})


def _warming(dump: _Dump, data: Any, path: Path) -> None:
    dump.warming.append((str(data.get("name", "")) if isinstance(data, dict) else "", path))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


_SECTIONS: dict[str, _Read] = {
    "BootstrapConfigDump": _bootstrap,
    "ClustersConfigDump": _clusters,
    "EndpointsConfigDump": _endpoints,
    "ListenersConfigDump": _listeners,
    "RoutesConfigDump": _routes,
    "ScopedRoutesConfigDump": _scoped_routes,
    "SecretsConfigDump": _secrets,
    "EcdsConfigDump": _extensions,
}
