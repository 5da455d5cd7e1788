import socket

import httpx
import pytest

from takeover.base.errors import BadInputError, DeploymentError
from takeover.envoy.admin import Admin
from takeover.model.release import ServerInfo
from takeover.scenario.supplying import CONFIG_ID
from tests.envoy.conftest import RunningEnvoy


@pytest.fixture
def admin(running_envoy: RunningEnvoy) -> Admin:
    running_envoy.admin.wait_until_serving("a-config-id", deadline=10)
    return running_envoy.admin


def test_tells_who_is_there(admin: Admin) -> None:
    assert admin.ready() == "LIVE"
    assert admin.config_id() == "a-config-id"


def test_says_which_envoy_it_is(running_envoy: RunningEnvoy, admin: Admin) -> None:
    release = running_envoy.release
    assert admin.server_info() == ServerInfo(release.version, release.commit, release.build)


def test_it_says_by_which_id_it_is_known() -> None:
    told = {"version": "mine", "node": {"id": "me", "cluster": "ours"}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=told))
    with httpx.Client(base_url="http://envoy", transport=transport) as client:
        assert Admin(client).node_id() == "me"


def test_a_build_that_says_it_in_another_form_is_what_it_says() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"version": "mine", "state": "LIVE"}))
    with httpx.Client(base_url="http://envoy", transport=transport) as client:
        assert Admin(client).server_info() == ServerInfo("mine", "", "")


def test_another_config_id_is_not_taken_for_ours(admin: Admin) -> None:
    with pytest.raises(DeploymentError, match=r"'other' after 0.1 s; last seen: LIVE with the config id 'a-config-id'"):
        admin.wait_until_serving("other", deadline=0.1)


def test_waiting_says_that_nobody_answers() -> None:
    with socket.socket() as unserved:
        unserved.bind(("127.0.0.1", 0))  # bound but not listening: refuses, and nobody else gets the port
        url = f"http://127.0.0.1:{unserved.getsockname()[1]}"
        with (
            httpx.Client(base_url=url, trust_env=False) as client,
            pytest.raises(DeploymentError, match=r"last seen: no answer.*refused"),
        ):
            Admin(client).wait_until_serving("a-config-id", deadline=0.1)


def test_stats_are_numbers_by_name(admin: Admin) -> None:
    everything = admin.stats()
    assert everything["server.live"] == 1
    assert all(type(value) is int for value in everything.values())
    assert "cluster.nobody.upstream_cx_connect_ms" not in everything  # a histogram


def test_stats_are_filtered_by_pattern(admin: Admin) -> None:
    assert admin.stats(r"^cluster\.nobody\.upstream_cx_(total|none_healthy)$") == {
        "cluster.nobody.upstream_cx_total": 0,
        "cluster.nobody.upstream_cx_none_healthy": 0,
    }
    assert admin.stats("nothing has this name") == {}


def test_bad_pattern_is_bad_input(admin: Admin) -> None:
    with pytest.raises(BadInputError, match=r"refuses the stats pattern '\('"):
        admin.stats("(")


def test_shows_configuration(admin: Admin) -> None:
    kinds = {config["@type"].rpartition(".")[2] for config in admin.config_dump()["configs"]}
    assert {"BootstrapConfigDump", "ClustersConfigDump", "ListenersConfigDump"} <= kinds


def test_answer_other_than_200_is_an_error() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    with httpx.Client(base_url="http://envoy", transport=transport) as client, pytest.raises(httpx.HTTPStatusError):
        Admin(client).config_dump()


def test_not_live_is_waited_for() -> None:
    states = iter(["PRE_INITIALIZING\n", "INITIALIZING\n", "LIVE\n"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/ready":
            state = next(states)
            return httpx.Response(200 if state.startswith("LIVE") else 503, text=state)
        return httpx.Response(
            200, json={"configs": [{"bootstrap": {"node": {"metadata": {CONFIG_ID: "a-config-id"}}}}]}
        )

    with httpx.Client(base_url="http://envoy", transport=httpx.MockTransport(answer)) as client:
        Admin(client).wait_until_serving("a-config-id", deadline=5)
    assert next(states, None) is None
