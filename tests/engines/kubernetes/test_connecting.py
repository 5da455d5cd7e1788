"""Reaching a cluster: what keeps a run from it is one line, and what kept it later is no verdict."""

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from takeover.base.errors import BadInputError, LostError, TakeoverError
from takeover.engines.kubernetes import KubernetesEngine, streams
from takeover.engines.kubernetes.losses import Losses
from takeover.engines.kubernetes.refusals import ApiError
from takeover.scenario.library import Library
from tests.engines.kubernetes.fake_server import body_of, kubeconfig, serving, status, welcome
from tests.engines.kubernetes.real_cluster import RELEASE
from tests.run.outside import ROOT


def refused(path: Path, server: str, user: dict[str, Any] | None = None) -> str:
    with pytest.raises(BadInputError) as caught:
        KubernetesEngine(kubeconfig=kubeconfig(path / "config", server, user)).connected()
    return str(caught.value)


async def only_for_some(request: web.Request) -> web.StreamResponse:
    if request.path != "/version" and "Authorization" not in request.headers:
        return status(403, 'User "system:anonymous" cannot create resource "selfsubjectaccessreviews"')
    return await welcome(request) or status(404, "no")


FAILING = "import sys; sys.exit('The session has expired: run aws sso login')"


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        ({"command": "aws-iam-not-there"}, r"\(aws-iam-not-there\) failed: .*No such file"),
        ({"command": sys.executable, "args": ["-c", FAILING]}, r"failed: .*returned 1\. .*run aws sso login"),
        ({"command": sys.executable, "args": ["-c", ""]}, r"failed: exec: failed to decode process output"),
        ({}, r"\(without a command\) failed: .*missing key 'command'"),
    ],
)
def test_a_plugin_that_gives_no_credentials_is_told(tmp_path: Path, plugin: dict[str, Any], told: str) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", **plugin}}
    with serving(only_for_some) as port, pytest.raises(BadInputError, match=f"context c has no credentials: .*{told}"):
        KubernetesEngine(kubeconfig=kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}", user)).connected()


def test_the_credentials_of_a_plugin_are_used(tmp_path: Path) -> None:
    version = "client.authentication.k8s.io/v1"
    script = f'print(\'{{"apiVersion": "{version}", "kind": "ExecCredential", "status": {{"token": "t"}}}}\')'
    user = {"exec": {"apiVersion": version, "command": sys.executable, "args": ["-c", script]}}
    with serving(only_for_some) as port:
        engine = KubernetesEngine(kubeconfig=kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}", user))
        engine.connected()
        engine._disconnect()


async def login_page(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Login</html>", content_type="text/html")


async def endless(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/login")


async def nameless(_: web.Request) -> web.StreamResponse:
    return web.json_response({"major": "", "minor": ""})


async def no_version(_: web.Request) -> web.StreamResponse:
    return web.json_response({"paths": []})


async def a_list(_: web.Request) -> web.StreamResponse:
    return web.json_response([])


async def old(_: web.Request) -> web.StreamResponse:
    return web.json_response({"major": "1", "minor": "29-gke.1", "gitVersion": "v1.29.0-gke.1"})


async def not_accepting(_: web.Request) -> web.StreamResponse:
    return status(401, "Unauthorized")


async def forbidding(request: web.Request) -> web.StreamResponse:
    reviews = request.path.endswith("/selfsubjectaccessreviews")
    return (None if reviews else await welcome(request)) or status(403, "reviews are forbidden")


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (login_page, "does not answer as an API server does: '<html>Login</html>' is no object of JSON"),
        (endless, "does not answer as an API server does: it leads from one address to the next"),
        (a_list, "'[]' is no object of JSON"),
        (nameless, "does not say which Kubernetes it is"),
        (no_version, "does not say which Kubernetes it is"),
        (old, "is Kubernetes v1.29.0-gke.1: 1.30 is the oldest"),
        (not_accepting, "does not accept the kubeconfig's credentials (401): log in again, or choose another"),
        (forbidding, "context c cannot be used: "),
    ],
)
def test_what_is_no_usable_api_server_is_told(tmp_path: Path, handler: Any, told: str) -> None:
    with serving(handler) as port:
        assert told in refused(tmp_path, f"http://127.0.0.1:{port}")


def test_a_port_that_speaks_no_http_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            connection.sendall(b"SSH-2.0-OpenSSH_9.0\r\n")
            connection.close()

        answering = threading.Thread(target=answer)
        answering.start()
        assert "does not answer as an API server does" in refused(
            tmp_path, f"http://127.0.0.1:{listener.getsockname()[1]}"
        )
        answering.join()


@pytest.mark.parametrize("server", ["127.0.0.1:1", "ftp://h", "https://127.0.0.1:99999", "https://[::1", ""])
def test_what_is_no_address_is_told(tmp_path: Path, server: str) -> None:
    assert "that is no address such as https://HOST:6443" in refused(tmp_path, server)


