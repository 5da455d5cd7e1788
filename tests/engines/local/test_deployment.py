"""A deployment as the test process sees it: what its node says of Pods becomes ready, waited for, or a failure."""

import socket
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from takeover.base.errors import BadInputError, DeploymentError
from takeover.engines.conformance.contract import single
from takeover.engines.local import objects, parsing
from takeover.engines.local.deployment import LocalDeployment
from takeover.engines.local.engine import LocalEngine
from takeover.engines.local.messages import ContainerStatus, NodeStatus, PodStatus
from takeover.model.json import JsonObject
from takeover.node import host
from takeover.scenario.edits import replace

READY = ContainerStatus("running", None, 0, True, "")
DONE = ContainerStatus("exited", 0, 0, False, "")
WAITING = ContainerStatus("waiting", None, 0, False, "")


def status(
    main: ContainerStatus = READY, before: ContainerStatus = DONE, is_ready: bool = True, **said: Any
) -> NodeStatus:
    """What a node says of the scenario `single`."""
    pods = {"default/app": PodStatus("10.244.0.2", is_ready, {"before": before, "main": main})}
    return NodeStatus(pods, said.get("services", {}), said.get("without", []))


def ended(code: int) -> ContainerStatus:
    return ContainerStatus("exited", code, 0, False, "")


class Node:
    """A node that says one thing after the other of its Pods; the last one stays."""

    def __init__(self, said: Sequence[NodeStatus], logs: dict[str, str] | None = None) -> None:
        self._said = list(said)
        self._logs = logs or {}
        self.applied: list[list[str]] = []
        self.restarted: list[str] = []
        self.connected: list[Any] = []
        self.asked = 0
        self.is_closed = False

    def status(self) -> NodeStatus:
        self.asked += 1
        return self._said.pop(0) if len(self._said) > 1 else self._said[0]

    def apply(self, documents: list[JsonObject], images: dict[str, Any]) -> None:
        assert images == {}
        self.applied.append([document["kind"] for document in documents])

    def restart(self, pod: str, grace: float) -> None:
        assert grace > 0
        self.restarted.append(pod)

    def read_log(self, pod: str, container: str, *, previous: bool = False) -> str:
        assert pod == "default/app"
        return self._logs.get(f"{container} before" if previous else container, "")

    def pid_namespace(self, pod: str, container: str) -> int:
        raise ProcessLookupError(pod, container)

    def connect(self, *asked: Any) -> socket.socket:
        self.connected.append(asked)
        ours, theirs = socket.socketpair()
        theirs.close()
        return ours

    def close(self) -> None:
        self.is_closed = True


def deployed(node: Node, timeout: float = 60) -> LocalDeployment:
    own: Any = node
    return LocalDeployment(single([]), own, lambda documents: (documents, {}), timeout)


def failed(*said: NodeStatus, timeout: float = 0.1, **logs: str) -> DeploymentError:
    with pytest.raises(DeploymentError) as raised:
        deployed(Node(said, logs), timeout)
    return raised.value


def test_pods_that_are_ready_are_deployed_with_their_names() -> None:
    deployment = deployed(Node([status()]))
    pod = deployment.pod("app")

    assert (pod.name, pod.namespace, pod.ip) == ("app", "default", "10.244.0.2")
    assert (pod.init_containers, list(pod.containers)) == (["before"], ["main"])
    assert (pod.container("main").name, bool(pod.container("main").image)) == ("main", True)
    assert deployment.scenario.name == "single"
    assert len(deployment.config_id) == 12


def test_what_is_not_ready_is_waited_for() -> None:
    starting = ContainerStatus("running", None, 0, False, "port 80: refused")
    for late in (
        status(WAITING),
        status(starting),
        status(before=WAITING),
        status(is_ready=False),
        status(without=["default/web:80"]),
    ):
        node = Node([status(), late, late, status()])
        deployed(node)
        assert node.asked == 4


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (status(WAITING), "app/main is not ready (waiting)"),
        (status(ContainerStatus("running", None, 0, False, "port 80: refused")),
         "app/main is not ready (readiness probe last saw: port 80: refused)"),
        (status(WAITING, WAITING), "app/before is not ready (waiting); app/main is not ready (waiting)"),
        (status(is_ready=False), "app is not ready"),
        (status(without=["default/web:80", "two/web:81"]),
         "Service web:80 has no endpoint; Service two/web:81 has no endpoint"),
    ],
)  # fmt: skip
def test_what_does_not_come_up_is_told_when_the_time_is_over(said: NodeStatus, told: str) -> None:
    error = failed(said, main="words")

    assert str(error) == f"scenario single: after 0.1 s: {told}"
    assert error.details == {"log of app/before": "", "log of app/main": "words"}


