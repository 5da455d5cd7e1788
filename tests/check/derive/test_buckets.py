from collections import Counter
from typing import Any

import pytest

from takeover.check.derive import Bounds, probes
from takeover.check.derive.buckets import MOST_GROUPS, tokens_of
from takeover.check.records import Derived
from tests.check.derive.by_hand import bootstrap, cluster, given_of, listener, manager, world_of

LIMIT = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


def limit(tokens: int) -> dict[str, Any]:
    enabled = {"default_value": {"numerator": 100}}
    return {"@type": LIMIT, "token_bucket": {"max_tokens": tokens, "fill_interval": "1s"}, "filter_enabled": enabled}


def derived_of(tokens: int) -> Derived:
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "one"}}]}
    limited = manager(host, filters=({"name": "limit", "typed_config": limit(tokens)},))
    first = listener("limited", 10001, {"filters": [limited]})
    given = given_of(bootstrap([first, listener("free", 10002, {"filters": [manager(host)]})], [cluster("one")]))
    return probes(given, world_of(given), Bounds())


@pytest.mark.parametrize("tokens", [1, 7, 50])
def test_no_group_has_more_probes_behind_a_bucket_than_that_has_tokens(tokens: int) -> None:
    derived = derived_of(tokens)

    behind = Counter(each.probe.partition("/")[0] for each in derived.targets if each.listener == "limited")
    assert 0 < max(behind.values()) <= tokens
    assert len(behind) == MOST_GROUPS
    assert derived.left_out["the limits of requests that they pass"] > 0
    free = {each.probe.partition("/")[0] for each in derived.targets if each.listener == "free"}
    assert not free & set(behind)


def test_a_bucket_that_no_group_empties_changes_nothing() -> None:
    assert not [each for each in derived_of(1_000_000).targets if each.probe.startswith("limited")]


def test_of_several_buckets_the_smallest_counts() -> None:
    per_route = {"typed_per_filter_config": {"limit": limit(3)}}

    assert tokens_of([limit(10), {"routes": [per_route]}]) == 3
    assert tokens_of({"@type": LIMIT, "token_bucket": {"max_tokens": 1}}) is None
    assert tokens_of({"@type": "another", "token_bucket": {"max_tokens": 1}}) is None


LIMITED_ROUTE = {"match": {"prefix": "/limited"}, "route": {"cluster": "one"}}
PER_ROUTE = {"typed_per_filter_config": {"limit": limit(3)}}
FREE_ROUTE = {"match": {"prefix": "/"}, "route": {"cluster": "one"}}


@pytest.mark.parametrize("where", ["a route", "a host", "a weighted cluster"])
def test_a_bucket_of_a_route_or_a_host_limits_no_others_requests(where: str) -> None:
    limited: dict[str, Any] = {"name": "few", "domains": ["few.test"], "routes": [LIMITED_ROUTE, FREE_ROUTE]}
    if where == "a host":
        limited |= PER_ROUTE
    elif where == "a route":
        limited["routes"] = [{**LIMITED_ROUTE, **PER_ROUTE}, FREE_ROUTE]
    else:
        weighted = {"weighted_clusters": {"clusters": [{"name": "one", "weight": 1, **PER_ROUTE}]}}
        limited["routes"] = [{**LIMITED_ROUTE, "route": weighted}, FREE_ROUTE]
    free = {"name": "all", "domains": ["*"], "routes": [FREE_ROUTE]}
    chain = {"filters": [manager(limited, free)]}
    given = given_of(bootstrap([listener("web", 10001, chain)], [cluster("one")]))

    derived = probes(given, world_of(given), Bounds())

    behind = Counter(each.probe.partition("/")[0] for each in derived.targets if each.probe.startswith("limited-"))
    assert 0 < max(behind.values()) <= 3
    free_ones = [each for each in derived.targets if not each.probe.startswith("limited-")]
    assert ("few", 0, "matches") not in {(each.host, each.route, each.condition) for each in free_ones}
    of = Counter((each.host, each.route) for each in free_ones)
    assert of["all", 0] >= 20
    assert of["few", 1] == 0 if where == "a host" else of["few", 1] >= 20
