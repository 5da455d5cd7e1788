"""A time of a resource is taken as Envoy's own YAML takes it, in either form."""

from typing import Any

import pytest

from takeover.peers.control_plane.resources import ResourceError, parse

CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
LIMIT = "type.googleapis.com/envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit"


def cluster(timeout: Any, **fields: Any) -> bytes:
    return parse({"@type": CLUSTER, "name": "app", "connect_timeout": timeout, **fields}, "it").data


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"seconds": 1}, "1s"),
        ({"nanos": 250_000_000}, "0.25s"),
        ({"seconds": 2, "nanos": 1}, "2.000000001s"),
        ({"seconds": -1, "nanos": -500_000_000}, "-1.5s"),
    ],
)
def test_both_forms_are_the_same(parts: dict[str, int], text: str) -> None:
    assert cluster(parts) == cluster(text)


def test_it_may_stand_anywhere() -> None:
    def listener(interval: Any) -> bytes:
        limit = {"@type": LIMIT, "stat_prefix": "a", "token_bucket": {"max_tokens": 1, "fill_interval": interval}}
        chain = {"filters": [{"name": "limit", "typedConfig": limit}]}
        return parse({"@type": LISTENER, "name": "one", "filterChains": [chain]}, "it").data

    assert listener({"seconds": 1}) == listener("1s")


def test_what_is_no_time_stays() -> None:
    metadata = {"filterMetadata": {"mine": {"seconds": 1}}}
    with_text = {"filterMetadata": {"mine": {"seconds": "1s"}}}
    assert cluster("1s", metadata=metadata) != cluster("1s", metadata=with_text)
    assert b"seconds" in cluster("1s", metadata=metadata)
    for wrong in ({}, {"seconds": "1"}, {"minutes": 1}, [1]):
        with pytest.raises(ResourceError, match="connect_timeout"):
            cluster(wrong)
