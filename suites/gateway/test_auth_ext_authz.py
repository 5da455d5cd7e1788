"""3.4 Gateway, authentication by ext_authz: the filter made for it asks the same service."""

import httpx
import pytest

from takeover.scenario.edits import replace
from takeover.scene import Scene
from takeover.traffic.answers import told

NAME = "gateway-auth-ext-authz"
pytestmark = [pytest.mark.gateway, pytest.mark.auth, pytest.mark.scenario(NAME)]

FILTER = "$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config"


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
        ("mallory", 403, "auth: not you\n"),
        ("broken", 403, ""),  # an error of the service is a refusal, and stays behind the gateway
        ("slow", 403, ""),  # no answer within its second
    ],
)
def test_who_may_not_is_refused(scene: Scene, who: str, status: int, body: str) -> None:
    response = get(scene, who)

    assert (response.status_code, response.text) == (status, body)
    challenge = 'Bearer realm="gateway"' if status == 401 else None
    assert response.headers.get("www-authenticate") == challenge


OPEN_ON_FAILURE = replace("envoy.yaml", f"{FILTER}.failure_mode_allow", True)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(403, marks=pytest.mark.scenario(NAME, fresh=True), id="closed"),
        pytest.param(200, marks=pytest.mark.scenario(NAME, OPEN_ON_FAILURE, fresh=True), id="open"),
    ],
)
def test_without_the_service(scene: Scene, status: int) -> None:
    assert get(scene, "mallory").status_code == 403

    scene.stop("gateway", "auth", port=9000)
    for who in ("alice", "mallory", ""):
        response = get(scene, who, {"x-auth-user": "root"})
        assert response.status_code == status
        # Even where the gateway opens without the service, nobody becomes who they claim to be.
        assert told(response).get("x-auth-user", "") == ""
