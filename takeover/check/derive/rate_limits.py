"""Requests of which a route's rate limits make descriptors: services are asked about nothing else, buckets neither.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto (`RateLimit.Action`).
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import Condition, Query, UnsureError
from takeover.check.derive.draft import slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.tokens import Place
from takeover.check.derive.tree_edges import edge_of
from takeover.check.messages import inner, objects
from takeover.model.json import JsonObject

GLOBAL: Final = "envoy.extensions.filters.http.ratelimit.v3.RateLimit"
LOCAL: Final = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
LIMIT: Final = "envoy.config.route.v3.RateLimit"
_OVER = {"current_limit": {"requests_per_unit": 7, "unit": "HOUR"}, "code": "OVER_LIMIT", "duration_until_reset": "60s"}
_ANSWERS: Mapping[str, JsonObject] = {
    "over": {"answer": {"overall_code": "OVER_LIMIT", "statuses": [_OVER]}},
    "over-with-headers": {
        "answer": {
            "overall_code": "OVER_LIMIT",
            "response_headers_to_add": [{"key": "x-limit", "value": "reached"}],
            "raw_body": base64.b64encode(b"too many").decode(),
        }
    },
    "service-fails": {"status": 14},
}
"""What the world's service is told to answer (`takeover.peers.services.rate_limit`)."""


def answered(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Of a `RateLimit` that a service is asked about requests whose descriptor says what the service answers.

    Raises: CannotMakeError where nothing of a request comes into it.
    """
    wanted, unwanted = _conditions(data)
    place = next(_values(data), None)
    if place is None:
        raise CannotMakeError("nothing in a request says that this limit is reached")
    try:
        made = _taken(wanted, unwanted, ask)
    except UnsureError as error:
        raise CannotMakeError(f"no request of which it is known that it is limited: {error}") from None
    for words, answer in _ANSWERS.items():
        text = json.dumps(answer, separators=(",", ":"))
        written = quote(text, safe="") if place.kind == "query" else text
        yield Edge(name=slug("limit", place.kind, place.name, words), entry={}, ask=place.put(made, written))


def _values(data: Mapping[str, Any]) -> Iterator[Place]:
    """What of a request is a value in a descriptor."""
    for action in objects(data.get("actions")):
        if (name := inner(action, "request_headers").get("header_name")) and not str(name).startswith(":"):
            yield Place("header", str(name).lower())
        if name := inner(action, "query_parameters").get("query_parameter_name"):
            yield Place("query", str(name))


def edges(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Of a `RateLimit` a request that each of its actions takes, and for each condition one that just misses it."""
    wanted, unwanted = _conditions(data)
    if not wanted and not unwanted:
        return
    try:
        made = _taken(wanted, unwanted, ask)
        name = slug("limit-of", (wanted or unwanted[0])[0].words)
        yield from edge_of(name, made, ask)
        for each in wanted:
            for words, other in each.missed(made):
                yield from edge_of(slug("no", name, words), other, ask)
                break
        for group in unwanted:
            taken = made
            for each in group:
                taken = each.made(taken)
            yield from edge_of(slug("no", name, "but", group[0].words), taken, ask)
    except (CannotMakeError, UnsureError):
        return


def _taken(wanted: Iterable[Condition], unwanted: Iterable[Sequence[Condition]], ask: Ask) -> Ask:
    """The request, changed so that each action takes it. Raises: CannotMakeError, UnsureError."""
    for each in wanted:
        ask = each.made(ask)
    for group in unwanted:
        ask = _without(group, ask)
    return ask


def _conditions(data: Mapping[str, Any]) -> tuple[list[Condition], list[Sequence[Condition]]]:
    """What a request must have, and groups of which it must lack something."""
    wanted, unwanted = list[Condition](), list[Sequence[Condition]]()
    for action in objects(data.get("actions")):
        headers, parameters = inner(action, "header_value_match"), inner(action, "query_parameter_value_match")
        matching: list[Condition] = [Header(each) for each in objects(headers.get("headers"))]
        matching += [Query(each) for each in objects(parameters.get("query_parameters"))]
        if (headers or parameters).get("expect_match", True) is False:
            unwanted.append(matching)
        else:
            wanted += matching
        if (name := inner(action, "request_headers").get("header_name")) and not str(name).startswith(":"):
            wanted.append(Header({"name": name, "present_match": True}))
        if name := inner(action, "query_parameters").get("query_parameter_name"):
            wanted.append(Query({"name": name, "present_match": True}))
    return wanted, [each for each in unwanted if each]


def _without(group: Sequence[Condition], ask: Ask) -> Ask:
    """The request, changed so that it lacks something of it. Raises: CannotMakeError."""
    if not all(each.fits(ask) for each in group):
        return ask
    found = next((near for each in group for _, near in each.missed(ask)), None)
    if found is None:
        raise CannotMakeError("no request was found that none of it fits")
    return found
