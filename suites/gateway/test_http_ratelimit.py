"""3.2 Gateway, HTTP rate limit: two requests to /aa pass, the third is refused by Envoy; /bb knows no limit.

Refused means that Envoy refused it (`RL`, the limit's own counters), and that nothing arrived at the application.
"""

import dataclasses

import pytest

from fixtures import ways
from fixtures.exchange import Sent, client
from fixtures.exemption import answers, requests, status
from takeover.evidence.observed import ObservedTraffic
from takeover.net.http1 import Answer
from takeover.scenario.edits import Edit, add, append, remove, replace
from takeover.scene import Scene
from takeover.suite.buckets import Bucket, attempt, until_told_apart
from takeover.suite.echo import echo

NAME = "gateway-http-ratelimit"
pytestmark = [pytest.mark.gateway, pytest.mark.ratelimit]

FILTER = "envoy.filters.http.local_ratelimit"
ROUTES = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]"
LIMIT = f"{ROUTES}.routes[?@.name=='limited'].typed_per_filter_config['{FILTER}']"
TRACE = ["listener 0.0.0.0_8080", "http ingress_http", "cluster shadow_cluster", "destination gateway/nginx"]


def variant(*edits: Edit) -> pytest.MarkDecorator:
    """A deployment with a full bucket that no token comes back to, further edited."""
    no_refill = replace("envoy.yaml", f"{LIMIT}.token_bucket.fill_interval", "3600s")
    return pytest.mark.scenario(NAME, no_refill, *edits, fresh=True)


Outcome = tuple[int, str, str | None, str | None]


def get(scene: Scene, path: str, host: str = "gateway") -> Outcome:
    """Status, who answered, and the two headers that the configuration adds."""
    url = f"http://{scene.host_name('gateway')}:8080{path}"
    response = scene.ask("client/client", url, headers={"host": host})
    by = echo(response).get("backend") or response.text
    return response.status_code, by, response.headers.get("myage"), response.headers.get("x-local-rate-limit")


PASSED = (200, "gateway", "19", None)
REFUSED = (429, "local_rate_limited", "19", "true")
NO_ROUTE = (404, "", None, None)
# With those of gRPC, and of the end of a connection on which a body was to come.
OF_A_REFUSAL = {"content-length", "content-type", "date", "server", "connection", "grpc-status", "grpc-message"}
OF_A_REFUSAL |= {"myage", "x-local-rate-limit"}
FLAGS = {200: "-", 429: "RL", 404: "NR"}


def assert_witnessed(observed: ObservedTraffic, outcomes: list[Outcome], **counted: int) -> None:
    """Envoy logged these outcomes, what passed and only that arrived, and the limit counted so (0 if not said)."""
    names = {name: f"aa_local_rate_limiter.http_local_rate_limit.{name}" for name in COUNTERS}
    assert {name: observed.counter(full) for name, full in names.items()} == COUNTERS | counted
    assert observed.trace == TRACE
    logged = [(status, FLAGS.get(status)) for status, *_ in outcomes]
    assert [(each.status, each.flags) for each in observed.entries] == logged
    passed = [each.request_id for each in observed.entries if each.status == 200]
    assert [each.request_id for each in observed.destination("gateway")] == passed


COUNTERS = {"enabled": 0, "ok": 0, "rate_limited": 0, "enforced": 0}


@variant()
def test_two_pass_and_the_rest_is_refused(scene: Scene) -> None:
    with scene.watched() as observed:
        # Everything that begins with /aa is the same route, and shares its bucket.
        outcomes = [get(scene, path) for path in ("/aa", "/aabc", "/aa?x", "/aa", "/aa/b")]
    # First what was counted: that tells one wrong limit from another.
    assert_witnessed(observed, outcomes, enabled=5, ok=2, rate_limited=3, enforced=3)
    assert outcomes == [PASSED] * 2 + [REFUSED] * 3

    with scene.watched() as observed:
        # The others are not touched by the empty bucket.
        outcomes = [get(scene, path) for path in (*["/bb"] * 10, "/", "/cc", "/a", "/AA")]
    assert outcomes == [PASSED] * 10 + [NO_ROUTE] * 4
    assert_witnessed(observed, outcomes)
    assert_nothing_is_exempt(scene)


def assert_nothing_is_exempt(scene: Scene) -> None:
    """The bucket is empty for whatever request to a path that begins with /aa."""
    with scene.watched() as observed:
        answered = answers(scene, dataclasses.replace(ways.UNLIMITED, below=""), requests(below="/aa"))
        answered["from the gateway itself"] = answer_inside(scene, Sent("GET", "/aa", (("Host", "gateway"),)))
    assert {name: status(answer) for name, answer in answered.items()} == dict.fromkeys(answered, 429)
    marks = {name: (answer.value("x-local-rate-limit"), answer.value("myage")) for name, answer in answered.items()}
    assert marks == dict.fromkeys(answered, ("true", "19"))
    headers = {header for answer in answered.values() for header, _ in answer.headers}
    assert headers - OF_A_REFUSAL == set()
    assert observed.trace == TRACE[:2]
    assert [(each.flags, each.route) for each in observed.entries] == [("RL", "limited")] * len(answered)
    assert observed.counter("aa_local_rate_limiter.http_local_rate_limit.enforced") == len(answered)


