"""Tokens at the edges of what a JWT filter takes, in requests that it asks for them; and its rules, met and missed."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from takeover.check.derive import tokens
from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.draft import slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.jwt_rules import JwtRules, signed
from takeover.model.json import JsonObject

_MOST_MISSES = 4


@dataclass(frozen=True)
class _Demand:
    """A request that has to bring tokens, or need not.

    Args:
        label: by what: "rule-0", "requirement-admins".
        required: `JwtRequirement`.
        rule: the number of the rule; None: its route says so.
    """

    label: str
    ask: Ask
    required: JsonObject
    rule: int | None = None


def edges(
    rules: JwtRules,
    asks: Sequence[Ask],
    of_route: Callable[[Ask], JsonObject | None],
    say: Callable[[str, str], None],
) -> Iterator[Edge]:
    """For each rule and each requirement of a route the request that it is for; for each provider tokens of all kinds.

    Args:
        asks: requests that come to routes, the one that tells the most first.
        of_route: what the route of a request says of the filter, empty where nothing; None where it is not asked.
        say: takes the place in the filter's config of which no request is made, and why.
    """
    asked = [(each, own) for each in asks if (own := of_route(each)) is not None]
    if not asked:
        return
    demands = [*_of_rules(rules, [ask for ask, own in asked if not _decides(own)] or [asked[0][0]], say)]
    demands += _of_routes(rules, asked)
    for each in demands:
        yield from _met(rules, each, say)
        yield from _missed(rules, each)
    for name, provider in rules.providers.items():
        demand = next((each for each in demands if name in _named(rules, each.required)), None)
        try:
            yield from _of_provider(rules, str(name), provider, demand or _Demand("", asked[0][0], {}))
        except CannotMakeError as error:
            say(f"providers.{name}", f"no token is known that it takes: {error}")


def _decides(own: JsonObject) -> bool:
    """Whether a route says itself what is required, so that no rule is looked at."""
    return bool(own.get("disabled") or own.get("requirement_name"))


def _of_rules(rules: JwtRules, asks: Sequence[Ask], say: Callable[[str, str], None]) -> Iterator[_Demand]:
    for number in range(rules.count):
        try:
            yield _Demand(f"rule-{number}", rules.under(number, asks), rules.of_rule(number), number)
        except (CannotMakeError, UnsureError) as error:
            say(f"rules[{number}]", str(error))


def _of_routes(rules: JwtRules, asked: Sequence[tuple[Ask, JsonObject]]) -> Iterator[_Demand]:
    seen = set[str]()
    for ask, own in asked:
        if (name := str(own.get("requirement_name") or "")) and name not in seen:
            seen.add(name)
            yield _Demand(f"requirement-{name}", ask, rules.requirement(ask, own))


def _met(rules: JwtRules, demand: _Demand, say: Callable[[str, str], None]) -> Iterator[Edge]:
    """With all that is required, and with nothing of it."""
    label = slug("jwt", demand.label)
    try:
        ask = rules.let_in(demand.ask, demand.required)
        yield Edge(name=label, entry={}, ask=ask, is_let_in=False)
    except CannotMakeError as error:
        place = f"rules[{demand.rule}]" if demand.rule is not None else demand.label.replace("-", " ", 1)
        say(place, f"no request has what it requires: {error}")
    if demand.required:
        bare = rules.without(demand.ask, demand.required)
        yield Edge(name=slug(label, "no-token"), entry={}, ask=bare, is_let_in=False)


def _missed(rules: JwtRules, demand: _Demand) -> Iterator[Edge]:
    """Requests that just do not fall under the rule."""
    if demand.rule is None:
        return
    seen = set[str]()
    try:
        for each in rules.conditions(demand.rule):
            for words, near in itertools.islice(each.missed(demand.ask), _MOST_MISSES):
                if words not in seen and rules.rule_of(near) != demand.rule:
                    seen.add(words)
                    yield Edge(name=slug("jwt", demand.label, "no", words), entry={}, ask=near)
    except (CannotMakeError, UnsureError):
        return


def _named(rules: JwtRules, required: JsonObject) -> set[str]:
    return {name for way in rules.ways(required) for name, _ in way}


def _of_provider(rules: JwtRules, name: str, provider: JsonObject, demand: _Demand) -> Iterator[Edge]:
    """Tokens of all kinds beside good ones of the others that are required, too. Raises: CannotMakeError."""
    way = next((each for each in rules.ways(demand.required) if name in dict(each)), ((name, provider),))
    provider, others = dict(way)[name], [each for other, each in way if other != name]
    bare = rules.without(demand.ask, demand.required)
    first, *more = tokens.places(provider)
    for place in (first, *more):
        bare = place.emptied(bare)
    beside = signed(bare, [provider, *others])
    for words, token in tokens.of(provider).items():
        ask = first.emptied(beside) if token is None else first.put(beside, token)
        if words == tokens.TWICE and token is not None:
            ask = first.added(ask, token)
        yield Edge(name=slug("jwt", name, words), entry={}, ask=ask, is_let_in=False)
    for number, place in enumerate(more, 2):
        ask = place.put(first.emptied(beside), tokens.good(provider))
        yield Edge(name=slug("jwt", name, "good", "place", number), entry={}, ask=ask, is_let_in=False)
