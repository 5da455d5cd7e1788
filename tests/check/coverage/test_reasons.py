"""Why a part of a configuration was not reached, and how a terminal lists it."""

import msgspec

from takeover.check.coverage.listing import listing
from takeover.check.records import Derived, Target
from takeover.model.checked import ConfigPart
from takeover.model.document import Breakdown, Observation
from tests.check.coverage.measured import (
    NOTHING_DERIVED,
    SHOP,
    cluster,
    host,
    listener,
    manager,
    measured,
    seen,
    table,
    to,
)


def test_where_envoy_did_not_serve_that_is_why_nothing_was_reached() -> None:
    targets = (Target(probe="routes/p", listener="web"),)
    resources = [listener("web", 8000, manager(table(host("shop", ["*"], to("one"))))), cluster("one")]
    derived = Derived(text="", targets=targets, left_out={"within": 3})
    made = seen("p", {})
    broken = Breakdown("given/envoyproxy", "not-started", 1)
    refused = msgspec.structs.replace(made, observation=Observation(None, end="refused", breakdown=broken))
    for probes in ((), (refused,)):
        found = measured(resources, *probes, derived=derived)
        none_made = "1 probe aimed at it (routes/p), and none of them could be made: the run says why"
        assert found["listener web"].why == none_made
        assert found["cluster one"].why == "no probe could be made: the run says why"
    assert measured(resources, seen("p", {}), derived=derived)["listener web"].why == ""


def test_a_cluster_that_no_probe_is_for_says_what_it_is_for() -> None:
    resources = [listener("web", 8000, manager(table(host("shop", ["*"], to("one"))))), cluster("one")]
    derived = Derived(text="", targets=(), left_out={"within": 3})
    found = measured(resources, derived=derived, apart={"one": "a control plane is there"})
    assert found["cluster one"].why == "a control plane is there"


def test_why_a_part_was_not_reached() -> None:
    routes = [{"name": "a", **to("one")}, {"name": "b", **to("one")}, {"name": "c", **to("one")}]
    at = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]"
    derived = Derived(
        text="",
        targets=(Target(probe="routes/p", listener="web", chain="0", host="shop", route=0),),
        unasked={f"{at}.routes[1].match": "its fraction is of chance"},
        left_out={"probes per route": 3},
    )
    found = measured(
        [listener("web", 8000, manager(table(host("shop", ["*"], *routes)))), listener("far", 8001, manager(table()))],
        seen("p", {"details": "http1.codec_error"}),
        derived=derived,
        unreached={"far": "it binds to no port"},
    )
    whys = [found[f"{SHOP} / route {number}"].why for number in range(3)]
    assert whys == [
        "1 probe aimed at it (routes/p), and Envoy's log and counters are of something else",
        "its fraction is of chance",
        "no probe aims at it; some were left out by a bound",
    ]
    assert found["listener far"].why == "it binds to no port"


def test_a_listener_of_whose_chains_none_is_asked_for_says_why_of_the_first() -> None:
    at = "static_resources.listeners[0].filter_chains"
    derived = Derived(text="", targets=(), unasked={f"{at}[0]": "a match by state", f"{at}[1]": "another"})
    found = measured([listener("web", 8000, manager(table()), manager(table()))], derived=derived)
    assert found["listener web"].why == "a match by state"


def test_the_listing_is_a_table_and_the_reasons_once() -> None:
    routes = table(host("shop", ["*"], {"name": "a", **to("one")}, {"name": "b", **to("one")}))
    parts = list(measured([listener("web", 8000, manager(routes))], seen("p", {"route": "b"})).values())
    derived = Derived(text="", targets=(), left_out={"within": 12})
    assert list(listing({"1.37.0": parts, "1.40.0": parts}, derived, {})) == [
        "reached by probes  1.37.0  1.40.0",
        "listeners          1 of 1  1 of 1",
        "filter chains      1 of 1  1 of 1",
        "virtual hosts      1 of 1  1 of 1",
        "routes             1 of 2  1 of 2",
        f"not reached: {SHOP} / route 0: no probe aims at it",
        "not probed, by within: 12 more probes",
    ]


def test_the_listing_says_what_is_not_asked_unless_a_part_says_so_itself() -> None:
    part = ConfigPart("listener far", "listener", "far", why="it binds to no port")
    at = "static_resources.listeners[0]"
    told = {at: "it binds to no port", f"{at}.match: path": "of chance", "listeners[1]: x": "it binds to no port"}
    lines = list(listing({"1.40.0": [part]}, Derived(text="", targets=(), unasked=told), {part.id: (at,)}))
    assert lines[-2:] == [
        f"not asked: {at}.match: path: of chance",
        "not asked: listeners[1]: x: it binds to no port",
    ]
    many = {f"route {number}": "of chance" for number in range(22)}
    assert list(listing({"1.40.0": [part]}, Derived(text="", targets=(), unasked=many), {}))[-2:] == [
        "not asked: route 19: of chance",
        "and 2 more that were not asked: the page has them",
    ]


def test_a_listener_that_was_reached_by_way_of_another_is_asked() -> None:
    part = ConfigPart("listener inner", "listener", "inner", probes=1)
    derived = Derived(text="", targets=(), unasked={"inner": "it is internal"})
    assert not [each for each in listing({"1.40.0": [part]}, derived, {}) if each.startswith("not asked")]


def test_parts_of_one_name_name_their_envoy_once() -> None:
    twins = [ConfigPart("listener web / filter chain twin", "filter chain", "twin", why=why) for why in ("a", "a")]
    others = [ConfigPart(each.id, each.kind, each.name, why="b") for each in twins]
    lines = list(listing({"old": twins, "new": others}, NOTHING_DERIVED, {}))
    assert [each for each in lines if each.startswith("not reached")] == [
        "not reached on old: listener web / filter chain twin: a",
        "not reached on new: listener web / filter chain twin: b",
    ]


def test_a_default_chain_with_a_name_is_what_its_probes_aimed_at() -> None:
    routes = table(host("shop", ["*"], {"name": "a", **to("one")}))
    web = listener("web", 8000)
    web.data["default_filter_chain"] = manager(routes) | {"name": "rest"}
    derived = Derived(text="", targets=(Target(probe="routes/p", listener="web", chain="rest", host="shop", route=0),))
    found = measured([web], derived=derived)
    why = found["listener web / default filter chain / virtual host shop / route 0"].why
    assert why.startswith("1 probe aimed at it (routes/p)")


def test_clusters_that_one_reason_keeps_apart_are_one_line() -> None:
    """Or those that nothing names, of which a mesh has dozens, would hide all else."""
    idle = [ConfigPart(f"cluster {name}", "cluster", name, why="nothing names it") for name in "abcdefgh"]
    xds = ConfigPart("cluster xds", "cluster", "xds", why="a control plane is there")
    lines = list(listing({"old": [*idle, xds], "new": [*idle[1:], xds]}, NOTHING_DERIVED, {}))
    assert [each for each in lines if "not reached" in each] == [
        "not reached on old: cluster a: nothing names it",
        "not reached: clusters b, c, d and 4 more: nothing names it",
        "not reached: cluster xds: a control plane is there",
    ]
