"""Keys of scopes: what headers give, and headers that give a key."""

from pathlib import Path
from typing import Any

import pytest

from takeover.check.records import Given, Place
from takeover.check.scopes import Fragment, Scoped, headers_for, scoped
from tests.check.derive.scopes import keyed, numbered, routes, scope, scoped_manager, whole

NOTHING = Given(name="mine", kind="bootstrap", source=Path("envoy.yaml"), bootstrap={}, resources=())
PLACE = Place(file="envoy.yaml", line=7)


def read(manager: dict[str, Any]) -> Scoped:
    found = scoped(manager["typed_config"], "at", PLACE, NOTHING)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("fragment", "value", "part"),
    [
        (Fragment("x"), "a;b", "a;b"),
        (Fragment("x"), None, None),
        (Fragment("x", index=1), "a;b", None),
        (Fragment("x", ";", 1), "a;b", "b"),
        (Fragment("x", ";", 2), "a;b", None),
        (Fragment("x", ";", None, "b", "="), "a=1;b=2=3;b=4", "2=3"),
        (Fragment("x", ";", None, "B", "="), "a=1;b=2", None),
        (Fragment("x", ";", None, "b", "="), "a=1;b", ""),
        (Fragment("x", "", None, "b", "="), "b=1;c", "1;c"),
    ],
)
def test_a_fragment_is_a_part_of_a_header(fragment: Fragment, value: str | None, part: str | None) -> None:
    assert fragment.of(value) == part


def test_headers_that_give_a_key_are_found_or_there_are_none() -> None:
    fragments = (Fragment("x", ";", None, "b", "="), Fragment("x", ";", None, "a", "="), Fragment("y", "/", 1))
    made = headers_for(fragments, ("1", "2", "3"))

    assert made == (("x", "b=1;a=2"), ("y", "-/3"))
    assert [each.of(dict(made)[each.header]) for each in fragments] == ["1", "2", "3"]
    assert headers_for(fragments, ("1", "2")) is None
    assert headers_for((Fragment("x", index=1),), ("1",)) is None
    assert headers_for((Fragment("x", ";", 0), Fragment("x", ";", 0)), ("1", "2")) is None


def test_the_scopes_of_a_manager_have_their_tables_or_say_why_not() -> None:
    builders = [whole("X-Tenant"), numbered("x-b", "/", 1), keyed("x-tenant", ";", "c")]
    found = read(scoped_manager(builders, scope("one", "a", "b", "c"), scope("two", "d", "e", "f", table="gone")))

    assert found.fragments == (Fragment("x-tenant"), Fragment("x-b", "/", 1), Fragment("x-tenant", ";", None, "c", "="))
    assert found.headers == ("x-tenant", "x-b")
    assert [(each.name, each.key, each.table.data, each.table.unknown) for each in found.scopes] == [
        ("one", ("a", "b", "c"), routes("one"), ""),
        ("two", ("d", "e", "f"), None, "its table of routes gone was not given"),
    ]
    assert found.scopes[0].table.path == (
        "at.scoped_routes.scoped_route_configurations_list.scoped_route_configurations[0].route_configuration"
    )


def test_a_request_is_of_the_scope_whose_whole_key_it_has() -> None:
    found = read(scoped_manager([whole("x-a"), whole("x-b")], scope("one", "a", "b"), scope("two", "a", "c")))

    def of(**headers: str) -> str:
        at = found.of(lambda name: headers.get(name.replace("-", "_")))
        return "" if at is None else at.name

    assert [of(x_a="a", x_b="b"), of(x_a="a", x_b="c"), of(x_a="a"), of(x_a="A", x_b="b")] == ["one", "two", "", ""]


def test_what_has_no_scopes_has_none() -> None:
    assert scoped({"route_config": {}}, "at", PLACE, NOTHING) is None