@pytest.mark.parametrize(
    ("said", "told", "code"),
    [
        (status(ContainerStatus("exited", 7, 0, False, "")), "app/main exited with code 7; it said: last words", 7),
        (status(ContainerStatus("exited", 0, 0, False, "")), "app/main exited with code 0; it said: last words", 0),
        (
            status(WAITING, ContainerStatus("exited", 3, 0, False, "")),
            "app/before exited with code 3 without a word",
            3,
        ),
        (
            status(ContainerStatus("running", 5, 2, True, "")),
            "app/main exits again and again with code 5; it said: words of before",
            5,
        ),
    ],
)
def test_who_has_failed_is_not_waited_for(said: NodeStatus, told: str, code: int) -> None:
    logs = {"main": "first words\nlast words\n\n", "main before": "words of before\n"}
    error = failed(said, timeout=60, **logs)

    assert told in str(error)
    assert (error.exit_code, error.container) == (code, told.partition(" ")[0])


def test_one_restart_is_no_failure() -> None:
    once = ContainerStatus("running", 1, 1, True, "")
    node = Node([status(once)])
    deployed(node)
    assert not node.is_closed


def test_a_restarted_pod_is_waited_for() -> None:
    node = Node([status(), status(), status(WAITING), status()])
    deployment = deployed(node)
    deployment.pod("app").restart()

    assert (node.restarted, node.asked) == (["default/app"], 4)


def test_a_replaced_config_map_is_applied_alone_and_has_another_id() -> None:
    node = Node([status()])
    deployment = deployed(node)
    before = deployment.config_id
    other = single([replace("Pod/app", "$.spec.restartPolicy", "Never")])
    deployment.replace_config_map(other)

    assert set(node.applied[-1]) <= {"ConfigMap"}
    assert deployment.scenario is other
    assert deployment.config_id != before


def test_services_have_the_names_of_a_cluster() -> None:
    services = {"default/web": "10.96.1.1", "two/web": "10.96.1.2"}
    deployment = deployed(Node([status(services=services)]))

    assert [deployment.service_ip(name) for name in ("web", "default/web", "two/web")] == [
        "10.96.1.1", "10.96.1.1", "10.96.1.2"
    ]  # fmt: skip
    assert deployment.host_name("two/web") == "web.two.svc.cluster.local"
    with pytest.raises(BadInputError, match=r"^scenario single has no Service other; it has web, two/web$"):
        deployment.service_ip("other")
    with pytest.raises(BadInputError, match=r"has no Service other; it has none$"):
        deployed(Node([status()])).host_name("other")


def test_who_is_not_there_is_told_with_who_is() -> None:
    deployment = deployed(Node([status()]))
    with pytest.raises(BadInputError, match=r"^scenario single has no Pod other; it has app$"):
        deployment.pod("other")
    with pytest.raises(BadInputError, match=r"^Pod app has no container other; it has main$"):
        deployment.pod("app").container("other")


@pytest.mark.parametrize(
    ("said", "number"),
    [(READY, None), (ContainerStatus("running", 5, 1, True, ""), 1), (ContainerStatus("exited", 5, 0, False, ""), 1),
     (ContainerStatus("exited", 5, 2, False, ""), 3)],
)  # fmt: skip
def test_how_often_a_container_has_ended(said: ContainerStatus, number: int | None) -> None:
    logs = {"main": "words", "main before": "words before"}
    container = deployed(Node([status(), status(), status(said)], logs)).pod("app").container("main")

    ended = container.ended()
    words = logs["main before" if said.state == "running" else "main"]
    assert (ended and (ended.exit_code, ended.number, ended.log)) == (number and (5, number, words))


