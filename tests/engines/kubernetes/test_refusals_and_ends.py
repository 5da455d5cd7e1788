"""What is told where a real cluster refuses or goes away, and that no run leaves anything there, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.base.errors import BadInputError, TakeoverError
from takeover.cli.main import main
from takeover.engines.kubernetes import KubernetesEngine, access
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from tests.engines.kubernetes.real_cluster import CONTEXT, RELEASE, asking, namespaces_of, needed, new_engine

pytestmark = needed


@pytest.fixture(scope="module")
def inbound() -> Scenario:
    return Library.bundled().scenario("inbound-interception")


def test_missing_rights_are_named(tmp_path: Path, inbound: Scenario) -> None:
    """With a service account that may do nothing."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "takeover-test-nobody"}}
    base = "/api/v1/namespaces/default/serviceaccounts/takeover-test-nobody"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    with asking() as ask:
        ask(lambda api: api.apply(base, account))
        try:
            token = ask(lambda api: api.create(f"{base}/token", request))["status"]["token"]
            engine = new_engine(kubeconfig=str(rewritten(tmp_path / "config", {"user": {"token": token}})))
            with pytest.raises(BadInputError, match=r"lacks rights .*namespaces: create, patch, list, watch, delete;"):
                engine.deploy(inbound, RELEASE)
        finally:
            ask(lambda api: api.delete(base))


def test_the_rights_that_are_asked_for_are_enough(tmp_path: Path, inbound: Scenario) -> None:
    """With a service account that may do just that: what a run calls, and is not asked for, it would be refused."""
    name, of_rights = "takeover-test-just-enough", "/apis/rbac.authorization.k8s.io/v1"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    rules = [
        {"apiGroups": [group], "resources": [resource + (f"/{part}" if part else "")], "verbs": list(verbs)}
        for resource, part, group, verbs in access.NEEDED
    ]
    version = "rbac.authorization.k8s.io/v1"
    role = {"apiVersion": version, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    binding = {
        "apiVersion": version,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
    }
    base = f"/api/v1/namespaces/default/serviceaccounts/{name}"
    places = {
        base: account,
        f"{of_rights}/clusterroles/{name}": role,
        f"{of_rights}/clusterrolebindings/{name}": binding,
    }
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    with asking() as ask:
        try:
            for place, body in places.items():
                ask(lambda api, place=place, body=body: api.apply(place, body))
            token = ask(lambda api: api.create(f"{base}/token", request))["status"]["token"]
            engine = new_engine(kubeconfig=str(rewritten(tmp_path / "config", {"user": {"token": token}})))
            deployment = engine.deploy(inbound, RELEASE)
            pod = deployment.pod("envoy-traffic-mock")
            assert pod.nat_rules()
            assert pod.container("nginx").exec(["true"]).exit_code == 0
            deployment.pod("client/client").container("client").connect(pod.ip, 80).close()
            pod.forward(15000).close()
            assert pod.container("envoyproxy").ended() is None
            assert deployment.loss(since=0.0) is None
            pod.restart()
            engine.close()
        finally:
            for place in places:
                ask(lambda api, place=place: api.delete(place))
    assert namespaces_of(engine) == []


def test_a_server_that_is_not_there_and_one_that_goes_away(tmp_path: Path, inbound: Scenario) -> None:
    server = entries()["cluster"]["server"]
    host, port = server.removeprefix("https://").rsplit(":", 1)
    with proxy(host, int(port)) as (listening, stop):
        cluster = {"server": f"https://127.0.0.1:{listening}", "tls-server-name": "kubernetes"}
        engine = new_engine(kubeconfig=str(rewritten(tmp_path / "config", {"cluster": cluster})))
        deployment = engine.deploy(inbound, RELEASE)
        client = deployment.pod("client/client").container("client")
        stop()
        with pytest.raises(TakeoverError, match=r"the API server .* does not answer any more"):
            client.exec(["true"])
        with pytest.raises(TakeoverError):
            client.connect("127.0.0.1", 80)
        with pytest.raises(TakeoverError, match="does not answer any more"):
            engine.close()
        with pytest.raises(BadInputError, match=r"the API server .* does not answer: "):
            new_engine(kubeconfig=str(tmp_path / "config")).connected()
    # The engine could not delete anything; another with the same id can.
    again = new_engine(run_id=engine.run_id)
    again.connected()
    again.close()
    assert namespaces_of(engine) == []


RUN = """
import sys
from takeover.engines.kubernetes import KubernetesEngine
from takeover.envoy.releases import resolve
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
engine = KubernetesEngine(context=sys.argv[1], run_id=sys.argv[3])
try:
    print("deploying", flush=True)
    engine.connected()
    print("connected", flush=True)
    engine.deploy(Library.bundled().scenario("inbound-interception"), resolve(sys.argv[2])[0])
    print("up", flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    pass
finally:
    engine.close()
"""


@contextmanager
def another_run(run_id: str, until: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", RUN, str(CONTEXT), RELEASE.name, run_id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == until:
                break
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("when", ["connected", "up"])
def test_ctrl_c_leaves_nothing(when: str) -> None:
    engine = new_engine(run_id="testint" + when[:1])
    with another_run(engine.run_id, when) as process:
        if when == "connected":
            wait_for_a_namespace(engine)
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0  # to remove all of it may take the engine 120 s
    assert namespaces_of(engine) == []


def wait_for_a_namespace(engine: KubernetesEngine) -> None:
    from tenacity import Retrying, stop_after_delay, wait_fixed

    for attempt in Retrying(stop=stop_after_delay(300), wait=wait_fixed(0.1)):
        with attempt:
            assert namespaces_of(engine)


def test_clean_removes_what_a_killed_run_left(capsys: pytest.CaptureFixture[str]) -> None:
    engine = new_engine(run_id="testkill")
    with another_run(engine.run_id, "up") as process:
        assert main(["clean", "--kube-context", str(CONTEXT)]) in (0, 1)
        assert "testkill" not in capsys.readouterr().out, "it is still alive"
        process.kill()
        process.wait()
    assert main(["clean", "--kube-context", str(CONTEXT)]) == 1
    assert f"process {process.pid} of this host is gone" in capsys.readouterr().out
    assert namespaces_of(engine)
    assert main(["clean", "--kube-context", str(CONTEXT), "--yes"]) == 0
    assert namespaces_of(engine) == []


def entries() -> dict[str, Any]:
    """The cluster and user of the context under test."""
    config: dict[str, Any] = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    context = next(entry["context"] for entry in config["contexts"] if entry["name"] == CONTEXT)
    cluster = next(entry["cluster"] for entry in config["clusters"] if entry["name"] == context["cluster"])
    user = next(entry["user"] for entry in config["users"] if entry["name"] == context["user"])
    return {"cluster": cluster, "user": user}


def rewritten(path: Path, changes: dict[str, dict[str, Any]]) -> Path:
    """A kubeconfig for the same cluster; a changed user is replaced, a changed cluster is merged."""
    now = entries()
    config = {
        "contexts": [{"name": CONTEXT, "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {**now["cluster"], **changes.get("cluster", {})}}],
        "users": [{"name": "u", "user": changes.get("user", now["user"])}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def proxy(host: str, port: int) -> Iterator[tuple[int, Any]]:
    """A TCP proxy in this process: yields its port and a function that ends it with all its connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = [listener]

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.create_connection((host, port))
                ends.extend((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    def stop() -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], stop
    finally:
        stop()
