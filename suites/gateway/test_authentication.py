"""3.4 Gateway, authentication: Envoy asks a service about every request, by Lua, by Wasm or by ext_authz.

Lua and Wasm are programs that do the same; ext_authz is Envoy's own filter, which does some of it otherwise.

Refused means that the service judged so and Envoy's filter refused, and that nothing arrived at the application.
"""

import httpx
import pytest

from fixtures import ways
from fixtures.exchange import Sent
from fixtures.exemption import answers, requests, status
from fixtures.magnitude import assert_timer
from takeover.evidence.observed import ObservedTraffic
from takeover.scenario.edits import Edit, replace
from takeover.scene import Scene
from takeover.suite.echo import echo
from takeover.suite.verdicts import assert_answered_by_envoy, assert_routed

pytestmark = [pytest.mark.gateway, pytest.mark.auth]

FILTERS = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters"
FILTER = f"{FILTERS}[?@.name=='envoy.filters.http.ext_authz'].typed_config"
CODE = f"{FILTERS}[?@.name=='auth.wasm'].typed_config.config.vm_config.code.local"
# A filter that fails: it exports its memory and its functions, of which the last one fails.
#   (module (memory 1) (func $proxy_abi_version_0_2_1) (func $proxy_on_memory_allocate (param i32) (result i32) …)
#     (func $proxy_on_request_headers (param i32 i32 i32) (result i32) unreachable))
FAILING = (
    "AGFzbQEAAAABEANgAABgAX8Bf2ADf39/AX8DBAMAAQIFAwEAAQdaBAZtZW1vcnkCABdwcm94eV9hYmlfdmVyc2lvbl8wXzJf"
    "MQAAGHByb3h5X29uX21lbW9yeV9hbGxvY2F0ZQABGHByb3h5X29uX3JlcXVlc3RfaGVhZGVycwACCg0DAgALBABBAAsDAAAL"
)
FAILS = replace("envoy.yaml", CODE, {"inline_bytes": FAILING})
OPEN_ON_FAILURE = replace("envoy.yaml", f"{FILTER}.failure_mode_allow", True)

TRACE = ["listener 0.0.0.0_8080", "http gateway_http", "cluster auth_cluster"]
ASKED = {"lua": "/auth", "wasm": "/auth", "ext-authz": "/auth/private"}
SERVICE, APPLICATION = "destination gateway/auth", "destination gateway/nginx"


def case(by: str, *expected: object, edits: tuple[Edit, ...] = (), fresh: bool = False) -> object:
    """Authentication by `lua`, `wasm` or `ext-authz`, and what is expected then."""
    return pytest.param(by, *expected, marks=pytest.mark.scenario(f"gateway-auth-{by}", *edits, fresh=fresh))


PROGRAMS = ["lua", "wasm"]
EACH = [case("lua"), case("wasm"), case("ext-authz")]


def ask(scene: Scene, who: str, claimed: str | None = None) -> httpx.Response:
    """Somebody's request for /private."""
    headers = ({"authorization": f"Bearer {who}"} if who else {}) | ({"x-auth-user": claimed} if claimed else {})
    # By Pod IP: without its authentication service the Pod is not ready, and no longer behind the Service.
    return scene.ask("client/client", f"http://{scene.pod('gateway').ip}:8080/private", headers=headers)


def assert_refused(observed: ObservedTraffic, by: str, verdict: int | None) -> None:
    """The service was asked and judged so (None: was not there); Envoy refused, and says why."""
    no_judgement = verdict not in (401, 403)
    why = {
        "lua": ("-", "lua_response"),
        "wasm": ("-", "wasm_auth_refused"),
        "ext-authz": ("UAEX", f"ext_authz_{'error' if no_judgement else 'denied'}"),
    }
    assert_answered_by_envoy(observed, TRACE if verdict is None else [*TRACE, SERVICE], *why[by])
    assert [each.verdict for each in observed.destination("gateway", "auth")] == ([] if verdict is None else [verdict])


