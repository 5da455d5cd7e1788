"""What only a real cluster shows: see real_cluster.py."""

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from takeover.base.errors import BadInputError, DeploymentError, LostError, TakeoverError
from takeover.engines.contract import Engine
from takeover.engines.kubernetes import KubernetesEngine
from takeover.scenario.edits import add, replace
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from tests.engines.kubernetes.real_cluster import RELEASE, namespaces_of, needed, new_engine

POD = "Pod/envoy-traffic-mock"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

pytestmark = needed


def as_engine(engine: KubernetesEngine) -> Engine:
    """For the type checker: it is one."""
    return engine


@pytest.fixture(scope="module")
def engine() -> Iterator[KubernetesEngine]:
    engine = new_engine(ready_timeout=300.0)
    yield engine
    engine.close()
    assert namespaces_of(engine) == []


@pytest.fixture(scope="module")
def inbound() -> Scenario:
    return Library.bundled().scenario("inbound-interception")


def receive_all(stream: Any) -> bytes:
    pieces = []
    while data := stream.receive(1 << 16):
        pieces.append(data)
    stream.close()
    return b"".join(pieces)


def test_scenarios_that_are_deployed_at_once_share_a_connection(inbound: Scenario) -> None:
    before = set(threading.enumerate())
    engine = new_engine(ready_timeout=300.0)
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
    deployment = engine.deploy(Library.bundled().scenario("outbound-block-all"), RELEASE)
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
            (BadInputError, LostError),  # by what the cluster's resolver says of such a name, if it says something
            "ErrImagePull: .*nowhere.*cannot get the image nowhere.invalid/x:1: load it there",
        ),
        ([replace(POD, "$.spec.containers[1].image", "Not An Image")], BadInputError, "InvalidImageName"),
        (
            [add(POD, "$.spec.containers[0]", "nonsense", 1)],
            BadInputError,
            "refuses Pod .*nonsense: field not declared",
        ),
    ],
)
def test_what_does_not_come_up_is_told_at_once(
    engine: KubernetesEngine,
    inbound: Scenario,
    edits: list[Any],
    error: type[Exception] | tuple[type[Exception], ...],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        engine.deploy(inbound.edited(edits), RELEASE)


def test_a_probe_that_never_succeeds_is_told_with_what_it_saw(inbound: Scenario) -> None:
    engine = new_engine(ready_timeout=15.0)
    with pytest.raises(DeploymentError, match=r"nginx runs but is not ready.*Readiness probe failed: .*refused"):
        engine.deploy(inbound.edited([replace(POD, "$.spec.containers[0].readinessProbe.httpGet.port", 4)]), RELEASE)
    engine.close()
    assert namespaces_of(engine) == []


def test_a_service_that_does_not_answer_is_told_with_what_is_behind_it(engine: KubernetesEngine) -> None:
    inside = "sed 's/listen 80;/listen 127.0.0.1:80;/' /etc/nginx/nginx.conf > /tmp/nginx.conf"
    command = ["sh", "-c", f"{inside}; exec nginx -c /tmp/nginx.conf -g 'daemon off;'"]
    edit = replace("Pod/internet/website", "$.spec.containers[0].command", command)
    with pytest.raises(DeploymentError) as told:
        engine.deploy(Library.bundled().scenario("outbound-allow-all").edited([edit]), RELEASE)

    assert re.search(
        r"Service internet/website does not answer at port 80 from Pod \S+: .*refused; "
        r"Pod internet/website itself at 80: .*refused$",
        str(told.value),
    )
    assert re.search(
        r"/website: port 80: [\d.]+ \(ready, serving\)$", told.value.details["endpoints of Services"], re.MULTILINE
    )
    assert "log of internet/website/nginx" in told.value.details
