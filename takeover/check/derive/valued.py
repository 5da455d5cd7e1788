"""Edges that come from the values of a configuration: its origins, sizes, issuers, header names, limits."""

import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from takeover.check.derive import (
    changed_headers,
    ip_tags,
    key_edges,
    oauth,
    rate_limits,
    rbac,
    strings,
    transcoding,
    tree_edges,
)
from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.draft import slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import Header
from takeover.check.derive.tree_edges import TREES, unread
from takeover.check.messages import objects, seconds
from takeover.check.own_credentials import BASIC, KEYS
from takeover.model.json import JsonObject
from takeover.peers.hostile.answers import STATUSES
from takeover.reach.walking import Met
from takeover.scenario.typed_yaml import path_text

_HEADER = "envoy.config.route.v3.HeaderMatcher"
_MOST_OF_A_HEADER = 3
_MOST_BODY = 1 << 20
_MOST_REQUESTS = 200
_MOST_STATUSES = 4
_SOON, _SOON_OF_ALL = 1.0, 2.0  # seconds: of one attempt, of all of them
_PER_TRY = ("per_try_timeout", "per_try_idle_timeout")
_SHORTEST = 60.0  # seconds in which nothing comes into a bucket, while its limit is tried


def edges(
    met: Iterable[Met], ask: Ask, say: Callable[[str, str], None], stages: Container[int] = ()
) -> Iterator[tuple[str, Edge]]:
    """For each message that is met the edges that its values give, with the message's name.

    Args:
        stages: those of rate limits of which a service is asked.
        say: takes the place of a message to whose values no text could be made, and why.
    """
    deciding = Counter[str]()
    for each in met:
        if each.message in TREES and each.message in each.above:
            continue  # it is a part of one
        if each.message == _HEADER:
            deciding[name := str(each.data.get("name"))] += 1
            if deciding[name] > _MOST_OF_A_HEADER:
                continue  # rules may have thousands for one
        if (make := _MAKERS.get(each.message)) is not None:
            try:
                for edge in make(each.data, ask):
                    yield each.message, edge
            except (CannotMakeError, UnsureError) as error:
                say(path_text(each.path), f"no text is known to it: {error}")
        if _is_asked_of_a_service(each, stages):
            try:
                yield from ((each.message, edge) for edge in rate_limits.answered(each.data, ask))
            except CannotMakeError as error:
                say(path_text(each.path), str(error))


def unasked(met: Iterable[Met], ask: Ask) -> Iterator[tuple[str, str]]:
    """Places in messages of which no edge is known, with the reason: ends of trees of matchers, methods, policies."""
    for each in met:
        if each.message == transcoding.TRANSCODER and (why := transcoding.unread(each.data)):
            yield path_text(each.path), why
        if each.message == rbac.RULES:
            yield from ((f"{path_text(each.path)}.{path}", why) for path, why in rbac.unread(each.data, ask))
        if each.message in TREES and each.message not in each.above:
            for path, why in unread(each.data):
                yield f"{path_text(each.path)}.{path}", why


def _is_asked_of_a_service(met: Met, stages: Container[int]) -> bool:
    """Whether it is a rate limit of a stage at which a filter asks a service."""
    if met.message != rate_limits.LIMIT or rate_limits.LOCAL in met.above:
        return False
    return int(met.data.get("stage") or 0) in stages


def _cors(data: Any, ask: Ask) -> Iterator[Edge]:
    del ask
    unknown: CannotMakeError | None = None
    for place, matcher in enumerate(objects(data.get("allow_origin_string_match"))):
        if place == 3:
            break
        wanted = ["access-control-request-method: GET", "access-control-request-headers: x-a"]
        number = "" if not place else f"-{place + 1}"
        try:
            allowed = strings.matching(matcher)
        except CannotMakeError as error:
            unknown = error
            continue
        yield _edge(f"cors-preflight{number}", {"method": "OPTIONS", "headers": [f"origin: {allowed}", *wanted]})
        yield _edge(f"cors{number}", {"headers": [f"origin: {allowed}"]})
        with contextlib.suppress(CannotMakeError):  # it may match everything
            other = strings.not_matching(matcher)
            yield _edge(
                f"cors-preflight-other{number}", {"method": "OPTIONS", "headers": [f"origin: {other}", *wanted]}
            )
            yield _edge(f"cors-other{number}", {"headers": [f"origin: {other}"]})
    if unknown is not None:
        raise unknown