@pytest.mark.parametrize(("who", "user"), [("alice", "alice"), ("nameless", "")])
@pytest.mark.parametrize("claimed", [None, "root"])
@pytest.mark.parametrize("by", EACH)
def test_who_may_pass_reaches_the_application(scene: Scene, by: str, who: str, user: str, claimed: str | None) -> None:
    with scene.watched() as observed:
        response = ask(scene, who, claimed)

    # Nothing else was asked or judged; then which way the request took, which tells more than its status.
    assert {(each.uri, each.verdict) for each in observed.destination("gateway", "auth")} <= {(ASKED[by], 200)}
    assert_routed(observed, [*TRACE, "cluster shadow_cluster", SERVICE, APPLICATION])
    if by == "lua":
        assert observed.counter("http.gateway_http.lua.errors") == 0
    assert response.status_code == 200, by
    assert echo(response)["backend"] == "gateway"
    assert (observed.arrival("gateway", "auth").verdict, observed.arrival("gateway", "auth").user) == (200, user)
    # Only the service says who it is: what the client claims to be does not get through.
    assert echo(response)["x-auth-user"] == observed.arrival("gateway").x_auth_user == user


# Who asks, and what the service judges: a program hands on its status and body, ext_authz hides errors.
REFUSED = [
    ("", 401, "auth: who are you?\n"),
    ("eve", 401, "auth: who are you?\n"),
    ("Alice", 401, "auth: who are you?\n"),
    ("mallory", 403, "auth: not you\n"),
    ("broken", 500, "auth: broken\n"),
]


@pytest.mark.parametrize("by", EACH)
@pytest.mark.parametrize(("who", "verdict", "body"), REFUSED)
def test_who_may_not_is_refused(scene: Scene, by: str, who: str, verdict: int, body: str) -> None:
    with scene.watched() as observed:
        response = ask(scene, who, claimed="alice")

    hidden = verdict == 500 and by not in PROGRAMS
    assert (response.status_code, response.text) == ((403, "") if hidden else (verdict, body))
    assert response.headers.get("x-auth-by") == (by if by in PROGRAMS else None)
    challenge = 'Bearer realm="gateway"' if verdict == 401 and by not in PROGRAMS else None
    assert response.headers.get("www-authenticate") == challenge
    assert_refused(observed, by, verdict)


@pytest.mark.parametrize(("by", "status"), [case("lua", 504), case("wasm", 504), case("ext-authz", 403)])
def test_a_service_that_does_not_answer_in_time_lets_nobody_pass(scene: Scene, by: str, status: int) -> None:
    with scene.watched() as observed:
        response = ask(scene, "slow")

    assert response.status_code == status
    assert_refused(observed, by, 200)  # it would have said yes, too late
    assert observed.counter("cluster.auth_cluster.upstream_rq_timeout") == 1
    assert_timer(1, response, again=lambda: ask(scene, "slow"), at_once=lambda: ask(scene, "mallory"))


@pytest.mark.parametrize("by", EACH)
def test_nothing_exempts_from_being_asked_about(scene: Scene, by: str) -> None:
    table = requests() | {"method TRACE": Sent("TRACE", "/a")}
    with scene.watched() as observed:
        answered = answers(scene, ways.ANONYMOUS, table)

    expected = dict.fromkeys(answered, 401)
    if by == "ext-authz":  # asks with the same method, which the service's nginx takes from nobody
        expected["method TRACE"] = 405
    assert {name: status(answer) for name, answer in answered.items()} == expected
    assert observed.trace == [*TRACE, SERVICE]
    assert [each.details for each in observed.entries] == [
        {"lua": "lua_response", "wasm": "wasm_auth_refused", "ext-authz": "ext_authz_denied"}[by]
    ] * len(answered)
    # The service was told of each what it is asked about.
    arrived = observed.destination("gateway", "auth")
    told = [
        (each.method, each.uri) if by == "ext-authz" else (each.method, each.original_path)
        for each in arrived[: len(table)]
    ]
    asked = [
        (each.method, f"/auth{each.target}") if by == "ext-authz" else ("GET", each.target) for each in table.values()
    ]
    assert (told, len(arrived)) == (asked, len(answered))


