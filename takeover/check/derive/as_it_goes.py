"""A filter's config as it goes for a request: its own, and what its route says of it instead."""

from collections.abc import Sequence

from takeover.check.messages import config_of, inner, message_of
from takeover.model.json import JsonObject

_OF_ANY_FILTER = "envoy.config.route.v3.FilterConfig"


def config_for(http_filter: JsonObject, settings: Sequence[JsonObject]) -> tuple[JsonObject, JsonObject] | None:
    """The filter's config, and that of the route, empty where it has none; None: it is not asked.

    Args:
        settings: what may have a `typed_per_filter_config`: a table, its virtual host, its route; the last one counts.
    """
    of_route: JsonObject = {}
    is_on = http_filter.get("disabled") is not True
    for each in settings:
        own = inner(each, "typed_per_filter_config", str(http_filter.get("name")))
        if message_of(own) == _OF_ANY_FILTER:
            is_on, own = own.get("disabled") is not True, inner(own, "config")
        elif own:
            is_on = True
        of_route = own or of_route
    return (config_of(http_filter), of_route) if is_on else None
