"""Who rules of RBAC let in by a client's certificate: names that the one of our clients gets, so that it is let in.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto (`Principal.Authenticated`).
"""

from collections.abc import Iterator

from takeover.check.world.configuration import Configuration, inner, listed, objects
from takeover.check.world.upstream_tls import matching
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

_MOST = 50
"""A certificate with more names comes in too many pieces."""
_DENY = ("DENY", 1)
_SETS = ("and_ids", "or_ids")


def principals(configuration: Configuration) -> tuple[str, ...]:
    """Names that policies let in, without those that any keeps out, as far as one client may have all of them."""
    wanted, unwanted = dict[str, None](), set[str]()
    for _, document in configuration.documents():
        for _, rules in objects(document):
            policies = either(rules, "policies")
            for policy in policies.values() if isinstance(policies, dict) else ():
                for matcher, is_wanted in _authenticated(
                    policy, "principals", is_wanted=rules.get("action") not in _DENY
                ):
                    if name := matching(matcher):
                        wanted.update({name: None} if is_wanted else {})
                        unwanted.update(() if is_wanted else (name,))
    return tuple(each for each in wanted if each not in unwanted)[:_MOST]


def _authenticated(holder: Json, field: str, *, is_wanted: bool) -> Iterator[tuple[JsonObject, bool]]:
    """The matchers of names below a list of `Principal`, each with whether who has the name is to be let in."""
    for each in listed(holder, field):
        if name := inner(each, "authenticated", "principal_name"):
            yield name, is_wanted
        for key in _SETS:
            yield from _authenticated(inner(each, key), "ids", is_wanted=is_wanted)
        if turned := inner(each, "not_id"):
            yield from _authenticated({"ids": [turned]}, "ids", is_wanted=not is_wanted)