@pytest.mark.parametrize("by", EACH)
def test_over_http_1_0_nobody_passes(scene: Scene, by: str) -> None:
    sent = ways.AUTHENTICATED.request(scene, Sent("GET", "/private", protocol="HTTP/1.0"))
    with scene.watched() as observed, ways.AUTHENTICATED.client(scene) as client:
        answer = client.ask(sent)

    assert answer.status == 426, by  # Envoy itself refuses HTTP/1.0
    assert_answered_by_envoy(observed, TRACE[:2], "DPE", "low_version")


# Whatever the service says that is not 200 refuses. A program hands on what says so itself; ext_authz all but errors.
JUDGED = [102, 103, 201, 202, 204, 206, 226, 301, 302, 303, 304, 307, 308, 402, 404, 405, 407, 408, 409, 418, 429, 451]
JUDGED += [501, 502, 503, 504, 511, 599, 400]


def refusal(by: str, verdict: int) -> int:
    """The status with which the gateway refuses when the service has said so."""
    if verdict < 200:  # then its body is no answer: a broken one
        return 502 if by in PROGRAMS else 403
    refuses = range(400, 600) if by in PROGRAMS else range(200, 500)
    return verdict if verdict in refuses else 403


@pytest.mark.parametrize("by", EACH)
def test_each_class_of_the_services_answers_but_200_refuses(scene: Scene, by: str) -> None:
    saying = [Sent("GET", "/private", (("authorization", f"Bearer says-{verdict}"),)) for verdict in JUDGED]
    with scene.watched() as observed, ways.ANONYMOUS.client(scene) as client:
        answered = [client.ask(ways.ANONYMOUS.request(scene, sent)).status for sent in saying]

    assert dict(zip(JUDGED, answered, strict=True)) == {verdict: refusal(by, verdict) for verdict in JUDGED}
    assert [each.verdict for each in observed.destination("gateway", "auth")] == JUDGED
    assert observed.destination("gateway") == []


@pytest.mark.parametrize(
    ("by", "status"),
    [
        case("lua", 503, fresh=True),
        case("wasm", 503, fresh=True),
        case("ext-authz", 403, fresh=True),
        case("ext-authz", 200, edits=(OPEN_ON_FAILURE,), fresh=True),
    ],
)
def test_without_the_service(scene: Scene, by: str, status: int) -> None:
    assert ask(scene, "mallory").status_code == 403

    scene.stop("gateway", "auth", port=9000)
    for who in ("alice", "mallory", ""):
        with scene.watched() as observed:
            response = ask(scene, who, claimed="root")
        assert response.status_code == status
        # Even where the gateway opens without the service, nobody becomes who they claim to be.
        assert echo(response).get("x-auth-user", "") == ""
        assert observed.counter("cluster.auth_cluster.upstream_cx_connect_fail") == 1
        if status == 200:
            assert_routed(observed, [*TRACE, "cluster shadow_cluster", APPLICATION])
        else:
            assert_refused(observed, by, None)


@pytest.mark.scenario("gateway-auth-wasm", FAILS)
def test_a_filter_that_fails_lets_nobody_pass(scene: Scene) -> None:
    for _ in range(2):  # the first one ends it, the second one finds it ended
        with scene.watched() as observed:
            response = ask(scene, "alice")
        assert (response.status_code, response.text) == (503, "")
        assert_answered_by_envoy(observed, TRACE[:2], "-", "wasm_fail_stream")
        assert observed.destination("gateway") == []