def test_a_token_that_no_header_can_hold_is_told(tmp_path: Path) -> None:
    with serving(only_for_some) as port:
        assert "cannot talk to the API server" in refused(tmp_path, f"http://127.0.0.1:{port}", {"token": "t\nx"})


@pytest.mark.parametrize(
    ("scenario", "lacks"),
    [("outbound-block-all", ""), ("mesh-mutual-tls", "secrets: create"), ("mini-mesh", "serviceaccounts: create")],
)
def test_what_only_some_scenarios_need_is_asked_for_them(tmp_path: Path, scenario: str, lacks: str) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/selfsubjectaccessreviews"):
            of = (await body_of(request))["spec"]["resourceAttributes"]
            asked.append(of["resource"])
            forbidden = of["verb"] == "create" and of["resource"] in ("secrets", "serviceaccounts")
            return web.json_response({"status": {"allowed": not forbidden}})
        return await welcome(request) or status(500, "the scenario begins")

    with serving(handler) as port:
        engine = KubernetesEngine(kubeconfig=kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}"))
        with pytest.raises(TakeoverError) as caught:
            engine.deploy(Library.bundled().scenario(scenario), RELEASE)
        engine._disconnect()
    assert (f"context c lacks rights in the cluster ({lacks}" in str(caught.value)) is bool(lacks)
    assert ("the scenario begins" in str(caught.value)) is not bool(lacks)
    assert bool(lacks) is ("secrets" in asked or "serviceaccounts" in asked)


class Unwatched:
    """A watch that has noticed nothing."""

    why_ended = ""

    def find(self, _: str) -> None:
        return None

    def is_gone(self, _: str) -> bool:
        return False


class APod:
    uid, key, name, actual_namespace, log_path = "u", "outpod", "outpod", "n", "/log"
    containers = ("c",)

    def cut_off_since(self, _: float) -> str:
        return ""


def test_credentials_that_expire_under_a_run_are_a_loss(tmp_path: Path) -> None:
    expired = threading.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        return status(401, "Unauthorized") if expired.is_set() else await welcome(request) or status(404, "no")

    with serving(handler) as port:
        engine = KubernetesEngine(kubeconfig=kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}"))
        cluster = engine.connected()
        expired.set()
        pods: Any = [APod()]
        watch: Any = Unwatched()
        try:
            loss = cluster.background.run(Losses(cluster.api, "s", watch).asked(pods, 0.0))
            assert loss is not None
            assert "does not accept the credentials any more: log in again" in str(loss)
            with pytest.raises(LostError, match="does not accept the credentials any more: log in again"):
                cluster.background.run(streams.execute(cluster.api, "n", "p", "c", ["true"], b"", 60.0))
        finally:
            engine._disconnect()


def test_whatever_cannot_be_asked_any_more_is_a_loss() -> None:
    class Broken:
        async def get(self, _: str) -> None:
            raise BadInputError("certificate has expired")

    api: Any = Broken()
    watch: Any = Unwatched()
    pods: Any = [APod()]
    loss = asyncio.run(Losses(api, "s", watch).asked(pods, 0.0))
    assert str(loss) == "s: cannot be asked any more: certificate has expired"


def test_a_server_that_vanishes_without_a_word_is_noticed(tmp_path: Path) -> None:
    """Whoever watches sends nothing, and would wait until some deadline, which would be a verdict."""
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-m", "tests.engines.kubernetes.vanishing_server"]
    result = subprocess.run(
        [*command, str(tmp_path / "config")], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert result.stdout.strip() in ("ClientPayloadError", "ClientOSError", "ClientConnectionError"), result.stderr


def test_a_proxy_takes_commands_too(tmp_path: Path) -> None:
    seen: list[str] = []

    async def proxy(request: web.Request) -> web.StreamResponse:
        seen.append(str(request.url))
        return await welcome(request) or status(404, "no")

    with serving(proxy) as port:
        through = {"proxy-url": f"http://127.0.0.1:{port}"}
        config = kubeconfig(tmp_path / "config", "http://cluster.invalid", cluster=through)
        assert run_a_command(config) == "404 Not Found"
    assert seen[-1].startswith("http://cluster.invalid/api/v1/namespaces/n/pods/p/exec?")


def test_the_servers_name_is_that_of_the_kubeconfig_for_commands_too(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("kubernetes.example").configure_cert(tls)

    async def handler(request: web.Request) -> web.StreamResponse:
        return await welcome(request) or status(404, "no")

    with serving(handler, tls) as port:
        more = {"certificate-authority": str(tmp_path / "ca.pem"), "tls-server-name": "kubernetes.example"}
        config = kubeconfig(tmp_path / "config", f"https://127.0.0.1:{port}", cluster=more)
        assert run_a_command(config) == "404 Not Found"


def run_a_command(config: str) -> str:
    """What a server says that knows no Pods."""
    engine = KubernetesEngine(kubeconfig=config)
    cluster = engine.connected()
    try:
        with pytest.raises(ApiError) as caught:
            cluster.background.run(streams.execute(cluster.api, "n", "p", "c", ["true"], b"", 60.0))
        return caught.value.message
    finally:
        engine._disconnect()
