"""Requests for policies of RBAC: one with all that a policy asks for at once, those near it, and what is not known."""

from collections.abc import Mapping
from typing import Any

import pytest

from takeover.check.derive import Bounds
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.origin import Origin
from takeover.check.derive.rbac import allowed, edges, unread
from takeover.check.derive.sanitizing import sanitizing
from tests.check.derive import trees
from tests.check.derive.cel_text import parsed
from tests.check.derive.test_features import HTTP, configured, derived_of, filter_of, names_of

ASK = Ask(host="a.example", path="/x?page=1")
ALL = Bounds(probes_per_route=1000)
GET = {"header": {"name": ":method", "string_match": {"exact": "GET"}}}
POST = {"header": {"name": ":method", "string_match": {"exact": "POST"}}}
SHOP = {"match": {"prefix": "/shop"}, "route": {"cluster": "one"}}
ANYONE = [{"any": True}]


def path(**matcher: str) -> dict[str, Any]:
    return {"url_path": {"path": matcher}}


def header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"name": name, "string_match": {"exact": value}}}


def policy(*permissions: Mapping[str, Any], principals: Any = ANYONE, **more: Any) -> dict[str, Any]:
    return {"permissions": list(permissions), "principals": principals, **more}


def every(*rules: Mapping[str, Any]) -> dict[str, Any]:
    return {"and_rules": {"rules": list(rules)}}


def some(*rules: Mapping[str, Any]) -> dict[str, Any]:
    return {"or_rules": {"rules": list(rules)}}


def asked(**policies: Any) -> dict[str, Ask]:
    return {each.name: each.ask for each in edges({"policies": policies}, ASK) if each.ask is not None}


def test_all_that_a_policy_asks_for_is_met_at_once_and_each_part_just_missed() -> None:
    ops = policy(
        every(some(POST), some(path(prefix="/admin"))), principals=[{"and_ids": {"ids": [header("x-role", "ops")]}}]
    )
    found = asked(ops=ops)
    met = found.pop("rule-ops")
    assert (met.method, met.path, met.headers) == ("POST", "/admin?page=1", (("x-role", "ops"),))
    assert {name: (each.method, each.path, each.headers) for name, each in found.items()} == {
        "rule-ops-no-header-method-another": ("GET", "/admin?page=1", (("x-role", "ops"),)),
        "rule-ops-no-url-path-another": ("POST", "/admi?page=1", (("x-role", "ops"),)),
        "rule-ops-no-header-x-role-another": ("POST", "/admin?page=1", (("x-role", "op"),)),
        "rule-ops-no-header-x-role-none": ("POST", "/admin?page=1", ()),
    }


@pytest.mark.parametrize(
    ("permission", "paths"),
    [
        (some(path(exact="/a"), path(exact="/b")), {"rule-p": "/a", "rule-p-by-2": "/b"}),
        (every(path(prefix="/shop"), {"not_rule": path(exact="/shop")}), {"rule-p": "/shopa"}),
        ({"not_rule": some(path(prefix="/x"), path(prefix="/y"))}, {"rule-p": "/"}),
        ({"uri_template": {"name": "t", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
            "path_template": "/a/*/b"}}}, {"rule-p": "/a/a/b"}),
    ],
    ids=["each-of-several", "all-but-one", "none-of-several", "template"],
)  # fmt: skip
def test_each_way_to_a_policy_is_gone(permission: dict[str, Any], paths: dict[str, str]) -> None:
    met = {name: each.bare_path for name, each in asked(p=policy(permission)).items() if "-no-" not in name}
    assert met == paths


def test_a_policy_is_met_by_itself_and_by_a_condition_of_cel() -> None:
    by_path, by_role = policy(path(prefix="/x")), policy({"any": True}, principals=[header("x-role", "ops")])
    found = asked(by_path=by_path, by_role=by_role)
    assert found["rule-by-path"].header("x-role") is None
    assert not found["rule-by-role"].path.startswith("/x")
    expression = parsed("request.headers['x-team'] == 'red'")["cel_expr_parsed"]["expr"]
    assert asked(p=policy({"any": True}, condition=expression))["rule-p"].header("x-team") == "red"


def test_what_no_request_decides_is_said_by_its_place() -> None:
    principals = [{"filter_state": {"key": "a"}}, header("x-a", "1")]
    nothing = policy(every(path(prefix="/a"), path(prefix="/b")))
    data = {"policies": {"p": policy(every(GET, {"metadata": {}}), principals=principals), "q": nothing}}
    said = dict(unread(data, ASK))
    assert {place: why.partition(",")[0] for place, why in said.items()} == {
        "policies[p].permissions[0].and_rules.rules[1].metadata": "it asks for metadata",
        "policies[p].principals[0].filter_state": "it asks for filter state",
        "policies[q]": "no request was found that has all that it asks for",
    }


WHO = {"principal_name": {"prefix": "spiffe://a/"}}


