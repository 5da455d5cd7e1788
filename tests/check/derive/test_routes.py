from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.check.derive import Bounds, probes
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import Certificate, UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.matching import Table, Taken
from takeover.check.derive.paths import template_expression
from takeover.check.derive.stripping import stripping
from takeover.check.messages import CHOICE
from takeover.check.records import Derived
from takeover.probes.probe_file import read_probes
from takeover.scenario import bundled
from takeover.scenario.library import Library
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, manager, world_of, write_scenario

HOSTS = [
    {
        "name": "one",
        "domains": ["a.example", "*.example"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "1"}}],
    },
    {"name": "two", "domains": ["*.b.example"], "routes": [{"match": {"path": "/two"}, "route": {"cluster": "2"}}]},
    {"name": "three", "domains": ["a.*", "c.example"], "routes": []},
    {"name": "rest", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 204}}]},
]


def derived_of(*routes: dict[str, Any], **more: Any) -> Derived:
    hosts = [{"name": "all", "domains": ["a.example"], "routes": list(routes)}]
    chain = {"name": "http", "filters": [manager(*hosts, **more)]}
    given = given_of(bootstrap([listener("front", 10001, chain)], [cluster("one")]))
    return probes(given, world_of(given), Bounds())


def route(match: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"match": match, "route": {"cluster": "one"}, **more}


@pytest.mark.parametrize(
    ("authority", "expects"),
    [
        ("a.example", "1"),
        ("A.Example", "1"),
        ("x.example", "1"),
        ("x.b.example", "no route"),
        ("b.example", "1"),
        ("a.test", "no route"),
        ("a.", "direct response 204"),
        ("a.example:80", "no route"),
        ("nobody", "direct response 204"),
    ],
)
def test_a_virtual_host_is_the_one_of_the_most_specific_domain(authority: str, expects: str) -> None:
    assert Table({"virtual_hosts": HOSTS}, {}).taken(Ask(host=authority)).expects == expects


@pytest.mark.parametrize(
    ("manager", "authority", "expects"),
    [
        ({"strip_any_host_port": True}, "a.example:80", "1"),
        ({"strip_matching_host_port": True}, "a.example:10001", "1"),
        ({"strip_matching_host_port": True}, "a.example:80", "no route"),
        ({"strip_trailing_host_dot": True}, "a.example.", "1"),
        ({"strip_trailing_host_dot": True}, "a.example.:80", "no route"),
        ({"strip_trailing_host_dot": True, "strip_any_host_port": True}, "a.example.:80", "1"),
        ({}, "a.example:80", "no route"),
    ],
)
def test_the_connection_manager_takes_away_of_the_host_what_it_is_told_to(
    manager: dict[str, bool], authority: str, expects: str
) -> None:
    table = Table({"virtual_hosts": HOSTS}, {}, stripping=stripping(manager, 10001))

    assert table.taken(Ask(host=authority)).expects == expects


@pytest.mark.parametrize("setting", ["strip_any_host_port", "strip_matching_host_port"])
def test_a_domain_with_a_port_that_is_taken_away_is_said_to_have_one(setting: str) -> None:
    hosts = [
        {"name": "rest", "domains": ["*"], "routes": [route({"prefix": "/"})]},
        {"name": "port", "domains": ["b.example:10001"], "routes": [route({"prefix": "/"})]},
    ]
    stripped: dict[str, Any] = {setting: True}
    chain = {"name": "http", "filters": [manager(*hosts, **stripped)]}
    given = given_of(bootstrap([listener("front", 10001, chain)], [cluster("one")]))

    [(place, reason)] = probes(given, world_of(given), Bounds()).unasked.items()

    assert place.endswith("virtual_hosts[1].domains[0]")
    assert reason == "the port of b.example:10001 is taken away before"


def test_the_path_is_matched_without_its_query() -> None:
    table = Table({"virtual_hosts": HOSTS}, {})

    assert table.taken(Ask(host="x.b.example", path="/two?a=b")).expects == "2"
    assert table.taken(Ask(host="x.b.example", path="/two/")).expects == "no route"


def test_a_route_before_is_gone_around() -> None:
    derived = derived_of(
        route({"prefix": "/", "headers": [{"name": "x-a", "present_match": False}]}, name="first"),
        route({"prefix": "/v1"}, name="second"),
        route({"safe_regex": {"regex": "/v./.*"}}, name="third"),
    )

    matched = {each.route for each in derived.targets if each.condition == "matches" and each.host}
    assert matched == {0, 1, 2}
    assert not derived.unasked


