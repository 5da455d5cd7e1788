"""What a request brings for filters that ask who it is from: a user's password, an API key, a token.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/basic_auth_filter and
api_key_auth_filter.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from takeover.check.derive import tokens
from takeover.check.derive.as_it_goes import config_for
from takeover.check.derive.ask import Ask
from takeover.check.derive.claims import Asked, Claims
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.jwt_rules import JwtRules
from takeover.check.messages import config_of, message_of, objects
from takeover.check.own_credentials import (
    API_KEY,
    BASIC,
    BASIC_OF_ROUTE,
    KEYS,
    KEYS_OF_ROUTE,
    PASSWORD,
    USER,
)
from takeover.model.json import JsonObject

JWT: Final = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"


class Credentials:
    """What filters ask for that a request comes by.

    Args:
        filters: the connection manager's `http_filters`.
        runtime: values of runtime keys that are certain.
    """

    def __init__(self, filters: object, runtime: Mapping[str, object]) -> None:
        self._asking = [each for each in objects(filters) if message_of(config_of(each)) in (BASIC, KEYS, JWT)]
        self._claims = Asked(filters)
        self._rules = {
            str(each.get("name")): JwtRules(config_of(each), runtime)
            for each in self._asking
            if message_of(config_of(each)) == JWT
        }

    @property
    def are_asked_for(self) -> bool:
        """Whether any filter asks for such."""
        return bool(self._asking)

    def jwt(self) -> Iterator[tuple[JsonObject, JwtRules]]:
        """Each filter that asks for tokens, with its rules."""
        yield from ((each, rules) for each in self._asking if (rules := self._rules.get(str(each.get("name")))))

    def let_in(self, ask: Ask, settings: Sequence[JsonObject]) -> Ask:
        """The request with all of it, as far as there is such.

        Args:
            settings: what may have a `typed_per_filter_config`: a table, its virtual host, its route; the last one
                counts.
        """
        for each in self._asking:
            if (found := config_for(each, settings)) is None:
                continue
            config, of_route = found
            match message_of(config):
                case kind if kind == BASIC:
                    ask = _by_password(ask)
                case kind if kind == KEYS:
                    ask = _by_key(ask, _over(config, of_route))
                case _:
                    rules = self._rules[str(each.get("name"))]
                    ask = _by_token(ask, rules, of_route, self._claims.of(settings))
        return ask


def _over(config: JsonObject, of_route: JsonObject) -> JsonObject:
    """A filter's config with what its route says instead."""
    if message_of(of_route) not in (BASIC_OF_ROUTE, KEYS_OF_ROUTE):
        return config
    return {**config, **{key: value for key, value in of_route.items() if value}}


def _by_password(ask: Ask) -> Ask:
    return ask.with_header("authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())


def _by_key(ask: Ask, config: JsonObject) -> Ask:
    """With a key where it is looked for first."""
    place = next(tokens.places_of_keys(config), None)
    return ask if place is None else place.put(ask, API_KEY)


def _by_token(ask: Ask, rules: JwtRules, of_route: JsonObject, claims: Claims) -> Ask:
    """With good tokens; where none is known, which the filter's edges say, without."""
    try:
        return rules.let_in(ask, rules.requirement(ask, of_route), claims)
    except CannotMakeError:
        return ask
