"""Trees of matchers as lists: in which order their ends count, and where they stand."""

from typing import Any

from takeover.check.trees import NETS, ends, routes_of
from tests.check.derive.trees import every, header, listed, mapped, nested, single, to, to_list

A, B = single(header("x-a"), exact="a"), single(header("x-b"), exact="b")


def names(matcher: dict[str, Any]) -> list[str]:
    return [str(each.config.get("name", "list")) for each in ends(matcher)]


def test_a_list_counts_in_order_and_what_is_for_no_match_comes_last() -> None:
    found = list(ends(listed((A, to("one")), (every(A, B), to("two")), otherwise=to("three"))))

    assert [(each.config["name"], each.asked) for each in found] == [
        ("one", (A,)), ("two", (every(A, B),)), ("three", ()),
    ]  # fmt: skip
    assert found[1].path == "matcher_list.matchers[1].on_match.action"
    assert found[2].path == "on_no_match.action"


def test_of_a_map_of_beginnings_the_longest_counts_first() -> None:
    found = list(ends(mapped("prefix", header(":path"), {"/": to("short"), "/it's": to("long")})))

    assert [each.config["name"] for each in found] == ["long", "short"]
    assert found[0].path == r"matcher_tree.prefix_match_map.map['/it\'s'].action"
    assert found[0].asked == (single(header(":path"), prefix="/it's"),)


def test_a_nested_tree_asks_for_what_leads_to_it_and_then_the_search_goes_on() -> None:
    inner = nested(mapped("exact", header("x-b"), {"b": to("inner")}))
    found = list(ends(listed((A, inner), (A, to("after")))))

    assert [(each.config["name"], each.asked) for each in found] == [("inner", (A, B)), ("after", (A,))]
    assert found[0].path == "matcher_list.matchers[0].on_match.matcher.matcher_tree.exact_match_map.map['b'].action"


def test_after_which_the_search_goes_on_nothing_ends() -> None:
    assert names(listed((A, {**to("one"), "keep_matching": True}), (B, to("two")))) == ["two"]


def test_of_nets_the_narrowest_counts_first_and_of_names_the_longest() -> None:
    def tree(kind: str, **fields: Any) -> dict[str, Any]:
        config = {"@type": f"type.googleapis.com/xds.type.matcher.v3.{kind}", **fields}
        return {"matcher_tree": {"input": header("x"), "custom_match": {"name": "own", "typed_config": config}}}

    wide, narrow = ({"address_prefix": "10.0.0.0", "prefix_len": each} for each in (8, 24))
    nets = [{"ranges": [wide], "on_match": to("wide")}, {"ranges": [narrow], "on_match": to("narrow")}]
    found = list(ends(tree("IPMatcher", range_matchers=nets)))
    assert [each.config["name"] for each in found] == ["narrow", "wide"]
    assert found[0].asked[0]["single_predicate"]["custom_match"]["typed_config"] == {
        "@type": NETS, "cidr_ranges": [narrow],
    }  # fmt: skip
    domains = [{"domains": [each], "on_match": to(each)} for each in ("*", "*.example", "*.b.example", "a.example")]
    assert names(tree("ServerNameMatcher", domain_matchers=domains)) == ["a.example", "*.b.example", "*.example", "*"]
    [unknown] = ends(tree("Unheard"))
    assert "Unheard" in unknown.unread


def test_the_routes_of_a_host_stand_in_its_list_or_at_the_ends_of_its_tree() -> None:
    plain = routes_of({"routes": [{"name": "one"}]})
    assert [(each.path, each.data["name"], each.end) for each in plain] == [("routes[0]", "one", None)]
    found = routes_of({"matcher": listed((A, to_list("one", "two")), otherwise=to("three"))})
    assert [(each.path, each.data["name"]) for each in found] == [
        ("matcher.matcher_list.matchers[0].on_match.action.typed_config.routes[0]", "one"),
        ("matcher.matcher_list.matchers[0].on_match.action.typed_config.routes[1]", "two"),
        ("matcher.on_no_match.action.typed_config", "three"),
    ]
