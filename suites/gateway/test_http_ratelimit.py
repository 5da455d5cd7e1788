"""3.2 Gateway, HTTP rate limit: two requests to /aa pass, the third is refused by Envoy; /bb knows no limit."""

import pytest

from takeover.scenario.edits import Edit, add, append, remove, replace
from takeover.scene import Scene
from takeover.traffic.answers import told
from takeover.traffic.buckets import Bucket, until_refilled

NAME = "gateway-http-ratelimit"
pytestmark = [pytest.mark.gateway, pytest.mark.ratelimit]

FILTER = "envoy.filters.http.local_ratelimit"
ROUTES = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]"
LIMIT = f"{ROUTES}.routes[0].typed_per_filter_config['{FILTER}']"


def variant(*edits: Edit) -> pytest.MarkDecorator:
    """A deployment with a full bucket that no token comes back to, further edited."""
    return pytest.mark.scenario(
        NAME, replace("envoy.yaml", f"{LIMIT}.token_bucket.fill_interval", "3600s"), *edits, fresh=True
    )


COUNTERS = "aa_local_rate_limiter.http_local_rate_limit"


def get(scene: Scene, path: str, host: str = "gateway") -> tuple[int, str, str | None, str | None]:
    """Status, who answered, and the two headers that the configuration adds."""
    url = f"http://{scene.host_name('gateway')}:8080{path}"
    response = scene.http("client/client").get(url, headers={"host": host})
    by = told(response).get("backend") or response.text
    return response.status_code, by, response.headers.get("myage"), response.headers.get("x-local-rate-limit")


PASSED = (200, "gateway", "19", None)
REFUSED = (429, "local_rate_limited", "19", "true")
NO_ROUTE = (404, "", None, None)


def counted(scene: Scene) -> dict[str, int]:
    stats = scene.envoy.stats(f"^{COUNTERS}\\.")
    return {name: stats[f"{COUNTERS}.{name}"] for name in ("enabled", "enforced", "ok", "rate_limited")}


@variant()
def test_two_pass_and_the_rest_is_refused(scene: Scene) -> None:
    # Everything that begins with /aa is the same route, and shares its bucket.
    assert [get(scene, path) for path in ("/aa", "/aabc", "/aa?x", "/aa", "/aa/b")] == [PASSED] * 2 + [REFUSED] * 3
    assert counted(scene) == {"enabled": 5, "enforced": 3, "ok": 2, "rate_limited": 3}
    # The others are not touched by the empty bucket.
    assert [get(scene, "/bb") for _ in range(10)] == [PASSED] * 10
    assert [get(scene, path) for path in ("/", "/cc", "/a", "/AA")] == [NO_ROUTE] * 4
    assert counted(scene) == {"enabled": 5, "enforced": 3, "ok": 2, "rate_limited": 3}


@variant(replace("envoy.yaml", f"{LIMIT}.filter_enforced.default_value.numerator", 0))
def test_a_bucket_that_is_not_enforced_only_counts(scene: Scene) -> None:
    assert [get(scene, "/aa") for _ in range(5)] == [PASSED] * 5
    assert counted(scene) == {"enabled": 5, "enforced": 0, "ok": 2, "rate_limited": 3}


@variant(replace("envoy.yaml", f"{LIMIT}.filter_enabled.default_value.numerator", 0))
def test_a_limit_that_is_not_enabled_counts_nothing(scene: Scene) -> None:
    assert [get(scene, "/aa") for _ in range(5)] == [PASSED] * 5
    assert set(counted(scene).values()) == {0}


FOR_A_HOST = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    "stat_prefix": "aa_local_rate_limiter",
    "token_bucket": {"max_tokens": 3, "tokens_per_fill": 1, "fill_interval": "3600s"},
    "filter_enabled": {"default_value": {"numerator": 100}},
    "filter_enforced": {"default_value": {"numerator": 100}},
}
OTHER_HOST = {
    "name": "other",
    "domains": ["other"],
    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "shadow_cluster"}}],
    "typed_per_filter_config": {FILTER: FOR_A_HOST},
}


@pytest.mark.scenario(
    NAME,
    remove("envoy.yaml", f"{ROUTES}.routes[0].typed_per_filter_config"),
    add("envoy.yaml", ROUTES, "typed_per_filter_config", {FILTER: FOR_A_HOST}),
    append("envoy.yaml", ROUTES.removesuffix("[0]"), OTHER_HOST),
    fresh=True,
)
def test_a_virtual_host_has_one_bucket_for_all_its_routes(scene: Scene) -> None:
    refused = (429, "local_rate_limited", "19", None)

    assert [get(scene, path) for path in ("/aa", "/bb", "/aa", "/bb", "/aa")] == [PASSED] * 3 + [refused] * 2
    # Another virtual host with the same limit has a bucket of its own.
    assert [get(scene, "/aa", host="other") for _ in range(4)] == [PASSED] * 3 + [refused]


@pytest.mark.scenario(NAME, replace("envoy.yaml", f"{LIMIT}.token_bucket.fill_interval", "0.25s"), fresh=True)
def test_the_bucket_refills(scene: Scene) -> None:
    attempts = until_refilled(lambda: get(scene, "/aa") == PASSED, times=2)
    assert Bucket(max_tokens=2, tokens_per_fill=1, fill_interval=0.25).contradiction(attempts) == ""
