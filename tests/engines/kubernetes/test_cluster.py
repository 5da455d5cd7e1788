"""What only a real cluster shows; it is named by TAKEOVER_TEST_KUBE_CONTEXT (and KUBECONFIG)."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.commands.main import main
from takeover.engines.interface import Engine
from takeover.engines.kubernetes import KubernetesEngine, kubeconfig
from takeover.engines.kubernetes.api import Api
from takeover.envoy.releases import resolve
from takeover.errors import BadInputError, DeploymentError, TakeoverError
from takeover.scenario.edits import add, replace
from takeover.scenario.loader import Scenario

CONTEXT = os.environ.get("TAKEOVER_TEST_KUBE_CONTEXT")
RELEASE = resolve(None)[0]
POD = "Pod/envoy-traffic-mock"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

pytestmark = pytest.mark.skipif(not CONTEXT, reason="no cluster: set TAKEOVER_TEST_KUBE_CONTEXT")


def as_engine(engine: KubernetesEngine) -> Engine:
    """For the type checker: it is one."""
    return engine


def new_engine(**options: Any) -> KubernetesEngine:
    return KubernetesEngine(**{"context": CONTEXT, **options})


@pytest.fixture(scope="module")
def engine() -> Iterator[KubernetesEngine]:
    engine = new_engine(ready_timeout=60.0)
    yield engine
    engine.close()
    assert namespaces_of(engine) == []


@pytest.fixture(scope="module")
def inbound() -> Scenario:
    return Scenario.named("inbound-interception")


@contextmanager
def asking() -> Iterator[Any]:
    """Calls the API by coroutines of `Api`: ask(lambda api: api.get(…))."""
    from takeover.engines.kubernetes.background import Background

    background = Background()
    api = Api(kubeconfig.find(None, CONTEXT))
    background.run(api.open())
    try:
        yield lambda call: background.run(call(api))
    finally:
        background.run(api.close())
        background.stop()


def namespaces_of(engine: KubernetesEngine) -> list[str]:
    selector = [("labelSelector", f"envoy-takeover/run={engine.run_id}")]
    with asking() as ask:
        found = ask(lambda api: api.get("/api/v1/namespaces", selector))
    return [entry["metadata"]["name"] for entry in found["items"]]


def receive_all(stream: Any) -> bytes:
    pieces = []
    while data := stream.receive(1 << 16):
        pieces.append(data)
    stream.close()
    return b"".join(pieces)


def test_scenarios_that_are_deployed_at_once_share_a_connection(inbound: Scenario) -> None:
    before = set(threading.enumerate())
    engine = new_engine(ready_timeout=60.0)
    with ThreadPoolExecutor(2) as pool:
        deployments = list(pool.map(engine.deploy, [inbound] * 2, [RELEASE] * 2))

    loops = [each for each in threading.enumerate() if each not in before and each.name == "kubernetes API"]
    assert len(loops) == 1
    for each in deployments:
        each.delete()
    engine.close()


def test_a_scenario_from_deploy_to_delete(engine: KubernetesEngine, inbound: Scenario) -> None:
    deployment = engine.deploy(inbound, RELEASE)
    client = deployment.pod("client/client").container("client")
    pod = deployment.pod("envoy-traffic-mock")

    for host in (pod.ip, deployment.service_ip("envoy-traffic-mock"), deployment.host_name("envoy-traffic-mock")):
        stream = client.connect(host, 80)
        stream.send(REQUEST)
        assert b"server: envoy" in receive_all(stream)

    admin = pod.forward(15000)
    admin.send(b"GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"LIVE\n" in receive_all(admin)
    with pytest.raises(ConnectionRefusedError):
        pod.forward(1).receive(1)

    assert "-A PREROUTING ! -d 127.0.0.1/32 -p tcp" in pod.nat_rules()
    assert '"status":200' in pod.container("envoyproxy").logs()
    assert f"-n takeover-{engine.run_id}-" in pod.how_to_enter("nginx")

    was = pod.ip
    deployment.replace_config_map(
        inbound.edited([replace("envoy.yaml", "$.node.cluster", "another", was="inbound-interception")])
    )
    pod.restart()
    assert pod.ip != was
    admin = pod.forward(15000)
    admin.send(b"GET /server_info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b'"cluster": "another"' in receive_all(admin)
    stream = client.connect(deployment.service_ip("envoy-traffic-mock"), 80)
    stream.send(REQUEST)
    assert receive_all(stream).startswith(b"HTTP/1.1 200")
    deployment.delete()
    deployment.delete()


def test_the_relay_takes_on_the_containers_user(engine: KubernetesEngine) -> None:
    deployment = engine.deploy(Scenario.named("outbound-block-all"), RELEASE)
    pod = deployment.pod("outpod")
    address = deployment.pod("internet/website").ip
    for container, answered in (("nginx", False), ("envoyproxy", True)):
        stream = pod.container(container).connect(address, 80)
        stream.send(REQUEST)
        try:
            got = receive_all(stream)
        except ConnectionResetError:
            got = b""
        assert bool(got) is answered, container
    deployment.delete()


def test_a_name_or_port_that_is_not_there(engine: KubernetesEngine, inbound: Scenario) -> None:
    deployment = engine.deploy(inbound, RELEASE)
    client = deployment.pod("client/client").container("client")
    with pytest.raises(ConnectionRefusedError):
        client.connect("127.0.0.1", 9)
    with pytest.raises(socket.gaierror):
        client.connect("nowhere.default.svc.cluster.local", 80)
    with pytest.raises(TakeoverError, match="executable file not found"):
        client.exec(["no-such-program"])
    with pytest.raises(BadInputError, match="has no container 'x'; it has client"):
        deployment.pod("client/client").container("x")
    deployment.delete()


@pytest.mark.parametrize(
    ("edits", "error", "message"),
    [
        ([replace(POD, "$.spec.containers[1].args", ["-c", "/nope"])], DeploymentError, "exited with 1 .*nope"),
        (
            [replace(POD, "$.spec.initContainers[0].args", ["echo broken; exit 4"])],
            DeploymentError,
            "init exited with 4",
        ),
        ([replace("envoy.yaml", "$.static_resources.clusters[0].type", "NOPE")], DeploymentError, "unknown enum value"),
        (
            [replace(POD, "$.spec.containers[1].image", "nowhere.invalid/x:1")],
            DeploymentError,
            "ErrImagePull: .*nowhere",
        ),
        ([replace(POD, "$.spec.containers[1].image", "Not An Image")], DeploymentError, "InvalidImageName"),
        (
            [add(POD, "$.spec.containers[0]", "nonsense", 1)],
            BadInputError,
            "refuses Pod .*nonsense: field not declared",
        ),
    ],
)
def test_what_does_not_come_up_is_told_at_once(
    engine: KubernetesEngine, inbound: Scenario, edits: list[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        engine.deploy(inbound.edited(edits), RELEASE)


def test_a_probe_that_never_succeeds_is_told_with_what_it_saw(inbound: Scenario) -> None:
    engine = new_engine(ready_timeout=6.0)
    with pytest.raises(DeploymentError, match=r"nginx runs but is not ready.*Readiness probe failed: .*refused"):
        engine.deploy(inbound.edited([replace(POD, "$.spec.containers[0].readinessProbe.httpGet.port", 4)]), RELEASE)
    engine.close()
    assert namespaces_of(engine) == []


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
            with pytest.raises(BadInputError, match=r"lacks rights .*namespaces: create, patch, list, delete;"):
                engine.deploy(inbound, RELEASE)
        finally:
            ask(lambda api: api.delete(base))


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
            new_engine(kubeconfig=str(tmp_path / "config")).describe()
    # The engine could not delete anything; another with the same id can.
    again = new_engine(run_id=engine.run_id)
    again.describe()
    again.close()
    assert namespaces_of(engine) == []


RUN = """
import sys
from takeover.engines.kubernetes import KubernetesEngine
from takeover.envoy.releases import resolve
from takeover.scenario.loader import Scenario
engine = KubernetesEngine(context=sys.argv[1], run_id=sys.argv[3])
try:
    print("deploying", flush=True)
    engine.describe()
    print("connected", flush=True)
    engine.deploy(Scenario.named("inbound-interception"), resolve(sys.argv[2])[0])
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
        assert process.wait(60) == 0
    assert namespaces_of(engine) == []


def wait_for_a_namespace(engine: KubernetesEngine) -> None:
    from tenacity import Retrying, stop_after_delay, wait_fixed

    for attempt in Retrying(stop=stop_after_delay(20), wait=wait_fixed(0.1)):
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