def test_requests_of_no_authority_are_written_for_a_domain_that_is_empty(tmp_path: Path) -> None:
    host = {"name": "none", "domains": [""], "routes": [route({"prefix": "/"})]}
    config = bootstrap([listener("front", 10001, {"name": "http", "filters": [manager(host)]})], [cluster("one")])
    given = given_of(config)
    derived = probes(given, world_of(given), Bounds())
    folder = write_scenario(tmp_path, config, derived.text, bundled.manifests() / "bases")
    [chains, *_] = read_probes(Library(folder.parent).scenario("mine"))
    assert "GET / HTTP/1.1\\r\\nHost: \\r\\n" in str(chains.probes[0].sends)


def test_one_that_is_never_taken_is_said_by_its_place() -> None:
    derived = derived_of(route({"prefix": "/"}, name="all"), route({"path": "/never"}))

    [(place, reason)] = derived.unasked.items()
    assert place.endswith("virtual_hosts[0].routes[1]")
    assert reason == "no request was found that all does not take"


@pytest.mark.parametrize(
    ("match", "more", "reason"),
    [
        ({"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 5}}}, {}, "takes 0 % of the requests"),
        ({"prefix": "/", "dynamic_metadata": [{"filter": "a"}]}, {}, "dynamic metadata"),
        ({"safe_regex": {"regex": "/\\pL"}}, {}, "bad escape"),
        ({"path": "foo/bar"}, {}, "begins no path"),
        ({"prefix": "foo"}, {}, "begins no path"),
    ],
)
def test_what_is_of_chance_or_not_known_is_not_asked_but_said(
    match: dict[str, Any], more: dict[str, Any], reason: str
) -> None:
    derived = derived_of(route(match) | more)

    assert any(reason in each for each in derived.unasked.values())
    assert not [each for each in derived.targets if each.route == 0 and each.condition == "matches"]


def test_what_takes_a_share_of_requests_by_a_key_that_is_not_known_is_unsure() -> None:
    share = {"runtime_key": "a.share", "default_value": {"numerator": 5}}
    of_chance = {"domains": ["*"], "routes": [route({"prefix": "/a", "runtime_fraction": share})]}
    with pytest.raises(UnsureError):
        Table({"virtual_hosts": [of_chance]}, {}).taken(Ask(host="a", path="/a"))


@pytest.mark.parametrize(
    ("asked", "client", "fits"),
    [
        ({"presented": True, "validated": True}, {"presented": True, "validated": True}, True),
        ({"presented": True}, {"presented": True}, True),
        ({"presented": True, "validated": True}, {"presented": True}, False),
        ({"validated": False}, {"presented": True}, True),
        ({"presented": False}, {"presented": True}, False),
        ({"presented": True}, {}, False),
        ({"presented": False, "validated": False}, {}, True),
    ],
)
def test_a_route_may_ask_for_a_clients_certificate(asked: dict[str, Any], client: dict[str, bool], fits: bool) -> None:
    condition, ask = Certificate(asked), Ask(host="a.example").but(**client)

    assert condition.fits(ask) is fits
    if not fits:
        with pytest.raises(CannotMakeError, match="a client of ours shows"):
            condition.made(ask)


def test_a_runtime_key_that_a_layer_sets_is_certain() -> None:
    share = {"runtime_key": "some.share", "default_value": {"numerator": 5}}
    table = {"virtual_hosts": [{"domains": ["*"], "routes": [route({"prefix": "/", "runtime_fraction": share})]}]}

    assert Table(table, {"some.share": 100}).taken(Ask(host="a")).expects == "one"
    assert Table(table, {"some.share": 0}).taken(Ask(host="a")).expects == "no route"


def test_each_condition_is_just_missed_by_one_probe() -> None:
    headers = [{"name": "x-a", "string_match": {"exact": "1"}}, {"name": "x-b", "range_match": {"start": 1, "end": 9}}]
    query = [{"name": "q", "string_match": {"prefix": "v"}}]
    derived = derived_of(route({"path": "/x", "headers": headers, "query_parameters": query}))

    conditions = {each.condition for each in derived.targets if each.route == 0}
    assert {"matches", "path: longer", "header x-a: another", "header x-b: another", "query q: another"} <= conditions
    assert {each.expects for each in derived.targets if each.probe.startswith("routes/") and each.route == 0} == {
        "one", "no route",
    }  # fmt: skip


def test_the_same_probes_come_every_time() -> None:
    assert derived_of(route({"prefix": "/a"})) == derived_of(route({"prefix": "/a"}))


def test_a_template_of_paths_is_an_expression() -> None:
    assert template_expression("/a/{x}/*/b.c") == (
        r"/a/[a-zA-Z0-9-._~%!$&'()+,;:@=]+/[a-zA-Z0-9-._~%!$&'()+,;:@=]+/b\.c"
    )
    assert template_expression("/{x=a/**}").startswith("/a/[")


@pytest.mark.parametrize(
    ("policies", "sent"),
    [
        ([{"header": {"header_name": "X-User"}}], "x-user: probe"),
        ([{"query_parameter": {"name": "user"}}], "user=probe"),
        ([{"cookie": {"name": "user", "ttl": "0s"}}], "user=probe"),
        ([{"header": {"header_name": "x-user"}}, {"connection_properties": {"source_ip": True}}], ""),
    ],
)
def test_a_request_has_what_its_endpoint_is_chosen_by(policies: list[dict[str, Any]], sent: str) -> None:
    action = {"cluster": "one", "hash_policy": policies}
    derived = derived_of({"match": {"path": "/a"}, "route": action})

    [first] = [each for each in read(derived) if each["name"] == "all-route-0"]
    assert sent in str(first) if sent else "user" not in str(first)


def read(derived: Derived) -> list[dict[str, Any]]:
    [routes] = [each for each in yaml.safe_load(derived.text) if each["group"] == "routes"]
    return list(routes["probes"])


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ({"cluster_header": "x-to"}, {"one", "two"}),
        ({"cluster": "one", "request_mirror_policies": [{"cluster_header": "x-to"}]}, {"one", "two"}),
        ({"cluster": "one", "request_mirror_policies": [{"cluster": "two"}]}, set()),
    ],
)
def test_each_cluster_that_a_header_may_choose_is_asked_for(action: dict[str, Any], asked: set[str]) -> None:
    hosts = [{"name": "all", "domains": ["a.example"], "routes": [{"match": {"prefix": "/"}, "route": action}]}]
    chain = {"name": "http", "filters": [manager(*hosts)]}
    given = given_of(bootstrap([listener("front", 10001, chain)], [cluster("one"), cluster("two")]))

    asking = read(probes(given, world_of(given), Bounds()))

    headers = [header for each in asking for header in each.get("headers", ())]
    assert {header.removeprefix("x-to: ") for header in headers if header.startswith("x-to: ")} == asked


