"""What probes reached of a configuration, told by what Envoy logged and counted."""

from typing import Any

import pytest

from takeover.check.coverage.taken_apart import ROUTES
from takeover.check.records import Derived, Place, Resource, Target
from tests.check.coverage.measured import (
    PROXY,
    SHOP,
    WEB,
    called_alike,
    cluster,
    host,
    listener,
    manager,
    measured,
    reached,
    seen,
    table,
    to,
)


def test_a_name_in_the_access_log_tells_all_that_a_route_stands_in() -> None:
    routes = table(host("shop", ["*"], {"name": "a", **to("one")}, {"name": "b", **to("one")}))
    found = measured([listener("web", 8000, manager(routes))], seen("p", {"route": "b"}))
    assert reached(found) == {"route 1": ["routes/p"]}
    assert found[f"{SHOP} / route 1"].told_by == "the route's name"
    assert [found[each].probes for each in ("listener web", WEB, SHOP, f"{SHOP} / route 0")] == [1, 1, 1, 0]
    assert found["listener web"].where == "envoy.yaml:10"


@pytest.mark.parametrize(
    ("routes", "entry", "by"),
    [
        ([to("one"), to("two")], {"upstream_cluster": "two"}, "the cluster"),
        (
            [to("one"), {"match": {"prefix": "/"}, "direct_response": {"status": 204}}],
            {"details": "direct_response", "status": 204},
            "the kind of answer",
        ),
        (
            [
                {"match": {"prefix": "/"}, "redirect": {"https_redirect": True}},
                {"match": {"prefix": "/"}, "redirect": {"response_code": "FOUND"}},
            ],
            {"details": "direct_response", "status": 302},
            "the kind of answer",
        ),
        ([to("one", prefix="/a"), to("one", path="/b")], {"path": "/b?c", "upstream_cluster": "one"}, "the path"),
        (
            [to("one", safe_regex={"regex": "/a/[0-9]+"}), to("one", prefix="/b")],
            {"path": "/b/1", "upstream_cluster": "one"},
            "the path",
        ),
        (
            [
                to("one", path_match_policy={"name": "a", "typed_config": {"path_template": "/a/{name}"}}),
                to("one", safe_regex={"regex": "/b/(?P<any>.*)"}),
            ],
            {"path": "/b/1", "upstream_cluster": "one"},
            "the path",
        ),
        (
            [{"match": {"prefix": "/"}, "non_forwarding_action": {}}, to("one")],
            {"path": "/b/1", "upstream_cluster": "one"},
            "the cluster",
        ),
        ([to("one", prefix="/a"), to("one", prefix="/")], {"path": "/b", "upstream_cluster": "one"}, "the path"),
        ([to("one"), to("one", connect_matcher={})], {"method": "CONNECT", "upstream_cluster": "one"}, "the path"),
        (
            [{"match": {"prefix": "/"}, "direct_response": {"status": 503}}, to("gone")],
            {"details": "cluster_not_found", "status": 503},
            "the kind of answer",
        ),
        (
            [to("one", path_separated_prefix="/a"), to("one", prefix="/AB", case_sensitive=False)],
            {"path": "/ab", "upstream_cluster": "one"},
            "the path",
        ),
    ],
)
def test_of_routes_of_one_name_one_is_told_by_what_only_it_can_have_done(
    routes: list[dict[str, Any]], entry: dict[str, Any], by: str
) -> None:
    web = manager(table(host("shop", ["*"], *called_alike(*routes))))
    found = measured([listener("web", 8000, web)], seen("p", {"route": "same", **entry}))
    assert reached(found) == {"route 1": ["routes/p"]}
    assert found[f"{SHOP} / route 1"].told_by == f"the route's name and {by}"


