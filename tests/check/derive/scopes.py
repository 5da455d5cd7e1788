"""Scoped routes: tables of routes that a key out of headers chooses."""

from typing import Any

from tests.check.derive.by_hand import bootstrap, cluster, listener, manager


def whole(header: str) -> dict[str, Any]:
    """A fragment that is the whole header."""
    return {"header_value_extractor": {"name": header, "index": 0}}


def numbered(header: str, between: str, index: int) -> dict[str, Any]:
    """A fragment that is one of the header's elements, by its number."""
    return {"header_value_extractor": {"name": header, "element_separator": between, "index": index}}


def keyed(header: str, between: str, key: str) -> dict[str, Any]:
    """A fragment that is one of the header's elements, by its key."""
    element = {"key": key, "separator": "="}
    return {"header_value_extractor": {"name": header, "element_separator": between, "element": element}}


def scope(name: str, *key: str, table: dict[str, Any] | str | None = None) -> dict[str, Any]:
    """A scope, by default with a table of its own; a text names one."""
    made = {"name": name, "key": {"fragments": [{"string_key": each} for each in key]}}
    if isinstance(table, str):
        return made | {"route_configuration_name": table}
    return made | {"route_configuration": table or routes(name)}


def routes(name: str, *paths: str) -> dict[str, Any]:
    """A table with one virtual host, and routes by these paths to the cluster of that name."""
    made = [{"match": {"prefix": each}, "route": {"cluster": name}} for each in paths or ("/",)]
    return {"name": name, "virtual_hosts": [{"name": "shop", "domains": ["*"], "routes": made}]}


def scoped_manager(fragments: list[dict[str, Any]], *scopes: dict[str, Any]) -> dict[str, Any]:
    """A connection manager with inline scopes."""
    made = manager()
    del made["typed_config"]["route_config"]
    made["typed_config"]["scoped_routes"] = {
        "name": "scopes",
        "scope_key_builder": {"fragments": fragments},
        "scoped_route_configurations_list": {"scoped_route_configurations": list(scopes)},
    }
    return made


def gateway() -> dict[str, Any]:
    """Listeners with scopes by a whole header, and by elements of one that is split."""
    first = scoped_manager([whole("X-Tenant")], scope("one", "blue"), scope("two", "BLUE"))
    several = [keyed("x-scope", ";", "place"), keyed("x-scope", ";", "kind"), numbered("x-path", "/", 1)]
    second = scoped_manager(
        several, scope("three", "here", "a", "v1"), scope("four", "here", "b", "v1", table=routes("four", "/a", "/b"))
    )
    listeners = [
        listener("whole", 10001, {"name": "http", "filters": [first]}),
        listener("split", 10002, {"name": "http", "filters": [second]}),
    ]
    return bootstrap(listeners, [cluster(name) for name in ("one", "two", "three", "four")])