def test_the_log_of_an_end_is_its_own_also_where_a_container_is_started_again_meanwhile() -> None:
    waits, runs = ContainerStatus("waiting", 5, 1, False, ""), ContainerStatus("running", 5, 1, True, "")
    logs = {"main": "of the next", "main before": "of that one"}
    container = deployed(Node([status(), status(), status(waits), status(runs)], logs)).pod("app").container("main")

    ended = container.ended()
    assert ended is not None
    assert (ended.number, ended.log) == (1, "of that one")


def test_what_a_pod_did_before_is_forgiven_when_another_is_made() -> None:
    again = ContainerStatus("running", 1, 4, True, "")
    deployment = deployed(Node([status(), status(), status(again)]))
    deployment._readiness.wait("single", deployment.pods, [])
    with pytest.raises(DeploymentError, match="exits again and again"):
        deployment._readiness.wait("single", deployment.pods, ["app"])


def test_connections_are_opened_as_the_container_and_forwarded_as_the_pod() -> None:
    node = Node([status()])
    pod = deployed(node).pod("app")
    pod.container("main").connect("web", 80, 3.0).close()
    pod.container("main").connect("web", 80, source_address="127.0.0.2").close()
    pod.forward(15000).close()
    assert node.connected == [
        ("default/app", "main", "web", 80, 3.0, ""),
        ("default/app", "main", "web", 80, 10.0, "127.0.0.2"),
        ("default/app", None, "127.0.0.1", 15000, 10.0),
    ]


def test_a_deployment_that_is_deleted_closes_its_node() -> None:
    node = Node([status()])
    deployed(node).delete()
    assert node.is_closed


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ({}, ""),
        ({"runAsUser": 1337}, "setpriv --reuid 1337 --regid 0 --clear-groups "),
        ({"runAsGroup": 5}, "setpriv --reuid 0 --regid 5 --clear-groups "),
        ({"runAsUser": 1, "runAsGroup": 2}, "setpriv --reuid 1 --regid 2 --clear-groups "),
        ({"of_pod": {"fsGroup": 3, "supplementalGroups": [4]}}, "setpriv --reuid 0 --regid 0 --groups 4,3 "),
        ({"runAsUser": 0, "of_pod": {"runAsUser": 5}}, ""),
        ({"runAsUser": 1, "of_pod": {"runAsUser": 7, "runAsGroup": 5}}, "setpriv --reuid 1 --regid 5 --clear-groups "),
    ],
)
def test_how_a_person_becomes_the_containers_user(
    security: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_pod = security.get("of_pod", {})
    own = {name: each for name, each in security.items() if name != "of_pod"}
    spec = {"containers": [{"name": "main", "image": "nginx", "securityContext": own}], "securityContext": of_pod}
    pod = parsing.parse({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": spec})
    assert isinstance(pod, objects.Pod)
    from takeover.engines.local import deployment

    assert deployment._as_user(pod.spec.containers[0].security_context) == words
    for is_root, user in ((True, ""), (False, "--user --preserve-credentials ")):
        node: Any = Node([status()])
        node.pid_namespace = lambda *_: 7
        monkeypatch.setattr(host, "is_root", lambda is_root=is_root: is_root)
        monkeypatch.setattr(deployment, "_first_process", lambda inode: inode * 6)
        entering = deployment.LocalPod(deployed(node), node, pod).how_to_enter("main")
        assert entering.startswith(
            f"nsenter --target 42 {user}--mount --net --pid --ipc --uts --root --wd /usr/bin/env "
        )
        assert entering.endswith(f" {words}sh")


def test_the_node_of_a_deployment_that_fails_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node([status(ended(7))])
    engine = LocalEngine.__new__(LocalEngine)
    nodes: Any = SimpleNamespace(new=lambda *_: node)
    engine._nodes, engine._needed, engine._ready_timeout, engine._replaced = nodes, {}, 0.1, {}
    engine._tree = SimpleNamespace(settings=None)
    monkeypatch.setattr(engine, "_prepared", lambda documents: (documents, {}))
    monkeypatch.setattr("takeover.engines.local.engine.require_unchanged", lambda *_: None)
    release: Any = SimpleNamespace(path=Path("/envoy"), file=None, sha256="")
    with pytest.raises(DeploymentError, match="exited with code 7"):
        engine.deploy(single([]), release)
    assert node.is_closed