def test_a_route_without_a_name_is_told_by_the_name_that_it_gets_if_it_is_not_the_only_one() -> None:
    routes = table(host("shop", ["*"], to("one", path="/a"), to("one")))
    found = measured([listener("web", 8000, manager(routes))], seen("p", {"route": "virtual host shop / route 1"}))
    assert reached(found) == {"route 1": ["routes/p"]}
    assert found[f"{SHOP} / route 1"].told_by == "the route's name"
    alone = [listener("web", 8000, manager(table(host("shop", ["*"], to("one")))))]
    assert reached(measured(alone, seen("p", {"upstream_cluster": "one"}))) == {"route 0": ["routes/p"]}


@pytest.mark.parametrize(
    ("authority", "name"),
    [("a.example", "exact"), ("x.a.example", "longer"), ("b.example", "suffix"), ("app.b", "prefix"), ("c", "any")],
)
def test_of_alike_routes_the_authority_tells_the_virtual_host_as_envoy_chooses_it(authority: str, name: str) -> None:
    domains = {"any": "*", "prefix": "app.*", "suffix": "*.example", "longer": "*.a.example", "exact": "a.example"}
    hosts = table(*(host(each, [domain], *called_alike(to("one"))) for each, domain in domains.items()))
    entry = {"authority": authority, "route": "same", "upstream_cluster": "one", "path": "/"}
    found = measured([listener("web", 8000, manager(hosts))], seen("p", entry))
    assert [each.name for each in found.values() if each.kind == "virtual host" and each.probes] == [name]


def test_a_request_without_a_route_has_reached_its_virtual_host_alone() -> None:
    hosts = table(host("shop", ["shop.example"], to("one", path="/a")), host("other", ["*"], to("one")))
    entry = {"details": "route_not_found", "authority": "shop.example", "path": "/b"}
    found = measured([listener("web", 8000, manager(hosts))], seen("p", entry))
    assert (found[SHOP].probes, reached(found)) == (1, {})


REFUSED = {"route": "a", "upstream_cluster": "one", "details": "jwt_authn_access_denied{Jwt_is_missing}"}


def test_what_a_filter_refused_for_a_route_has_not_reached_it_and_says_what_stopped_it() -> None:
    routes = table(host("shop", ["*"], {"name": "a", **to("one")}))
    resources = [listener("web", 8000, manager(routes)), cluster("one")]
    rbac = {**REFUSED, "details": "rbac_access_denied_matched_policy[none]"}
    found = measured(resources, seen("p", REFUSED), seen("q", rbac))
    for name in (f"{SHOP} / route 0", "cluster one"):
        assert found[name].probes == 0
        assert found[name].by == ["routes/p", "routes/q"]
        assert found[name].why == (
            "2 probes came to it, and none got past the filters before it: jwt_authn_access_denied, "
            "rbac_access_denied_matched_policy"
        )
    assert found[SHOP].probes == 2


@pytest.mark.parametrize(
    "entry",
    [{"details": "via_upstream"}, {"details": "no_healthy_upstream", "flags": "UH"}, {"flags": "DC,UF"},
     {"upstream_host": "10.0.0.1:80"}, {"details": "direct_response"}, {"details": ""}],
)  # fmt: skip
def test_what_came_to_the_router_has_reached_its_route(entry: dict[str, str]) -> None:
    routes = table(host("shop", ["*"], {"name": "a", **to("one")}))
    resources = [listener("web", 8000, manager(routes)), cluster("one")]
    found = measured(resources, seen("p", {**REFUSED, **entry}), seen("q", REFUSED))
    assert found[f"{SHOP} / route 0"].probes == 1
    assert found[f"{SHOP} / route 0"].by == ["routes/p", "routes/q"]


def test_what_a_filter_refused_is_of_no_route() -> None:
    found = measured(
        [listener("web", 8000, manager(table(host("shop", ["*"], to("one")))))],
        seen("p", {"details": "rbac_access_denied_matched_policy[none]", "authority": "a", "path": "/"}),
    )
    assert (reached(found), found[WEB].probes) == ({}, 1)