def _buffer(data: Any, ask: Ask) -> Iterator[Edge]:
    del ask
    most = data.get("max_request_bytes")
    if isinstance(most, int) and 0 < most < _MOST_BODY:
        for words, size in (("just", most), ("one-more", most + 1)):
            body = [{"repeat": "a", "times": size}]
            yield _edge(f"buffer-{words}", {"method": "POST", "body": body})
            yield _edge(f"buffer-{words}-in-chunks", {"method": "POST", "chunks": [body]})


def _header_option(data: Any, ask: Ask) -> Iterator[Edge]:
    del ask
    name = str(data.get("header", {}).get("key", "")).lower()
    if name and not name.startswith(":") and name != "host":
        yield _edge(slug("own", name), {"headers": [f"{name}: of-the-client"]})
        yield _edge(slug("own", name, "twice"), {"headers": [f"{name}: 1", f"{name}: 2"]})


def _header_to_metadata(data: Any, ask: Ask) -> Iterator[Edge]:
    del ask
    for rule in objects(data.get("request_rules")):
        if name := rule.get("header"):
            yield _edge(slug("metadata-of", name), {"headers": [f"{name}: of-the-client"]})
            yield _edge(slug("metadata-of", name, "empty"), {"headers": [f"{name}:"]})


def _lua(data: Any, ask: Ask) -> Iterator[Edge]:
    del ask
    for name in sorted(set(re.findall(r""":get\(\s*["']([A-Za-z][\w-]*)["']""", str(data)))):
        yield _edge(slug("read", name), {"headers": [f"{name}: of-the-client"]})


def _hash_header(data: Any, ask: Ask) -> Iterator[Edge]:
    del ask
    if name := data.get("header_name"):
        yield _edge(slug("hashed-by", name), {"headers": [f"{name}: a"]})
        yield _edge(slug("hashed-by", name, "twice"), {"headers": [f"{name}: a", f"{name}: b"]})


def _hash_cookie(data: Any, ask: Ask) -> Iterator[Edge]:
    """Always with the cookie: for who has none Envoy makes one of the connection, whose port is of chance."""
    del ask
    if name := data.get("name"):
        yield _edge(slug("hashed-by-cookie", name), {"headers": [f"cookie: a=b; {name}=c"]})
        yield _edge(slug("hashed-by-cookie", name, "twice"), {"headers": [f"cookie: {name}=a; {name}=b"]})


def _hash_query(data: Any, ask: Ask) -> Iterator[Edge]:
    if name := data.get("name"):
        asked = ask.with_query(str(name), "a").path
        yield _edge(slug("hashed-by-query", name), {"path": asked})
        yield _edge(slug("hashed-by-query", name, "twice"), {"path": f"{asked}&{name}=b"})


def _header_twice(data: Any, ask: Ask) -> Iterator[Edge]:
    """A header that decides, sent twice: with another value before it, after it, and the same again."""
    name, value = str(data.get("name", "")).lower(), ask.header(str(data.get("name", "")).lower())
    matcher = data.get("string_match")
    if value is None or not isinstance(matcher, dict) or name.startswith(":") or name == "host":
        return
    if ask.sanitizing.why(name):
        return  # Envoy says there something else
    other = strings.not_matching(matcher)
    for words, both in (("then-another", (value, other)), ("after-another", (other, value)), ("twice", (value, value))):
        yield _edge(slug("header", name, words), {"headers": [f"{name}: {each}" for each in both]})


def _faulty(data: Any, ask: Ask) -> Iterator[Edge]:
    """Where a fault is for requests with some headers alone: one with all of them, and those that just miss one."""
    headers = [Header(each) for each in objects(data.get("headers"))]
    if not headers:
        return
    made = ask
    for each in headers:
        made = each.made(made)
    yield Edge(name="fault-by-headers", entry={}, ask=made)
    for each in headers:
        for words, near in each.missed(made):
            yield Edge(name=slug("no-fault", words), entry={}, ask=near)


def _health_check(data: Any, ask: Ask) -> Iterator[Edge]:
    made = ask
    for each in objects(data.get("headers")):
        made = Header(each).made(made)
    entry = {"path": made.path, "host": made.host}
    yield _edge("health", entry)
    yield _edge("health-head", {**entry, "method": "HEAD"})
    yield _edge("health-http2", {**entry, "protocol": "http2"})


def _local_limit(data: Any, ask: Ask) -> Iterator[Edge]:
    bucket = data.get("token_bucket", {})
    tokens_there = bucket.get("max_tokens", 0)
    if 0 < tokens_there < _MOST_REQUESTS and seconds(bucket.get("fill_interval")) >= _SHORTEST:
        lines = f"{ask.method} {ask.path} HTTP/1.1\r\nHost: {ask.host}\r\n"
        lines += "".join(f"{name}: {value}\r\n" for name, value in ask.headers) + "\r\n"
        entry = {"answers": tokens_there + 1, "steps": [{"send": [{"repeat": lines, "times": tokens_there + 1}]}]}
        yield Edge(name="limit-and-one-more", entry=entry, subject="limits")


