"""Requests that have what is taken away, or added, before an upstream sees it: headers, parameters of the query."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from takeover.check.derive import strings
from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.draft import slug
from takeover.check.derive.route_reading import choosing_header
from takeover.check.messages import inner, objects

_OURS = "of-the-client"
_OUTSIDE = "203.0.113.5"


def removed(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Of what has `request_headers_to_remove`."""
    del ask
    for name in data.get("request_headers_to_remove", ()):
        yield Edge(name=slug("removed", name), entry={"headers": [f"{name}: {_OURS}"]})


def of_table(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Of a `RouteConfiguration`: also of headers that only clients from inside may send."""
    yield from removed(data, ask)
    for name in data.get("internal_only_headers", ()):
        header = f"{name}: {_OURS}"
        yield Edge(name=slug("internal-only", name), entry={"headers": [header]})
        yield Edge(
            name=slug("internal-only", name, "from-outside"),
            entry={"headers": [header, f"x-forwarded-for: {_OUTSIDE}"]},
        )


def of_weighted(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Of a `WeightedCluster`: requests that choose the cluster which adds or removes the header."""
    choosing, before = choosing_header(dict(data)), 0
    for each in objects(data.get("clusters")):
        weight = int(each.get("weight", 0) or 0)
        if weight <= 0:
            continue
        added = [inner(option, "header").get("key", "") for option in objects(each.get("request_headers_to_add"))]
        chosen = ask.with_header(choosing, str(before)) if choosing else ask
        for name in dict.fromkeys((*each.get("request_headers_to_remove", ()), *added)):
            if name and not str(name).startswith(":") and str(name).lower() != "host":
                made = chosen.with_header(str(name), _OURS)
                yield Edge(name=slug("header", name, "at", each.get("name", "")), entry={}, ask=made)
        before += weight


def mutations(field: str) -> Callable[[Mapping[str, Any], Ask], Iterator[Edge]]:
    """Of a list of `HeaderMutation` in that field, and of parameters of the query beside it."""

    def edges(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
        """Raises: CannotMakeError for a name of which no text is known."""
        for each in objects(data.get("query_parameter_mutations")):
            append = inner(each, "append")
            name = each.get("remove") or inner(append, "record").get("key") or inner(append, "entry").get("key")
            if name:
                yield Edge(name=slug("changed-query", name), entry={}, ask=ask.with_query(str(name), _OURS))
        for each in objects(data.get(field)):
            matcher = inner(each, "remove_on_match", "key_matcher")
            name = each.get("remove") or (strings.matching(matcher) if matcher else "")
            if name and not str(name).startswith(":"):
                yield Edge(name=slug("removed", name), entry={"headers": [f"{name}: {_OURS}"]})

    return edges