def test_routes_that_nothing_tells_apart_are_not_reached_and_say_so() -> None:
    alike = [to("one", prefix="/", headers=[{"name": "x", "present_match": True}]), to("one")]
    found = measured(
        [listener("web", 8000, manager(table(host("shop", ["*"], *called_alike(*alike)))))],
        seen("p", {"route": "same", "upstream_cluster": "one", "path": "/"}),
    )
    assert reached(found) == {}
    assert (
        found[f"{SHOP} / route 0"].why
        == f"1 probe took it or {SHOP} / route 1: nothing that Envoy tells sets them apart"
    )
    assert found[SHOP].probes == 1


def test_entries_of_the_configurations_own_access_log_tell_nothing() -> None:
    found = measured(
        [listener("web", 8000, manager(table(host("shop", ["*"], {"name": "a", **to("one")}))))],
        seen("p", {"listener": "whatever", "route": "a"}),
    )
    assert (reached(found), found["listener web"].probes) == ({}, 1)


def test_chains_are_told_by_their_names_the_made_ones_too_or_by_what_their_filters_count() -> None:
    tcp = {"filters": [{"name": "tcp", "typed_config": {"@type": PROXY, "stat_prefix": "db", "cluster": "one"}}]}
    web = listener("web", 8000, {"name": "tls", **manager(table(), "tls")}, manager(table(), "plain"), tcp, tcp)
    web.data["default_filter_chain"] = tcp
    named = seen("a", {"filter_chain": "tls"}, **{"http.tls.downstream_cx_total": 1})
    counted = seen("b", {}, **{"http.plain.downstream_cx_total": 1})
    alike = {"tcp.db.downstream_cx_total": 1}
    made = [seen(each, {"filter_chain": each}, **alike) for each in ("filter chain 3", "default filter chain")]
    found = measured([web], named, counted, *made)
    told = {each.name: each.told_by for each in found.values() if each.kind == "filter chain"}
    assert told == {
        "filter chain tls": "its name in the access log",
        "filter chain 1": "the counters of its filters",
        "filter chain 2": "",
        "filter chain 3": "its name in the access log",
        "default filter chain": "its name in the access log",
    }


def test_chains_of_one_name_are_told_by_the_number_that_the_log_has_behind_it() -> None:
    chains = [{"name": "same", **manager(table(host("all", ["*"], to("one"))), "web")} for _ in range(2)]
    derived = Derived(text="", targets=(Target(probe="routes/q", listener="web", chain="same (1)"),))
    found = measured([listener("web", 8000, *chains)], seen("p", {"filter_chain": "same (0)"}), derived=derived)
    ids = [f"listener web / filter chain same ({number})" for number in range(2)]
    assert [found[each].probes for each in ids] == [1, 0]
    assert found[ids[0]].told_by == "its name in the access log"
    assert found[ids[1]].why.startswith("1 probe aimed at it (routes/q)")


def test_clusters_are_told_by_the_log_and_by_their_counters() -> None:
    resources = [
        listener("web", 8000, manager(table(host("shop", ["*"], to("one"))))),
        cluster("one"),
        cluster("auth:grpc", alt_stat_name="auth:x"),
        cluster("idle"),
    ]
    probe = seen("p", {"upstream_cluster": "one"}, **{"cluster.auth_x.upstream_rq_total": 1, "cluster.idle.update": 1})
    found = measured(resources, probe)
    told = {each.name: each.told_by for each in found.values() if each.kind == "cluster"}
    assert told == {"one": "the access log", "auth:grpc": "its counters", "idle": ""}
    assert found["cluster idle"].why == "no listener and no table of routes names it"


def test_a_route_that_asks_for_its_path_alone_lets_nothing_past() -> None:
    header = {"headers": [{"name": "x-beta", "present_match": True}]}
    routes = [to("one", prefix="/a", **header), to("one", prefix="/a"), to("one"), to("one", path="/a/b")]
    resources = [listener("web", 8000, manager(table(host("shop", ["*"], *called_alike(*routes)))))]
    found = measured(resources, seen("p", {"route": "same", "path": "/a/b", "upstream_cluster": "one"}))
    whys = [found[f"{SHOP} / route {number}"].why for number in range(4)]
    assert [each.startswith("1 probe took it or") for each in whys] == [True, True, False, False]