def _timeout(data: Any, ask: Ask) -> Iterator[Edge]:
    """An answer that comes too late, where that is told soon: of the request, or of each of its attempts."""
    del ask
    times = [
        data.get("timeout"),
        data.get("idle_timeout"),
        data.get("max_stream_duration", {}).get("max_stream_duration"),
    ]
    if any(0 < seconds(each) < _SOON for each in times):
        yield _late("timeout-before-the-answer", "stall")
        yield _late("timeout-in-the-answer", "stall-in-body")
    retries = data.get("retry_policy", {})
    tries = 1 + int(retries.get("num_retries", 1))
    # An attempt that another one is made beside, is left at the request's own timeout alone.
    is_hedged = data.get("hedge_policy", {}).get("hedge_on_per_try_timeout")
    if not is_hedged and any(0 < seconds(retries.get(each)) * tries < _SOON_OF_ALL for each in _PER_TRY):
        yield _late("retry-of-attempts-that-stall", "stall")


def _tries(data: Any, ask: Ask) -> Iterator[Edge]:
    """A first attempt that takes too long, and another one that does not."""
    del ask
    if any(0 < seconds(data.get(each)) < _SOON for each in _PER_TRY):
        yield _late("retry-after-a-stall", "once-stall")
        yield _late("retry-after-a-stall-of-a-post", "once-stall", method="POST", body="hello")
    if 0 < seconds(data.get("per_try_idle_timeout")) < _SOON:
        yield _late("retry-after-a-stall-in-the-answer", "stall-in-body")
    for status in itertools.islice(data.get("retriable_status_codes", ()), _MOST_STATUSES):
        if status in STATUSES:
            yield _late(f"retriable-{status}", f"answers-{status}")
            yield _late(f"retriable-{status}-that-helps", f"once-answers-{status}")


def _late(name: str, behaviour: str, **entry: Any) -> Edge:
    return Edge(name=name, entry=entry, behaviour=behaviour, is_of_upstream=True)


def _edge(name: str, entry: JsonObject) -> Edge:
    return Edge(name=name, entry=entry)


_FILTERS, _EARLY = "envoy.extensions.filters.http", "envoy.extensions.http.early_header_mutation"
_MAKERS: dict[str, Callable[[Any, Ask], Iterator[Edge]]] = {
    "envoy.config.route.v3.CorsPolicy": _cors,
    f"{_FILTERS}.cors.v3.CorsPolicy": _cors,
    f"{_FILTERS}.buffer.v3.Buffer": _buffer,
    "envoy.config.core.v3.HeaderValueOption": _header_option,
    _HEADER: _header_twice,
    "envoy.config.route.v3.Route": changed_headers.removed,
    "envoy.config.route.v3.VirtualHost": changed_headers.removed,
    "envoy.config.route.v3.RouteConfiguration": changed_headers.of_table,
    "envoy.config.route.v3.WeightedCluster": changed_headers.of_weighted,
    f"{_FILTERS}.header_mutation.v3.Mutations": changed_headers.mutations("request_mutations"),
    f"{_EARLY}.header_mutation.v3.HeaderMutation": changed_headers.mutations("mutations"),
    f"{_FILTERS}.header_to_metadata.v3.Config": _header_to_metadata,
    f"{_FILTERS}.lua.v3.Lua": _lua,
    rate_limits.LIMIT: rate_limits.edges,
    "envoy.config.route.v3.RouteAction": _timeout,
    "envoy.config.route.v3.RetryPolicy": _tries,
    "envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties": ip_tags.hashed,
    "envoy.config.route.v3.RouteAction.HashPolicy.Header": _hash_header,
    "envoy.config.route.v3.RouteAction.HashPolicy.Cookie": _hash_cookie,
    "envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter": _hash_query,
    BASIC: key_edges.of_password,
    KEYS: key_edges.of_keys,
    rbac.RULES: rbac.edges,
    ip_tags.TAGGING: ip_tags.tagged,
    oauth.CONFIG: oauth.edges,
    f"{_FILTERS}.fault.v3.HTTPFault": _faulty,
    f"{_FILTERS}.health_check.v3.HealthCheck": _health_check,
    rate_limits.LOCAL: _local_limit,
    **dict.fromkeys(TREES, tree_edges.edges),
    transcoding.TRANSCODER: transcoding.edges,
}