def test_of_many_clusters_that_a_header_may_choose_only_those_are_worked_out_for_which_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worked_out = list[Ask]()
    taken = Table.taken

    def counted(table: Table, ask: Ask) -> Taken:
        worked_out.append(ask)
        return taken(table, ask)

    monkeypatch.setattr(Table, "taken", counted)
    every = {"match": {"prefix": "/"}, "route": {"cluster_header": "x-to"}}
    chain = {"name": "http", "filters": [manager({"name": "all", "domains": ["*"], "routes": [every]})]}
    clusters = [cluster(f"cluster-{number}") for number in range(1_000)]
    given = given_of(bootstrap([listener("front", 10001, chain)], clusters))

    derived = probes(given, world_of(given), Bounds(probes_per_route=20))

    assert len(read(derived)) == 20
    assert derived.left_out["probes per route"] > 900
    assert len(worked_out) < 500


@pytest.mark.parametrize("own", [{}, {"header_name": "x-number"}])
def test_what_just_misses_a_route_before_a_weighted_one_is_asked_with_a_number(own: dict[str, Any]) -> None:
    """So it is with each canary: who has not its header goes where weights choose."""
    canary = {"prefix": "/", "headers": [{"name": "x-canary", "string_match": {"exact": "yes"}}]}
    choice = {"clusters": [{"name": "one", "weight": 9}, {"name": "other", "weight": 1}], **own}
    derived = derived_of(route(canary), {"match": {"prefix": "/"}, "route": {"weighted_clusters": choice}})
    assert not derived.unasked
    aims = {each.condition: each.expects for each in derived.targets if each.route == 0}
    assert aims["header x-canary: none"] == aims["header x-canary: another"] == "one"
    [missing] = [
        each
        for group in yaml.safe_load(derived.text)
        for each in group["probes"]
        if each["name"] == "all-route-0-no-header-x-canary-none"
    ]
    assert missing["headers"] == [f"{own.get('header_name', CHOICE)}: 0"]
