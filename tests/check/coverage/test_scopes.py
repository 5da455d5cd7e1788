"""What was reached of scoped routes: the scope is told by the key that the log has."""

from typing import Any

from tests.check.coverage.measured import WEB, listener, manager, measured, seen
from tests.check.derive.scopes import scope, scoped_manager, whole

SCOPED: dict[str, Any] = scoped_manager([whole("x-a"), whole("x-b")], scope("one", "a", "b"), scope("two", "c", "d"))
CHAIN = manager({"scoped_routes": SCOPED["typed_config"]["scoped_routes"]})


def reached(**entry: Any) -> list[str]:
    entry = {"upstream_cluster": "one", "path": "/", "authority": "a", **entry}
    found = measured([listener("web", 8000, CHAIN)], seen("p", entry))
    return [part.removeprefix(f"{WEB} / ") for part, each in found.items() if each.probes and each.kind == "route"]


def test_routes_that_are_alike_are_told_apart_by_the_key_of_their_scope() -> None:
    assert reached(scope_key_0="a", scope_key_1="b") == ["scope one / virtual host shop / route 0"]


def test_a_request_of_no_scope_has_reached_no_route() -> None:
    assert reached(scope_key_0="a", scope_key_1="d") == []
    assert reached(scope_key_0="a", scope_key_1="-") == []
    assert reached(scope_key_0="a", scope_key_1=None) == []


def test_a_request_without_a_route_has_reached_the_virtual_host_of_its_scope() -> None:
    entry = {"details": "route_not_found", "authority": "a", "scope_key_0": "c", "scope_key_1": "d"}
    found = measured([listener("web", 8000, CHAIN)], seen("p", entry))

    assert [each.name for each in found.values() if each.probes and each.kind == "virtual host"] == ["two: shop"]


def test_a_scope_whose_table_was_not_given_is_said() -> None:
    lost = scoped_manager([whole("x-a")], scope("lost", "a", table="gone"))["typed_config"]["scoped_routes"]
    found = measured([listener("web", 8000, manager({"scoped_routes": lost}))])

    assert found[WEB].why == "scope lost: its table of routes gone was not given"