def answer_inside(scene: Scene, sent: Sent) -> Answer:
    """The answer to the gateway's own Pod, over its loopback."""
    with client(scene, "gateway", "nginx", "127.0.0.1", 8080) as inside:
        return inside.ask(sent)


@variant(replace("envoy.yaml", f"{LIMIT}.filter_enforced.default_value.numerator", 0))
def test_a_bucket_that_is_not_enforced_only_counts(scene: Scene) -> None:
    with scene.watched() as observed:
        outcomes = [get(scene, "/aa") for _ in range(5)]
    assert outcomes == [PASSED] * 5
    assert_witnessed(observed, outcomes, enabled=5, ok=2, rate_limited=3)


@variant(replace("envoy.yaml", f"{LIMIT}.filter_enabled.default_value.numerator", 0))
def test_a_limit_that_is_not_enabled_counts_nothing(scene: Scene) -> None:
    with scene.watched() as observed:
        outcomes = [get(scene, "/aa") for _ in range(5)]
    assert outcomes == [PASSED] * 5
    assert_witnessed(observed, outcomes)
    assert_only_the_paths_beginning_chooses(scene)


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
    remove("envoy.yaml", f"{ROUTES}.routes[?@.name=='limited'].typed_per_filter_config"),
    add("envoy.yaml", ROUTES, "typed_per_filter_config", {FILTER: FOR_A_HOST}),
    append("envoy.yaml", ROUTES.removesuffix("[0]"), OTHER_HOST),
    fresh=True,
)
def test_a_virtual_host_has_one_bucket_for_all_its_routes(scene: Scene) -> None:
    refused = (429, "local_rate_limited", "19", None)
    with scene.watched() as observed:
        outcomes = [get(scene, path) for path in ("/aa", "/bb", "/aa", "/bb", "/aa")]
        # Another virtual host with the same limit has a bucket of its own.
        outcomes += [get(scene, "/aa", host="other") for _ in range(4)]
    assert outcomes == [PASSED] * 3 + [refused] * 2 + [PASSED] * 3 + [refused]
    assert_witnessed(observed, outcomes, enabled=9, ok=6, rate_limited=3, enforced=3)


@pytest.mark.scenario(NAME, fresh=True)
def test_the_bucket_empties_and_refills(scene: Scene) -> None:
    outcomes: list[Outcome] = []

    def passes() -> bool:
        outcomes.append(get(scene, "/aa"))
        return outcomes[-1] == PASSED

    bucket = Bucket(max_tokens=2, tokens_per_fill=1, fill_interval=1.0)
    with scene.watched() as observed:
        attempts = [attempt(passes) for _ in range(5)]
        assert [each.passed for each in attempts[:2]] == [True, True], "a full bucket"
        assert bucket.contradiction(attempts) == ""
        attempts = until_told_apart(bucket, attempts, passes)
    scene.measurements.append(bucket.measurement(attempts))
    assert bucket.contradiction(attempts) == ""
    refused = outcomes.count(REFUSED)
    assert_witnessed(
        observed, outcomes, enabled=len(outcomes), ok=len(outcomes) - refused, rate_limited=refused, enforced=refused
    )


LIMITED = (
    "/aa",
    "/aa/",
    "/aabc",
    "/aa?x",
    "/aa?/bb",
    "/aa/b",
    "/aa/../bb",
    "/aa//bb",
    "/aa;bb",
    "/aa%2Fbb",
    "/aa.html",
    "/aaa",
)
NOT_LIMITED = (
    "/bb",
    "/bb/",
    "/bbc",
    "/bb?x",
    "/bb?/aa",
    "/bb/aa",
    "/bb/../aa",
    "/bb//aa",
    "/bb;aa",
    "/bb%2Faa",
    "/bbb",
)
NO_ROUTE_FOR = (
    *(
        "/",
        "/a",
        "/b",
        "/ab",
        "/ba",
        "/cc",
        "/AA",
        "/Aa",
        "/aA",
        "/BB",
        "/Bb",
        "//aa",
        "//bb",
        "/./aa",
        "/x/aa",
        "/x/../bb",
    ),
    *("/%61%61", "/a%61", "/%62b", "/a/a", "/?/aa", "/?aa", "/cc?/aa", "/healthz", "/api/aa", "/public", "/index.html"),
)


def assert_only_the_paths_beginning_chooses(scene: Scene) -> None:
    """Which route a path takes, whatever its rest and the method are."""
    routes = {"limited": LIMITED, "unlimited": NOT_LIMITED, None: NO_ROUTE_FOR}
    expected = {path: (200 if route else 404, route) for route, paths in routes.items() for path in paths}
    with scene.watched() as observed, ways.UNLIMITED.client(scene) as asking:
        for path in expected:
            for method in ("GET", "POST"):
                asking.ask(Sent(method, path, (("Host", "gateway"),)))

    taken = [(each.path, (each.status, each.route)) for each in observed.entries]
    assert dict(taken[::2]) == dict(taken[1::2]) == expected
