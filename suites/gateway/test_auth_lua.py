"""3.4 Gateway, authentication by Lua: `httpCall` asks the authentication service, whose verdict is the gateway's."""

import httpx
import pytest

from takeover.scene import Scene
from takeover.traffic.answers import told

NAME = "gateway-auth-lua"
pytestmark = [pytest.mark.gateway, pytest.mark.auth, pytest.mark.scenario(NAME)]


def get(scene: Scene, who: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Somebody's request for /private."""
    identity = {"authorization": f"Bearer {who}"} if who else {}
    # By Pod IP: without its authentication service the Pod is not ready, and no longer behind the Service.
    url = f"http://{scene.pod('gateway').ip}:8080/private"
    return scene.http("client/client").get(url, headers=identity | (headers or {}))


@pytest.mark.parametrize(("who", "user"), [("alice", "alice"), ("nameless", "")])
@pytest.mark.parametrize("claimed", [None, "root"])
def test_who_may_pass_reaches_the_application(scene: Scene, who: str, user: str, claimed: str | None) -> None:
    response = get(scene, who, {"x-auth-user": claimed} if claimed else {})

    assert response.status_code == 200
    assert told(response)["backend"] == "gateway"
    # Only the service says who it is: what the client claims to be does not get through.
    assert told(response)["x-auth-user"] == user


@pytest.mark.parametrize(
    ("who", "status", "body"),
    [
        ("", 401, "auth: who are you?\n"),
        ("eve", 401, "auth: who are you?\n"),
        ("Alice", 401, "auth: who are you?\n"),
        ("mallory", 403, "auth: not you\n"),
        ("broken", 500, "auth: broken\n"),
    ],
)
def test_who_may_not_gets_the_services_answer(scene: Scene, who: str, status: int, body: str) -> None:
    response = get(scene, who)

    assert (response.status_code, response.text, response.headers["x-auth-by"]) == (status, body, "lua")


def test_a_service_that_does_not_answer_is_given_up_after_its_second(scene: Scene) -> None:
    response = get(scene, "slow")

    assert (response.status_code, response.headers["x-auth-by"]) == (504, "lua")
    assert response.elapsed.total_seconds() >= 1.0


@pytest.mark.scenario(NAME, fresh=True)
def test_without_the_service_nobody_passes(scene: Scene) -> None:
    assert get(scene, "alice").status_code == 200

    scene.stop("gateway", "auth", port=9000)
    for who in ("alice", "mallory", ""):
        response = get(scene, who)
        assert (response.status_code, response.headers["x-auth-by"]) == (503, "lua")
