"""Requests for the policies of an RBAC filter: one that a policy takes, all of its conditions at once, and near ones.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any as Anything
from typing import Final

from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.cel_conditions import Attribute, Decided, condition
from takeover.check.derive.claims import claim
from takeover.check.derive.client_address import CONNECTION, DIRECT, REMOTE
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.draft import slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.nets import Nets
from takeover.check.derive.normal_form import alternatives, met
from takeover.check.derive.of_connection import of_connection
from takeover.check.derive.paths import Path, template_expression
from takeover.check.derive.plain import Plain
from takeover.check.derive.predicates import All, Any, Not, Predicate, Single, Strings
from takeover.check.derive.request_inputs import Unread
from takeover.check.derive.route_reading import URI_TEMPLATE
from takeover.check.messages import config_of, inner, message_of, objects
from takeover.check.networks import network_of
from takeover.model.json import JsonObject

RULES: Final = "envoy.config.rbac.v3.RBAC"
_ALL, _ANY, _NOT = ("and_rules", "and_ids"), ("or_rules", "or_ids"), ("not_rule", "not_id")
_CONDITIONS = ("condition", "checked_condition")
_ADDRESSES: Final = {"remote_ip": REMOTE, "direct_remote_ip": DIRECT, "source_ip": CONNECTION}
DENY: Final = ("DENY", 1)
_ENFORCED = ("ALLOW", 0, *DENY)
_MOST_POLICIES = 30
_MOST_WAYS = 6
_MOST_MISSES = 8


def edges(data: Mapping[str, Anything], ask: Ask) -> Iterator[Edge]:
    """For each policy a request that it takes and no other one, by each way to it, and those that it just misses."""
    policies = _policies(data)
    for name, policy in itertools.islice(policies.items(), _MOST_POLICIES):
        others = [each for other, each in policies.items() if other != name]
        misses = dict[str, Ask]()
        for number, (way, found) in enumerate(itertools.islice(_ways(policy, ask), _MOST_WAYS)):
            made = _apart(found, way, others)
            yield Edge(name=slug("rule", name, *(["by", number + 1] if number else ())), entry={}, ask=made)
            for words, near in _missed(way, made):
                if not _fits(policy, near):
                    misses.setdefault(words, near)
        for words, near in itertools.islice(misses.items(), _MOST_MISSES):
            yield Edge(name=slug("rule", name, "no", words), entry={}, ask=near)


def unread(data: Mapping[str, Anything], ask: Ask) -> Iterator[tuple[str, str]]:
    """Conditions of which is not known how a request has them, and policies that none was found for, with the reason.

    Each by its path in the message.
    """
    read = _policies(data)
    for number, (name, policy) in enumerate(inner(data, "policies").items()):
        path, said = f"policies[{name}]", False
        for inside, why in _unread(policy):
            said = True
            yield f"{path}.{inside}", why
        if number >= _MOST_POLICIES:
            yield path, f"of policies the first {_MOST_POLICIES} are asked for"
        elif not said and next(_ways(read[name], ask), None) is None:
            yield path, "no request was found that has all that it asks for"


def allowed(data: JsonObject) -> Predicate[Ask] | None:
    """What a request must have to be let through; None: nothing is refused."""
    if data.get("action", "ALLOW") not in _ENFORCED:
        return None
    any_of_it = Any(tuple(_policies(data).values()))
    return Not(any_of_it) if data.get("action") in DENY else any_of_it


def _policies(data: Mapping[str, Anything]) -> dict[str, Predicate[Ask]]:
    return {str(name): _policy(each) for name, each in inner(data, "policies").items() if isinstance(each, dict)}


def _policy(policy: JsonObject) -> Predicate[Ask]:
    permissions, principals = (
        Any(tuple(_read(each) for each in objects(policy.get(key)))) for key in ("permissions", "principals")
    )
    more = [_condition(policy)] if any(key in policy for key in _CONDITIONS) else []
    return All((permissions, principals, *more))


def _condition(policy: JsonObject) -> Predicate[Ask]:
    checked = policy.get("checked_condition")
    written = {"checked_expr": checked} if checked else {"parsed_expr": {"expr": policy.get("condition")}}
    try:
        return condition(written)
    except CannotMakeError as error:
        return Unread(str(error))


def _read(data: JsonObject) -> Predicate[Ask]:
    """A `Permission` or `Principal`."""
    key = next((each for each in data if each != "@type"), "")
    value = data.get(key)
    if key in _ALL or key in _ANY:
        parts = tuple(_read(each) for field in ("rules", "ids") for each in objects(inner(data, key).get(field)))
        return All(parts) if key in _ALL else Any(parts)
    if key in _NOT:
        return Not(_read(inner(data, key)))
    if (found := of_connection(key, value)) is not None:
        return found
    if key in _ADDRESSES and network_of(inner(data, key)) is not None:
        return Single(_ADDRESSES[key], Nets({"cidr_ranges": [value]}))
    if key == "metadata" and isinstance(value, dict) and (of_token := claim(value)) is not None:
        return Not(of_token) if value.get("invert") else of_token
    if key == "any":
        return Decided(value is True, "any")
    if key == "header" and isinstance(value, dict):
        return Plain(Header(value))
    if key == "url_path":
        return Single(Attribute("url_path"), Strings(inner(data, key, "path")))
    if key == "uri_template" and message_of(template := config_of(value)).startswith(URI_TEMPLATE):
        return Plain(Path("path_template", template_expression(str(template.get("path_template", "")))))
    return Unread(_why(key))


def _why(key: str) -> str:
    return f"it asks for {key.replace('_', ' ') or 'nothing'}, of which no request of ours decides"


def _unread(policy: JsonObject) -> Iterator[tuple[str, str]]:
    for field in ("permissions", "principals"):
        for number, each in enumerate(objects(policy.get(field))):
            yield from _unread_in(each, f"{field}[{number}]")
    if any(key in policy for key in _CONDITIONS) and isinstance(found := _condition(policy), Unread):
        yield "condition", found.words


def _unread_in(data: JsonObject, path: str) -> Iterator[tuple[str, str]]:
    key = next((each for each in data if each != "@type"), "")
    if key in _ALL or key in _ANY:
        for field in ("rules", "ids"):
            for number, each in enumerate(objects(inner(data, key).get(field))):
                yield from _unread_in(each, f"{path}.{key}.{field}[{number}]")
    elif key in _NOT:
        yield from _unread_in(inner(data, key), f"{path}.{key}")
    elif isinstance(found := _read(data), Unread):
        yield f"{path}.{key}".rstrip("."), found.words


def _ways(policy: Predicate[Ask], ask: Ask) -> Iterator[tuple[Predicate[Ask], Ask]]:
    """Each way to have what the policy asks for, with a request that has it."""
    for way in alternatives(policy):
        try:
            yield way, met(way, ask)
        except (CannotMakeError, UnsureError):
            continue


def _apart(made: Ask, way: Predicate[Ask], others: list[Predicate[Ask]]) -> Ask:
    """The request, changed so that no other policy takes it, as far as that can be."""
    for other in others:
        if _fits(other, made):
            made = next((near for _, near in _missed(other, made) if _fits(way, near)), made)
    return made


def _missed(way: Predicate[Ask], made: Ask) -> Iterator[tuple[str, Ask]]:
    try:
        yield from way.missed(made)
    except (CannotMakeError, UnsureError):
        return


def _fits(policy: Predicate[Ask], ask: Ask) -> bool:
    try:
        return policy.fits(ask)
    except (CannotMakeError, UnsureError):
        return False