@pytest.mark.parametrize(
    ("principal", "ask", "is_let_through"),
    [
        ({"authenticated": {}}, {"presented": True}, True),
        ({"authenticated": {}}, {}, False),
        ({"authenticated": WHO}, {"presented": True, "principals": ("b", "spiffe://a/b")}, True),
        ({"authenticated": WHO}, {"presented": True, "principals": ("b",)}, False),
        ({"not_id": {"authenticated": WHO}}, {}, True),
    ],
)
def test_a_client_is_known_by_the_names_of_its_certificate(
    principal: dict[str, Any], ask: dict[str, Any], is_let_through: bool
) -> None:
    data = {"policies": {"p": policy({"any": True}, principals=[principal])}}
    wanted = allowed(data)
    assert wanted is not None
    assert wanted.fits(ASK.but(**ask)) is is_let_through
    said = dict(unread(data, ASK.but(**ask)))
    assert said == ({} if is_let_through else {"policies[p]": "no request was found that has all that it asks for"})


@pytest.mark.parametrize(
    ("rule", "is_let_through"),
    [
        ({"destination_port": 80}, True),
        ({"destination_port": 81}, False),
        ({"destination_port_range": {"start": 70, "end": 81}}, True),
        ({"destination_port_range": {"start": 70, "end": 80}}, False),
        ({"destination_ip": {"address_prefix": "10.1.0.0", "prefix_len": 16}}, True),
        ({"destination_ip": {"address_prefix": "10.2.0.0", "prefix_len": 16}}, False),
        ({"requested_server_name": {"exact": "a.example"}}, True),
        ({"requested_server_name": {"suffix": ".other"}}, False),
    ],
)
def test_where_a_connection_goes_is_known(rule: dict[str, Any], is_let_through: bool) -> None:
    wanted = allowed({"policies": {"p": policy(rule)}})
    assert wanted is not None
    assert wanted.fits(ASK.but(address="10.1.0.9", port=80, server_name="a.example")) is is_let_through


OFFICE = {"address_prefix": "10.9.0.0", "prefix_len": 16}
DETECTION = "type.googleapis.com/envoy.extensions.http.original_ip_detection"
HEADER = {"typed_config": {"@type": f"{DETECTION}.custom_header.v3.CustomHeaderConfig", "header_name": "X-Client"}}
XFF = {"typed_config": {"@type": f"{DETECTION}.xff.v3.XffConfig", "xff_num_trusted_hops": 1}}
DIRECT = Origin(dialled="127.0.0.1")
BY_PROXY = Origin(
    dialled="127.0.0.1",
    proxy=(("version", 2), ("source", "192.0.2.7:4321"), ("destination", "192.0.2.9:80")),
)
COMES = {"source_address": "10.9.0.1"}


@pytest.mark.parametrize(
    ("key", "settings", "origin", "sent"),
    [
        ("remote_ip", {}, DIRECT, {"headers": ["x-forwarded-for: 10.9.0.1"]}),
        ("remote_ip", {"xff_num_trusted_hops": 1}, DIRECT, {"headers": ["x-forwarded-for: 10.9.0.1, 198.51.100.1"]}),
        ("remote_ip", {"use_remote_address": True}, DIRECT, COMES),
        (
            "remote_ip",
            {"use_remote_address": True, "xff_num_trusted_hops": 1},
            DIRECT,
            {"headers": ["x-forwarded-for: 10.9.0.1"]},
        ),
        ("remote_ip", {"original_ip_detection_extensions": [HEADER, XFF]}, DIRECT, {"headers": ["x-client: 10.9.0.1"]}),
        (
            "remote_ip",
            {"original_ip_detection_extensions": [XFF]},
            DIRECT,
            {"headers": ["x-forwarded-for: 10.9.0.1, 198.51.100.1"]},
        ),
        (
            "remote_ip",
            {"use_remote_address": True},
            BY_PROXY,
            {"proxy": {"version": 2, "source": "10.9.0.1:4321", "destination": "192.0.2.9:80"}},
        ),
        ("direct_remote_ip", {}, DIRECT, COMES),
        ("source_ip", {}, DIRECT, COMES),
        (
            "source_ip",
            {},
            BY_PROXY,
            {"proxy": {"version": 2, "source": "10.9.0.1:4321", "destination": "192.0.2.9:80"}},
        ),
    ],
)
def test_a_request_comes_from_where_the_filter_lets_it_through(
    key: str, settings: dict[str, Any], origin: Origin, sent: dict[str, Any]
) -> None:
    ask = ASK.but(sanitizing=sanitizing(settings), origin=origin)
    data = {"policies": {"p": policy({"any": True}, principals=[{key: OFFICE}])}}
    wanted = allowed(data)
    assert wanted is not None
    assert not wanted.fits(ask)
    made = wanted.made(ask)
    assert wanted.fits(made)
    asked_for = {name: value for name, value in made.entry().items() if name not in ("host", "path")}
    assert asked_for == sent
    assert not dict(unread(data, ask))
    by_name = {each.name: each.ask for each in edges(data, ask) if each.ask is not None}
    beside = by_name[f"rule-p-no-{key.replace('_', '-')}-another"]
    assert "10.10.0.0" in str(beside.entry())
    assert not wanted.fits(beside)


