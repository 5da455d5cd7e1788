"""3.4 Gateway, authentication: Envoy asks a service about every request, by a Lua `httpCall` or by ext_authz."""

import httpx
import pytest

from takeover.scenario.edits import replace
from takeover.scene import Scene
from takeover.traffic.answers import told

pytestmark = [pytest.mark.gateway, pytest.mark.auth]

LUA, EXT_AUTHZ = pytest.mark.scenario("gateway-auth-lua"), pytest.mark.scenario("gateway-auth-ext-authz")
FILTER = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config"
OPEN_ON_FAILURE = replace("envoy.yaml", f"{FILTER}.failure_mode_allow", True)
SHORT_TIMEOUT = replace("envoy.yaml", f"{FILTER}.http_service.server_uri.timeout", "0.2s")


def ask(scene: Scene, who: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Somebody's request for /private."""
    identity = {"authorization": f"Bearer {who}"} if who else {}
    # By Pod IP: without its authentication service the Pod is not ready, and no longer behind the Service.
    url = f"http://{scene.pod('gateway').ip}:8080/private"
    return scene.http("client/client").get(url, headers=identity | (headers or {}))


@pytest.mark.parametrize(("who", "user"), [("alice", "alice"), ("nameless", "")])
@pytest.mark.parametrize("claimed", [None, "root"])
@pytest.mark.parametrize("by", [pytest.param("lua", marks=LUA), pytest.param("ext_authz", marks=EXT_AUTHZ)])
def test_who_may_pass_reaches_the_application(scene: Scene, by: str, who: str, user: str, claimed: str | None) -> None:
    response = ask(scene, who, {"x-auth-user": claimed} if claimed else {})

    assert response.status_code == 200, by
    assert told(response)["backend"] == "gateway"
    # Only the service says who it is: what the client claims to be does not get through.
    assert told(response)["x-auth-user"] == user


# Who asks; the status and body by Lua, which hands on what the service says; the same by ext_authz, which hides errors.
REFUSED = [
    ("", (401, "auth: who are you?\n"), (401, "auth: who are you?\n")),
    ("eve", (401, "auth: who are you?\n"), (401, "auth: who are you?\n")),
    ("Alice", (401, "auth: who are you?\n"), (401, "auth: who are you?\n")),
    ("mallory", (403, "auth: not you\n"), (403, "auth: not you\n")),
    ("broken", (500, "auth: broken\n"), (403, "")),
]


@LUA
@pytest.mark.parametrize(("who", "by_lua"), [row[:2] for row in REFUSED])
def test_who_may_not_is_refused_by_lua(scene: Scene, who: str, by_lua: tuple[int, str]) -> None:
    response = ask(scene, who)

    assert (response.status_code, response.text) == by_lua
    assert response.headers["x-auth-by"] == "lua"


@EXT_AUTHZ
@pytest.mark.parametrize(("who", "by_ext_authz"), [row[::2] for row in REFUSED])
def test_who_may_not_is_refused_by_ext_authz(scene: Scene, who: str, by_ext_authz: tuple[int, str]) -> None:
    response = ask(scene, who)

    assert (response.status_code, response.text) == by_ext_authz
    challenge = 'Bearer realm="gateway"' if by_ext_authz[0] == 401 else None
    assert response.headers.get("www-authenticate") == challenge


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        pytest.param(504, 1.0, marks=LUA, id="lua"),
        pytest.param(403, 0.2, marks=pytest.mark.scenario("gateway-auth-ext-authz", SHORT_TIMEOUT), id="ext_authz"),
    ],
)
def test_a_service_that_does_not_answer_in_time_lets_nobody_pass(scene: Scene, status: int, seconds: float) -> None:
    response = ask(scene, "slow")

    assert response.status_code == status
    # Envoy's timers count from when its event loop last looked at the clock: some milliseconds before the request.
    assert response.elapsed.total_seconds() >= 0.9 * seconds


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(503, marks=pytest.mark.scenario("gateway-auth-lua", fresh=True), id="lua"),
        pytest.param(403, marks=pytest.mark.scenario("gateway-auth-ext-authz", fresh=True), id="ext_authz"),
        pytest.param(
            200,
            marks=pytest.mark.scenario("gateway-auth-ext-authz", OPEN_ON_FAILURE, fresh=True),
            id="ext_authz, failure_mode_allow",
        ),
    ],
)
def test_without_the_service(scene: Scene, status: int) -> None:
    assert ask(scene, "mallory").status_code == 403

    scene.stop("gateway", "auth", port=9000)
    for who in ("alice", "mallory", ""):
        response = ask(scene, who, {"x-auth-user": "root"})
        assert response.status_code == status
        # Even where the gateway opens without the service, nobody becomes who they claim to be.
        assert told(response).get("x-auth-user", "") == ""
