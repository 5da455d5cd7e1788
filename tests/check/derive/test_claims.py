"""Claims of tokens for which rules of RBAC ask: a token has those of the route for which it is meant."""

from typing import Any

import pytest

from takeover.check.derive import Bounds
from takeover.check.derive.ask import Ask
from takeover.check.derive.claims import Asked, claim
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.request_inputs import asked as read
from takeover.check.derive.tokens import good
from tests.check.derive.test_features import HTTP, configured, derived_of, filter_of

JWT = "envoy.filters.http.jwt_authn"
PROVIDER = {"issuer": "https://a", "payload_in_metadata": "who"}


def asked(value: dict[str, Any], *path: str, of: str = JWT, **more: Any) -> dict[str, Any]:
    names = [{"key": each} for each in ("who", *(path or ("role",)))]
    return {"metadata": {"filter": of, "path": names, "value": value, **more}}


def text(value: str) -> dict[str, Any]:
    return {"string_match": {"exact": value}}


def rules(*principals: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"policies": {"p": {"permissions": [{"any": True}], "principals": list(principals)}}, **more}


def found(*principals: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The claims that a filter with those rules asks for."""
    filters = [filter_of("rbac", "rbac.v3.RBAC", rules=rules(*principals, **more))]
    return dict(Asked(filters).of(()))


def bringing(claims: Any) -> Ask:
    return Ask(host="a", headers=(("authorization", f"Bearer {good(PROVIDER, claims)}"),))


@pytest.mark.parametrize(
    ("principal", "claims"),
    [
        (asked(text("admin")), {"role": "admin"}),
        (asked({"string_match": {"prefix": "ad"}}, "realm", "role"), {"realm": {"role": "ad"}}),
        (asked({"bool_match": True}), {"role": True}),
        (asked({"double_match": {"exact": 3}}), {"role": 3}),
        (asked({"present_match": True}), {"role": "any"}),
        (asked({"list_match": {"one_of": text("read")}}, "scope"), {"scope": ["read"]}),
        (asked({"or_match": {"value_matchers": [text("a"), text("b")]}}), {"role": "a"}),
    ],
)
def test_a_token_has_what_is_asked_for(principal: dict[str, Any], claims: dict[str, Any]) -> None:
    assert found(principal) == {"who": claims}
    wanted = claim(principal["metadata"])
    assert wanted is not None
    assert wanted.fits(bringing(claims))
    assert not wanted.fits(bringing({}))
    assert not wanted.fits(Ask(host="a", headers=(("x", "a.b.c"), ("y", "$.$.$"))))
    with pytest.raises(CannotMakeError):
        wanted.made(bringing({}))


@pytest.mark.parametrize(
    "principal",
    [
        asked(text("admin"), invert=True),
        {"not_id": asked(text("admin"))},
        asked(text("admin"), of="envoy.lb"),
        asked({"null_match": {}}),
    ],
)
def test_what_no_token_is_to_have_and_what_is_elsewhere_is_not_put_in(principal: dict[str, Any]) -> None:
    assert not any(found(principal).values())


INPUTS = "type.googleapis.com/envoy.extensions.matching"


def of_tree(principal: dict[str, Any]) -> dict[str, Any]:
    """The same as a predicate of a tree of matchers."""
    metadata = dict(principal["metadata"])
    of_input = {"@type": f"{INPUTS}.common_inputs.network.v3.DynamicMetadataInput"}
    of_input |= {key: metadata.pop(key) for key in ("filter", "path")}
    by_value = {"@type": f"{INPUTS}.input_matchers.metadata.v3.Metadata", **metadata}
    return {
        "single_predicate": {
            "input": {"name": "claim", "typed_config": of_input},
            "custom_match": {"name": "value", "typed_config": by_value},
        }
    }


def ending(predicate: dict[str, Any], action: str, otherwise: str) -> dict[str, Any]:
    def end(name: str) -> dict[str, Any]:
        config = {"@type": "type.googleapis.com/envoy.config.rbac.v3.Action", "name": name, "action": name}
        return {"action": {"name": name, "typed_config": config}}

    matchers = [{"predicate": predicate, "on_match": end(action)}]
    return {"matcher_list": {"matchers": matchers}, "on_no_match": end(otherwise)}


def found_in(tree: dict[str, Any]) -> dict[str, Any]:
    return dict(Asked([filter_of("rbac", "rbac.v3.RBAC", matcher=tree)]).of(()))


def test_a_token_has_what_the_ends_of_a_tree_ask_for_that_let_it_in() -> None:
    admin, groups = of_tree(asked(text("admin"))), of_tree(asked({"list_match": {"one_of": text("a")}}, "groups"))
    other = of_tree(asked(text("x"), "name", invert=True))
    both = {"and_matcher": {"predicate": [admin, {"or_matcher": {"predicate": [groups, other]}}]}}
    assert found_in(ending(both, "ALLOW", "DENY")) == {"who": {"role": "admin", "groups": ["a"]}}
    assert found_in(ending(both, "DENY", "ALLOW")) == {}


@pytest.mark.parametrize("inverted", [False, True])
def test_what_a_tree_asks_of_a_token_is_known(inverted: bool) -> None:
    wanted = read(of_tree(asked(text("admin"), invert=inverted)), {})
    assert wanted.fits(bringing({"role": "admin"})) is not inverted
    assert wanted.fits(bringing({"role": "user"})) is inverted


def test_what_a_tree_asks_of_other_metadata_is_not_known() -> None:
    with pytest.raises(CannotMakeError, match="DynamicMetadataInput"):
        read(of_tree(asked(text("admin"), of="envoy.lb")), {})


def test_whom_rules_keep_out_no_token_is() -> None:
    assert found(asked(text("admin")), action="DENY") == {}


def test_lists_have_all_and_of_several_values_it_is_the_first_one() -> None:
    both = {"and_ids": {"ids": [asked({"list_match": {"one_of": text(each)}}, "groups") for each in ("a", "b", "a")]}}
    either = {"or_ids": {"ids": [asked(text("first")), asked(text("second"))]}}
    assert found(both, either) == {"who": {"groups": ["a", "b"], "role": "first"}}


def test_what_a_provider_decides_stays() -> None:
    wanted = claim(asked(text("https://a"), "iss")["metadata"])
    assert wanted is not None
    assert wanted.fits(bringing({"iss": "https://elsewhere"}))


def test_each_route_has_the_tokens_that_its_own_rules_let_in() -> None:
    def of_route(role: str) -> dict[str, Any]:
        own = {"@type": f"{HTTP}.rbac.v3.RBACPerRoute", "rbac": {"rules": rules(asked(text(role)))}}
        return {"match": {"prefix": f"/{role}"}, "route": {"cluster": "one"}, "typed_per_filter_config": {"rbac": own}}

    jwt = filter_of(
        "jwt", "jwt_authn.v3.JwtAuthentication", providers={"a": PROVIDER},
        rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "a"}}],
    )  # fmt: skip
    config = configured(jwt, filter_of("rbac", "rbac.v3.RBAC"), route=of_route("admin"))
    [chain] = config["static_resources"]["listeners"][0]["filter_chains"]
    [host] = chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    host["routes"].append(of_route("user"))
    derived = derived_of(config, Bounds(probes_per_route=1))
    assert not [each for each in derived.unasked if "rbac" in each]
    for role in ("admin", "user"):
        assert good(PROVIDER, {"role": role}) in derived.text
