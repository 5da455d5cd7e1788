"""What was reached of trees of matchers, and in which line its ends stand."""

from pathlib import Path

import yaml

from takeover.check.coverage.lines import lines_of
from takeover.check.coverage.taken_apart import parts_of
from takeover.check.given import read
from takeover.check.records import Derived, Target
from tests.check.coverage.measured import SHOP, listener, manager, measured, reached, seen, table
from tests.check.derive.trees import gateway, header, listed, mapped, single, to, to_list

TREE = listed(
    (single(header("x-a"), exact="a"), to_list("one", "two")), otherwise=to("three", path="/three")
)  # fmt: skip
HOST = {"name": "shop", "domains": ["*"], "matcher": TREE}


def test_the_routes_at_the_ends_of_a_tree_are_parts_and_told_as_others() -> None:
    found = measured([listener("web", 8000, manager(table(HOST)))], seen("p", {"route": "two"}))

    assert reached(found) == {"route 1": ["routes/p"]}
    assert [each.name for each in found.values() if each.kind == "route"] == ["one", "two", "three"]


def test_why_an_end_was_not_reached_is_found_by_its_place() -> None:
    at = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]"
    derived = Derived(
        text="",
        targets=(Target(probe="routes/p", listener="web", chain="0", host="shop", route=1),),
        unasked={f"{at}.matcher.on_no_match.action.typed_config.match": "a match by something"},
    )
    found = measured([listener("web", 8000, manager(table(HOST)))], derived=derived)

    assert found[f"{SHOP} / route 2"].why == "a match by something"
    assert found[f"{SHOP} / route 1"].why.startswith("1 probe aimed at it (routes/p)")


def test_an_end_stands_in_the_line_of_its_own(tmp_path: Path) -> None:
    config = gateway()
    [host] = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"][
        "route_config"
    ]["virtual_hosts"]
    host["matcher"] = mapped("exact", header("x-a"), {"/a.b": to("one"), "it's [2]": to("two")})
    file = tmp_path / "envoy.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    given = read(file, {})
    routes = [route for each in parts_of(given).listeners[0].chains[0].hosts for route in each.routes]
    lines = file.read_text().splitlines()

    for route in routes:
        line = lines_of(given)(route.paths[0])
        assert line is not None
        assert f"name: {route.name}" in "".join(lines[line - 1 : line + 2])