@pytest.mark.parametrize(
    ("key", "settings", "origin"),
    [
        ("remote_ip", {"use_remote_address": True}, Origin()),
        ("remote_ip", {"original_ip_detection_extensions": [{"typed_config": {"@type": "a.b.C"}}]}, DIRECT),
        ("direct_remote_ip", {}, Origin()),
    ],
)
def test_where_a_request_comes_from_may_not_be_known(key: str, settings: dict[str, Any], origin: Origin) -> None:
    wanted = allowed({"policies": {"p": policy({"any": True}, principals=[{key: OFFICE}])}})
    assert wanted is not None
    with pytest.raises(UnsureError):
        wanted.fits(ASK.but(sanitizing=sanitizing(settings), origin=origin))


@pytest.mark.parametrize(
    ("action", "is_let_through"), [("ALLOW", False), (None, False), ("DENY", True), (1, True), ("LOG", None)]
)
def test_what_no_policy_takes_is_refused_or_not_by_the_action(action: Any, is_let_through: bool | None) -> None:
    wanted = allowed({**({} if action is None else {"action": action}), "policies": {"p": policy(path(exact="/a"))}})
    assert (None if wanted is None else wanted.fits(ASK)) is is_let_through


def rbac(**rules: Any) -> dict[str, Any]:
    return filter_of("rbac", "rbac.v3.RBAC", rules={"policies": rules})


def test_requests_for_a_route_are_such_as_the_filter_lets_through() -> None:
    ops = policy(every(POST, some(path(exact="/other"), path(prefix="/shop/in"))), principals=[header("x-role", "ops")])
    derived = derived_of(
        configured(rbac(ops=ops), route={"match": {"prefix": "/shop"}, "route": {"cluster": "one"}}), ALL
    )
    [matched] = [text for text in derived.text.split("- name: ")[1:] if text.startswith('"all-route-0"')][:1]
    assert 'method: "POST"' in matched
    assert 'path: "/shop/in"' in matched
    assert '["x-role: ops"]' in matched
    assert "rule-ops" in names_of(derived)
    assert not derived.unasked


@pytest.mark.parametrize("matcher", [{"suffix": ".json"}, {"contains": "/in/"}])
def test_a_path_of_the_route_is_made_longer_until_the_filter_lets_it_through(matcher: dict[str, str]) -> None:
    derived = derived_of(configured(rbac(part=policy(path(**matcher))), route=SHOP), ALL)
    [matched] = [each for each in derived.text.split("- name: ") if each.startswith('"all-route-0"')]
    assert f'path: "/shop{next(iter(matcher.values()))}"' in matched
    assert not derived.unasked


def test_what_is_asked_of_a_listener_once_is_asked_where_the_filter_lets_it_through() -> None:
    config = configured(rbac(ops=policy(path(prefix="/open"), principals=[header("x-role", "ops")])), route=SHOP)
    [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
    [host] = chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    host["routes"].append({"match": {"prefix": "/open"}, "route": {"cluster": "one"}})
    [get] = [each for each in derived_of(config, ALL).text.split("- name: ") if each.startswith('"front-get"')]
    assert 'path: "/open"' in get


def test_requests_come_to_an_end_of_a_tree_that_lets_them_through() -> None:
    def rule(action: str) -> dict[str, Any]:
        url = "type.googleapis.com/envoy.config.rbac.v3.Action"
        return {"action": {"name": action, "typed_config": {"@type": url, "name": action, "action": action}}}

    red, banned = (trees.single(trees.header(name), exact="yes") for name in ("x-red", "x-banned"))
    both = trees.every(red, trees.no(banned))
    tree = trees.listed((red, rule("DENY")), (banned, rule("ALLOW")))
    derived = derived_of(configured(filter_of("rbac", "rbac.v3.RBAC", matcher=tree), route=SHOP), ALL)
    [matched] = [each for each in derived.text.split("- name: ") if each.startswith('"all-route-0"')]
    assert '["x-banned: yes"]' in matched
    assert {"tree-1", "tree-1-no-header-x-banned-none"} <= names_of(derived)
    assert not derived.unasked
    never = trees.listed((both, rule("DENY")), otherwise=rule("DENY"))
    derived = derived_of(configured(filter_of("rbac", "rbac.v3.RBAC", matcher=never), route=SHOP), ALL)
    assert [why for why in derived.unasked.values() if "lets through" in why]


def test_a_route_for_which_none_is_let_through_is_said() -> None:
    elsewhere = rbac(a=policy(path(prefix="/elsewhere")))
    [(place, _)] = [each for each in derived_of(configured(elsewhere, route=SHOP)).unasked.items() if "lets" in each[1]]
    assert place.endswith("route_config.virtual_hosts[0].routes[0]: rbac")
    off = {"rbac": {"@type": f"{HTTP}.rbac.v3.RBACPerRoute"}}
    derived = derived_of(configured(elsewhere, route={**SHOP, "typed_per_filter_config": off}))
    assert not [why for why in derived.unasked.values() if "lets" in why]
