"""Requests of which a route's rate limits make descriptors: services are asked about nothing else, buckets neither.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto (`RateLimit.Action`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import Condition, Query, UnsureError
from takeover.check.derive.draft import slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.tree_edges import edge_of
from takeover.check.messages import inner, objects


def edges(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Of a `RateLimit` a request that each of its actions takes, and for each condition one that just misses it."""
    wanted, unwanted = _conditions(data)
    if not wanted and not unwanted:
        return
    try:
        made = ask
        for each in wanted:
            made = each.made(made)
        for group in unwanted:
            made = _without(group, made)
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
