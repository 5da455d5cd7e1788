"""Scoped routes of a connection manager: its scopes with their tables of routes, and the key that a request has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from takeover.check.messages import inner, objects
from takeover.check.records import Given, Place, Resource
from takeover.check.route_tables import RouteTable, inline_table, named_table, served_tables

FIELD: Final = "scope_key_{}"
"""In the access log that is added: the header by which a request is scoped; its number follows."""

_LIST = "scoped_routes.scoped_route_configurations_list.scoped_route_configurations"


@dataclass(frozen=True)
class Fragment:
    """`ScopedRoutes.ScopeKeyBuilder.FragmentBuilder`: a part of a key, out of a header.

    Args:
        header: its name, in small letters.
        between: what separates the header's elements; empty: it is one.
        index: which of them; None: the one that has the key.
        key: the element's, `separator` what follows it.
    """

    header: str
    between: str = ""
    index: int | None = 0
    key: str = ""
    separator: str = ""

    def of(self, value: str | None) -> str | None:
        """The part that a header with that value gives; None: it gives none."""
        if value is None:
            return None
        elements = value.split(self.between) if self.between else [value]
        if self.index is not None:
            return elements[self.index] if self.index < len(elements) else None
        for each in elements:
            key, _, rest = each.partition(self.separator) if self.separator else (each, "", "")
            if key == self.key:
                return rest
        return None


@dataclass(frozen=True)
class Scope:
    """A scope.

    Args:
        name: its own.
        key: the parts of its key.
        table: its table of routes.
    """

    name: str
    key: tuple[str, ...]
    table: RouteTable


@dataclass(frozen=True)
class Scoped:
    """All scopes of a connection manager.

    Args:
        fragments: those of which a key is made; None: one of them is of a kind that is not known.
    """

    fragments: tuple[Fragment, ...] | None
    scopes: tuple[Scope, ...]

    @property
    def headers(self) -> tuple[str, ...]:
        """Those that decide, each once."""
        return tuple(dict.fromkeys(each.header for each in self.fragments or ()))

    def with_keys(self, written: Callable[[str], str]) -> "Scoped":
        """The same with the parts of keys as they are written elsewhere."""
        return replace(self, scopes=tuple(replace(each, key=tuple(map(written, each.key))) for each in self.scopes))

    def of(self, value: Callable[[str], str | None]) -> Scope | None:
        """The scope of a request with those headers; None: there is none.

        Args:
            value: gives a header's, by its name; None: it is not there.
        """
        key = tuple(each.of(value(each.header)) for each in self.fragments or ())
        return next((each for each in self.scopes if each.key == key), None)


def scoped(manager: Mapping[str, Any], at: str, where: Place, given: Given) -> Scoped | None:
    """The scopes of a connection manager; None: it has none.

    Args:
        at: where it stands, `where` in which file.
    """
    routes = manager.get("scoped_routes")
    if not isinstance(routes, dict):
        return None
    tables = served_tables(given)
    builders = inner(routes, "scope_key_builder").get("fragments")
    fragments = [_fragment(each) for each in objects(builders)]
    known = tuple(each for each in fragments if each is not None)
    found = [_scope(*each, tables) for each in _listed(routes, at, where, given)]
    return Scoped(known if len(known) == len(fragments) else None, tuple(found))


def _listed(
    routes: Mapping[str, Any], at: str, where: Place, given: Given
) -> Iterator[tuple[Mapping[str, Any], str, Place]]:
    """Each `ScopedRouteConfiguration`, and where it stands: those that are served are for all that ask for some."""
    inline = inner(routes, "scoped_route_configurations_list").get("scoped_route_configurations")
    for number, each in enumerate(objects(inline)):
        yield each, f"{at}.{_LIST}[{number}]", where
    if "scoped_rds" in routes:
        for resource in given.resources:
            if resource.type_url.endswith(".ScopedRouteConfiguration") and not resource.is_inline:
                yield resource.data, resource.place.path or f"scope {resource.name}", resource.place


def _scope(data: Mapping[str, Any], at: str, where: Place, tables: Mapping[str, Resource]) -> Scope:
    name = str(data.get("name", ""))
    key = tuple(str(each.get("string_key", "")) for each in objects(inner(data, "key").get("fragments")))
    if isinstance(inline := data.get("route_configuration"), dict):
        return Scope(name, key, inline_table(inline, f"{at}.route_configuration", where))
    return Scope(name, key, named_table(str(data.get("route_configuration_name", "")), at, where, tables))


def _fragment(builder: Mapping[str, Any]) -> Fragment | None:
    extractor = builder.get("header_value_extractor")
    if not isinstance(extractor, dict):
        return None
    header, between = str(extractor.get("name", "")).lower(), str(extractor.get("element_separator", ""))
    element = extractor.get("element")
    if isinstance(element, dict):
        key, separator = str(element.get("key", "")), str(element.get("separator", ""))
        return Fragment(header, between, None, key, separator)
    return Fragment(header, between, int(extractor.get("index", 0) or 0))


def headers_for(fragments: Sequence[Fragment], key: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
    """Headers that give the key; None: none do."""
    values: dict[str, list[str]] = {}
    for fragment, part in zip(fragments, key, strict=False):
        elements = values.setdefault(fragment.header, [])
        if fragment.index is None:
            elements.append(f"{fragment.key}{fragment.separator}{part}")
        else:
            elements += ["-"] * (fragment.index + 1 - len(elements))
            elements[fragment.index] = part
    between = {each.header: each.between for each in fragments}
    made = {header: between[header].join(elements) for header, elements in values.items()}
    if len(key) != len(fragments) or any(
        each.of(made[each.header]) != part for each, part in zip(fragments, key, strict=True)
    ):
        return None
    return tuple(made.items())
