"""Keeps probes within the limits of what they pass: how fast a bucket fills again, only a clock knows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from takeover.check.derive.draft import OWN, Draft
from takeover.check.derive.matching import Table, Taken
from takeover.model.json import JsonObject

LIMITED = "limited"
"""The subject of groups whose probes pass a limit, with a number: each group has an Envoy with full buckets."""
MOST_GROUPS = 4

_OF_HTTP, _OF_BYTES = ".http.local_ratelimit.v3.LocalRateLimit", ".network.local_ratelimit.v3.LocalRateLimit"
_APART = frozenset({"limits", OWN})
_OF_TABLES = frozenset({"route_config", "scoped_routes"})
_HOSTS, _ROUTES = "virtual_hosts", frozenset({"routes", "matcher"})


@dataclass(frozen=True)
class Bucket:
    """What limits the requests of a filter chain.

    Args:
        tokens: the fewest of a bucket there.
        is_of_all: whether that, or another one, is for all that comes; else only some hosts or routes have one.
    """

    tokens: int
    is_of_all: bool


def bucket_of(filters: Sequence[JsonObject], tables: Sequence[JsonObject]) -> Bucket | None:
    """That of a chain with these filters and tables of routes; None: nothing limits there."""
    outside = [_without(each, _OF_TABLES) for each in filters] + [_without(each, {_HOSTS}) for each in tables]
    of_all = tokens_of(outside)
    of_some = tokens_of([each.get(_HOSTS, []) for each in tables])
    fewest = min((each for each in (of_all, of_some) if each is not None), default=None)
    return None if fewest is None else Bucket(fewest, is_of_all=of_all is not None)


class Limited:
    """Tells of a table of routes where requests may ask a bucket for a token."""

    def __init__(self, table: Table) -> None:
        self._places = set[tuple[int | None, int | None]]()
        for number, host in enumerate(table.hosts):
            is_whole = tokens_of(_without(host.data, _ROUTES)) is not None
            for place, route in enumerate(host.routes):
                if is_whole or tokens_of(route.data) is not None:
                    self._places.add((number, place))

    def may_ask(self, taken: Taken) -> bool:
        """Whether a request that is taken there may: also where that cannot be told for certain."""
        return bool(self._places) and (not taken.expects or (taken.host, taken.route) in self._places)


def _without(config: JsonObject, fields: Set[str]) -> JsonObject:
    return {key: value for key, value in config.items() if key not in fields}


def tokens_of(config: Any) -> int | None:
    """The fewest tokens of a bucket in the config of filters and routes; None if there is none."""
    found = min(_buckets(config), default=None)
    return None if found is None else max(found, 1)


def _buckets(config: Any) -> Iterator[int]:
    if isinstance(config, list):
        for each in config:
            yield from _buckets(each)
    if not isinstance(config, dict):
        return
    kind = str(config.get("@type", ""))
    # That of HTTP limits none of the requests, where nothing says of how many it does.
    if kind.endswith(_OF_BYTES) or (kind.endswith(_OF_HTTP) and "filter_enabled" in config):
        yield from (int(each.get("max_tokens", 0)) for each in _named(config, "token_bucket"))
    for each in config.values():
        if isinstance(each, dict | list):
            yield from _buckets(each)


def _named(config: Any, name: str) -> Iterator[JsonObject]:
    for key, value in config.items() if isinstance(config, dict) else enumerate(config):
        if key == name and isinstance(value, dict):
            yield value
        elif isinstance(value, dict | list):
            yield from _named(value, name)


def within(
    drafts: Sequence[Draft], buckets: Mapping[tuple[str, str], Bucket], per_group: int
) -> tuple[list[Draft], dict[str, int]]:
    """The drafts, those behind a bucket in groups that do not empty it; how many there are too many.

    Args:
        buckets: (listener, chain) → what limits there.
    """
    used, kept, left_out = Counter[tuple[str, str]](), list[Draft](), 0
    for draft in drafts:
        bucket = (draft.listener, draft.chain)
        limit = buckets.get(bucket)
        is_limited = limit is not None and (limit.is_of_all or draft.is_limited)
        tokens = limit.tokens if limit is not None and is_limited else per_group * 10
        if draft.subject in _APART or tokens >= per_group * 10:
            kept.append(draft)
            continue
        costs = _costs(draft.entry)
        group, rest = divmod(used[bucket], tokens)
        if rest + costs > tokens:
            group, rest = group + 1, 0
        if costs > tokens or group >= MOST_GROUPS:
            left_out += 1
            continue
        used[bucket] = group * tokens + rest + costs
        kept.append(replace(draft, subject=f"{LIMITED}-{group + 1}"))
    return kept, {"the limits of requests that they pass": left_out} if left_out else {}


def _costs(entry: JsonObject) -> int:
    """How many tokens a probe may take: of each request, each connection, and of further attempts none."""
    steps = str(entry.get("steps", "")).count("HTTP/") + str(entry.get("steps", "")).count(":path: ")
    tries = 2 if (entry.get("tls") or {}).get("resume") else 1
    return max(1, int(entry.get("answers", 1)), steps) * int(entry.get("connections", 1)) * tries
