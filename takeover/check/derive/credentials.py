"""What a request brings for filters that ask who it is from: a user's password, an API key.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/basic_auth_filter and
api_key_auth_filter.
"""

import base64
from collections.abc import Sequence

from takeover.check.derive.ask import Ask
from takeover.check.messages import config_of, inner, message_of, objects
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

_OF_ANY_FILTER = "envoy.config.route.v3.FilterConfig"


def let_in(ask: Ask, filters: object, settings: Sequence[JsonObject]) -> Ask:
    """The request with what the filters ask for that it comes by.

    Args:
        filters: the connection manager's `http_filters`.
        settings: what may have a `typed_per_filter_config`: a table, its virtual host, its route; the last one counts.
    """
    for each in objects(filters):
        kind = message_of(config_of(each))
        if kind in (BASIC, KEYS) and (config := _of_request(each, settings)) is not None:
            ask = _by_password(ask) if kind == BASIC else _by_key(ask, config)
    return ask


def _of_request(http_filter: JsonObject, settings: Sequence[JsonObject]) -> JsonObject | None:
    """The filter's config as it goes for a request; None: it is not asked."""
    config, is_on = config_of(http_filter), http_filter.get("disabled") is not True
    for each in settings:
        own = inner(each, "typed_per_filter_config", str(http_filter.get("name")))
        if message_of(own) == _OF_ANY_FILTER:
            is_on, own = own.get("disabled") is not True, inner(own, "config")
        elif own:
            is_on = True
        if message_of(own) in (BASIC_OF_ROUTE, KEYS_OF_ROUTE):
            config = {**config, **{key: value for key, value in own.items() if value}}
    return config if is_on else None


def _by_password(ask: Ask) -> Ask:
    return ask.with_header("authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())


def _by_key(ask: Ask, config: JsonObject) -> Ask:
    """With a key where it is looked for first."""
    source = next(objects(config.get("key_sources")), {})
    if name := source.get("header"):
        is_standard = str(name).lower() == "authorization"
        return ask.with_header(str(name), f"Bearer {API_KEY}" if is_standard else API_KEY)
    if name := source.get("query"):
        return ask.with_query(str(name), API_KEY)
    return ask.with_cookie(str(name), API_KEY) if (name := source.get("cookie")) else ask
