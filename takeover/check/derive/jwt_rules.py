"""Which tokens a JWT filter asks a request for: by the first of its rules that takes it, or as its route says.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/jwt_authn/v3/config.proto
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from takeover.check.derive import tokens
from takeover.check.derive.ask import Ask
from takeover.check.derive.claims import NONE, Claims
from takeover.check.derive.conditions import Condition, UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.nearby import Nearby
from takeover.check.derive.paths import Path
from takeover.check.derive.route_reading import RouteReading
from takeover.check.messages import inner, objects
from takeover.model.json import JsonObject

_MOST_WAYS = 20
_TRIES = 30

Named = tuple[str, JsonObject]
"""A provider's name, and its `JwtProvider` with the audiences that are asked for."""


class JwtRules:
    """Those of a filter.

    Args:
        config: `envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication`.
        runtime: values of runtime keys that are certain.
    """

    def __init__(self, config: JsonObject, runtime: Mapping[str, object]) -> None:
        self.providers = inner(config, "providers")
        self._named = inner(config, "requirement_map")
        self._rules = [*objects(config.get("rules"))]
        self._readings = [RouteReading({"match": inner(each, "match")}, runtime) for each in self._rules]

    @property
    def count(self) -> int:
        """How many rules there are."""
        return len(self._rules)

    def conditions(self, rule: int) -> Sequence[Condition]:
        """What a rule asks of the requests that it is for."""
        return self._readings[rule].conditions

    def rule_of(self, ask: Ask) -> int | None:
        """The number of the rule that a request falls under; None: of none. What is unsure of one counts as missed."""
        for number, each in enumerate(self._readings):
            try:
                if each.fits(ask):
                    return number
            except UnsureError:
                continue
        return None

    def requirement(self, ask: Ask, of_route: JsonObject) -> JsonObject:
        """The `JwtRequirement` for a request; empty where it needs no token.

        Args:
            of_route: the route's `PerRouteConfig`; empty where it has none.
        """
        if of_route.get("disabled"):
            return {}
        if name := of_route.get("requirement_name"):
            return inner(self._named, str(name))
        rule = self.rule_of(ask)
        return {} if rule is None else self.of_rule(rule)

    def of_rule(self, rule: int) -> JsonObject:
        """What a rule requires."""
        data = self._rules[rule]
        return inner(data, "requires") or inner(self._named, str(data.get("requirement_name")))

    def ways(self, requirement: JsonObject) -> list[tuple[Named, ...]]:
        """All that is enough: each of it providers whose tokens a request has to bring, those with any first."""
        found = itertools.islice(self._ways(requirement), _MOST_WAYS)
        return sorted(found, key=lambda each: not each)

    def _ways(self, requirement: JsonObject) -> Iterator[tuple[Named, ...]]:
        alone = inner(requirement, "provider_and_audiences") or requirement
        if name := alone.get("provider_name"):
            if provider := inner(self.providers, str(name)):
                audiences = {"audiences": alone["audiences"]} if alone.get("audiences") else {}
                yield ((str(name), {**provider, **audiences}),)
        elif among := inner(requirement, "requires_any"):
            for each in objects(among.get("requirements")):
                yield from self.ways(each)
        elif among := inner(requirement, "requires_all"):
            for every in itertools.product(*map(self.ways, objects(among.get("requirements")))):
                yield tuple(dict(itertools.chain(*every)).items())
        else:
            yield ()

    def let_in(self, ask: Ask, requirement: JsonObject, claims: Claims = NONE) -> Ask:
        """The request with good tokens of all that is required of it, with those claims. Raises: CannotMakeError."""
        why = CannotMakeError("no provider of that name is there")
        for way in self.ways(requirement):
            try:
                return signed(ask, [provider for _, provider in way], claims)
            except CannotMakeError as error:
                why = error
        if requirement:
            raise why
        return ask

    def without(self, ask: Ask, requirement: JsonObject) -> Ask:
        """The request with none of the tokens that may be required of it."""
        for _, provider in itertools.chain(*self.ways(requirement)):
            for place in tokens.places(provider):
                ask = place.emptied(ask)
        return ask

    def under(self, rule: int, asks: Sequence[Ask]) -> Ask:
        """A request that falls under the rule, one of those or made of one. Raises: CannotMakeError, UnsureError."""
        if why := self._readings[rule].unread:
            raise CannotMakeError(why)
        if (found := next((each for each in asks if self.rule_of(each) == rule), None)) is not None:
            return found
        made = asks[0]
        for condition in self.conditions(rule):
            made = condition.made(made)
        for each in (nearby := Nearby(made, _TRIES)):
            taken = self.rule_of(each)
            if taken == rule:
                return each
            nearby.add(self._near(each, rule, taken))
        raise CannotMakeError("no request was found that falls under it and under no rule before")

    def _near(self, made: Ask, rule: int, taken: int | None) -> Iterator[Ask]:
        """Requests that the rule takes, too, and the one that took it perhaps not."""
        for each in self.conditions(taken) if taken is not None else ():
            yield from (near for _, near in each.missed(made) if self._readings[rule].fits(near))
        for each in self.conditions(rule):
            if isinstance(each, Path):
                yield from each.more(made)


def signed(ask: Ask, providers: Iterable[JsonObject], claims: Claims = NONE) -> Ask:
    """The request with a good token of each, no two of them in one place. Raises: CannotMakeError."""
    taken = list[tokens.Place]()
    for each in providers:
        ask, place = tokens.put_apart(ask, each, taken, claims.get(str(each.get("payload_in_metadata")), {}))
        taken.append(place)
    return ask