def test_a_route_of_which_nothing_is_known_lets_others_be_it() -> None:
    routes = [to("one", safe_regex={"regex": r"/a\pN"}), to("one", prefix="/a")]
    resources = [listener("web", 8000, manager(table(host("shop", ["*"], *called_alike(*routes)))))]
    found = measured(resources, seen("p", {"route": "same", "path": "/a/b", "upstream_cluster": "one"}))
    whys = [found[f"{SHOP} / route {number}"].why for number in range(2)]
    assert all(each.startswith("1 probe took it or") for each in whys)


def test_a_cluster_of_another_name_in_statistics_is_known_by_it_in_the_log() -> None:
    routes = table(host("shop", ["*"], *called_alike(to("default/one/80/a"), to("default/two/80/b"))))
    resources = [
        listener("web", 8000, manager(routes)),
        cluster("default/one/80/a", alt_stat_name="default_one_80"),
        cluster("default/two/80/b", alt_stat_name="default_two_80"),
    ]
    found = measured(resources, seen("p", {"route": "same", "upstream_cluster": "default_two_80"}))
    assert reached(found) == {"route 1": ["routes/p"]}
    assert found[f"{SHOP} / route 1"].told_by == "the route's name and the cluster"
    assert found["cluster default/two/80/b"].told_by == "the access log"
    # Where two have the same, each has its own behind it in the world.
    resources[1].data["alt_stat_name"] = "default_two_80"
    alike = seen("p", {"route": "same", "upstream_cluster": "default_two_80-default/one/80/a"})
    assert reached(measured(resources, alike)) == {"route 0": ["routes/p"]}


def test_what_looks_like_chance_in_a_name_is_no_reason_not_to_know_it() -> None:
    """Observations have it in a normal form: <uuid>, and a port that the kernel may have given."""
    mesh = "db.internal.11111111-2222-3333-4444-555555555555.mesh"
    two = [{"domains": [f"{name}.test"], "name": f"{name}.{mesh}", "routes": [to(mesh)]} for name in ("one", "two")]
    chains = [manager(table(*two)) | {"name": mesh}, manager({}, "other") | {"name": "other"}]
    resources = [listener("in:10.0.0.1:45000", 8000, *chains), cluster(mesh), cluster(f"counted.{mesh}")]
    logged = "db.internal.<uuid>.mesh"
    entry = {"filter_chain": logged, "upstream_cluster": logged, "route": f"virtual host two.{logged} / route 0"}
    probe = seen("p", entry | {"listener": "in:10.0.0.1:<port>"}, **{f"cluster.counted.{logged}.upstream_cx_total": 1})
    found = measured(resources, probe)
    names = [each.name for each in found.values() if each.told_by]
    assert names == ["in:10.0.0.1:45000", f"filter chain {mesh}", f"two.{mesh}", "route 0", mesh, f"counted.{mesh}"]


def test_clusters_of_one_name_in_statistics_are_told_apart_by_their_own_behind_it() -> None:
    resources = [*(cluster(name, alt_stat_name="app") for name in ("one", "two")), cluster("app")]
    found = measured(resources, seen("p", {}, **{"cluster.app-two.upstream_cx_total": 1}))
    assert [each.name for each in found.values() if each.told_by] == ["two"]


def test_tables_of_routes_that_are_served_are_taken_apart_or_said_to_be_missing() -> None:
    data = {"@type": ROUTES, "name": "served", "virtual_hosts": [host("shop", ["*"], to("one"))]}
    served = Resource(type_url=ROUTES, name="served", data=data, place=Place(file="dump.json", line=7), is_static=False)
    there = manager({"rds": {"route_config_name": "served"}})
    missing = manager({"rds": {"route_config_name": "gone"}})
    found = measured([listener("web", 8000, there), listener("other", 8001, missing), served])
    assert found[f"{SHOP} / route 0"].where == "dump.json:7"
    assert found["listener other / filter chain 0"].why == "its table of routes gone was not given"
