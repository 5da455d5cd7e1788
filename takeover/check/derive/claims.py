"""Claims of tokens for which rules of RBAC ask, as the JWT filter puts them into metadata (`payload_in_metadata`).

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/metadata.proto and value.proto
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

from takeover.check.derive import strings
from takeover.check.derive.as_it_goes import config_for
from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.fixed import Fixed
from takeover.check.derive.predicates import Not
from takeover.check.messages import config_of, inner, message_of, objects
from takeover.check.trees import ends
from takeover.model.json import JsonObject

Claims: TypeAlias = Mapping[str, JsonObject]
"""By what a provider's payload is called in metadata."""

NONE: Final[Claims] = {}
FILTER: Final = "envoy.extensions.filters.http.rbac.v3.RBAC"
_JWT = "envoy.filters.http.jwt_authn"
_INPUT = "envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput"
_BY_VALUE = "envoy.extensions.matching.input_matchers.metadata.v3.Metadata"
_TOKEN = re.compile(r"[\w-]+\.([\w-]+)\.[\w-]*")
_DENY = ("DENY", 1)


@dataclass(frozen=True)
class Claim(Fixed):
    """That a token has such a claim.

    Args:
        path: its name, and those within it.
        value: `envoy.type.matcher.v3.ValueMatcher`.
    """

    path: tuple[str, ...]
    value: JsonObject
    brings = "token"

    @property
    def words(self) -> str:
        """What it is."""
        return f"claim {'.'.join(self.path)}"

    def fits(self, of: Ask) -> bool:
        """Whether one that the request brings has it. Raises: CannotMakeError."""
        return any(_matches(self.value, _at(payload, self.path)) for payload in _payloads(of))


def claim(matcher: JsonObject) -> Claim | None:
    """What a `MetadataMatcher` asks of a token; None where it looks elsewhere."""
    names = tuple(str(each.get("key", "")) for each in objects(matcher.get("path")))
    if matcher.get("filter") != _JWT or len(names) < 2:  # the first one is what the payload is called
        return None
    return Claim(names[1:], inner(matcher, "value"))


def claim_of_tree(single: JsonObject) -> Claim | Not[Ask] | None:
    """What a predicate of a tree of matchers asks of a token; None where it looks elsewhere, or in another way."""
    matcher = _matcher(single)
    found = claim(matcher) if matcher else None
    return Not(found) if found is not None and matcher.get("invert") else found


def _matcher(single: JsonObject) -> JsonObject:
    """A `SinglePredicate` of a value in metadata as the `MetadataMatcher` that it is."""
    source, custom = config_of(single.get("input")), config_of(single.get("custom_match"))
    if message_of(source) != _INPUT or message_of(custom) != _BY_VALUE:
        return {}
    value = {key: value for key, value in custom.items() if key != "@type"}
    return {**value, **{key: source.get(key) for key in ("filter", "path")}}


class Asked:
    """What filters of RBAC ask of tokens.

    Args:
        filters: the connection manager's `http_filters`.
    """

    def __init__(self, filters: object) -> None:
        self._filters = [each for each in objects(filters) if message_of(config_of(each)) == FILTER]
        self._found: dict[tuple[int, ...], Claims] = {}

    def of(self, settings: Sequence[JsonObject]) -> Claims:
        """The claims by which their policies let in what is taken there: of several for one the first."""
        key = tuple(map(id, settings))
        if key not in self._found:
            self._found[key] = found = dict[str, JsonObject]()
            for each in self._filters:
                if (configs := config_for(each, settings)) is not None:
                    config = configs[1] or configs[0]
                    _gather(inner(config, "rbac") if "rbac" in config else config, found)
        return self._found[key]


def _gather(config: JsonObject, found: dict[str, JsonObject]) -> None:
    rules = inner(config, "rules")
    matchers = list[JsonObject]()
    for policy in inner(rules, "policies").values() if rules.get("action") not in _DENY else ():
        matchers += [*_metadata(policy, "permissions"), *_metadata(policy, "principals")]
    for end in ends(config.get("matcher")):
        if end.config.get("action") not in _DENY:
            matchers += [matcher for each in end.asked for matcher in _in_predicate(each)]
    for matcher in matchers:
        names = [str(each.get("key", "")) for each in objects(matcher.get("path"))]
        if claim(matcher) is not None and not matcher.get("invert"):
            try:
                _put(found.setdefault(names[0], {}), names[1:], _value(inner(matcher, "value")))
            except CannotMakeError:
                continue


def _in_predicate(data: JsonObject) -> Iterator[JsonObject]:
    """The matchers of a `MatcherList.Predicate`, but for those of what is not to be so."""
    yield _matcher(inner(data, "single_predicate"))
    for key in ("and_matcher", "or_matcher"):
        for each in objects(inner(data, key).get("predicate")):
            yield from _in_predicate(each)


def _metadata(holder: Any, field: str) -> Iterator[JsonObject]:
    """The matchers below a list of permissions or principals, but for those of what is not to be so."""
    for each in objects(holder.get(field) if isinstance(holder, dict) else None):
        if found := inner(each, "metadata"):
            yield found
        for key, inside in (("and_rules", "rules"), ("or_rules", "rules"), ("and_ids", "ids"), ("or_ids", "ids")):
            yield from _metadata(inner(each, key), inside)


def _put(claims: JsonObject, path: Sequence[str], value: Any) -> None:
    *outer, name = path
    for each in outer:
        inside: Any = claims.setdefault(each, {})
        if not isinstance(inside, dict):
            return
        claims = inside
    if isinstance(value, list) and isinstance(now := claims.get(name), list):
        now += [each for each in value if each not in now]
    claims.setdefault(name, value)


def _value(matcher: JsonObject) -> Any:
    """One that it matches. Raises: CannotMakeError."""
    match matcher:
        case {"string_match": dict() as text}:
            return strings.matching(text)
        case {"bool_match": bool() as wanted}:
            return wanted
        case {"double_match": {"exact": int() | float() as number}}:
            return number
        case {"present_match": True}:
            return "any"
        case {"list_match": {"one_of": dict() as one}}:
            return [_value(one)]
        case {"or_match": {"value_matchers": [dict() as first, *_]}}:
            return _value(first)
    raise CannotMakeError(f"a value by {', '.join(matcher)}")


def _matches(matcher: JsonObject, value: Any) -> bool:
    """Whether it takes that value; None: there is none. Raises: CannotMakeError."""
    match matcher:
        case {"string_match": dict() as text}:
            return isinstance(value, str) and strings.matches(text, value)
        case {"bool_match": bool() as wanted}:
            return value is wanted
        case {"double_match": {"exact": int() | float() as number}}:
            return isinstance(value, int | float) and value == number
        case {"present_match": bool() as wanted}:
            return (value is not None) is wanted
        case {"list_match": {"one_of": dict() as one}}:
            return isinstance(value, list) and any(_matches(one, each) for each in value)
        case {"or_match": {"value_matchers": list() as several}}:
            return any(_matches(each, value) for each in several)
    raise CannotMakeError(f"a value by {', '.join(matcher)}")


def _payloads(ask: Ask) -> Iterator[JsonObject]:
    """The claims of each token that the request brings."""
    for text in (ask.path, *(value for _, value in ask.headers)):
        for found in _TOKEN.finditer(text):
            try:
                payload = msgspec.json.decode(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)))
            except ValueError:  # of what is no token, and of base64 that is none
                continue
            if isinstance(payload, dict):
                yield payload


def _at(payload: Any, path: Sequence[str]) -> Any:
    for each in path:
        payload = payload.get(each) if isinstance(payload, dict) else None
    return payload
