"""A scenario on its node: its Pods, their containers, and the connections opened inside them."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.local import objects, parsing
from takeover.engines.local.inside.runtime import PATH as PATH_IN_CONTAINERS
from takeover.engines.local.inside.runtime import Image
from takeover.engines.local.messages import ContainerStatus, Execute, ExecuteInNetwork
from takeover.engines.local.node_client import ScenarioNode
from takeover.engines.local.readiness import Readiness
from takeover.engines.local.security import SecurityContext
from takeover.model.execution import ContainerEnd, ExecResult
from takeover.model.json import JsonObject
from takeover.net.stream import ByteStream
from takeover.node import host
from takeover.node.stream import SocketStream
from takeover.scenario.documents import HEADLESS, canonical, short_name
from takeover.scenario.loader import Scenario

_NO_SUCH_PROGRAM = 127  # see chroot(1)

Prepare = Callable[[list[JsonObject]], tuple[list[JsonObject], dict[str, Image]]]


class _NodeBindings:
    """What only a run knows, on a node of its own: the addresses and names of the manifest itself.

    Args:
        scenario: its name, for messages.
        services: `NAMESPACE/NAME` → ClusterIP.
    """

    def __init__(self, scenario: str, services: Mapping[str, str]) -> None:
        self._scenario = scenario
        self._services = services
        self._config_id = secrets.token_hex(6)

    def cluster_ip(self, service: str) -> str:
        address = self._services[self._known(service)]
        if address == "None":
            raise BadInputError(f"Service {service} {HEADLESS}")
        return address

    def host_name(self, service: str) -> str:
        namespace, _, name = self._known(service).partition("/")
        return f"{name}.{namespace}.svc.cluster.local"

    def _known(self, service: str) -> str:
        """The full name. Raises: BadInputError."""
        name = service if "/" in service else f"default/{service}"
        if name not in self._services:
            known = ", ".join(map(canonical, self._services)) or "none"
            raise BadInputError(f"scenario {self._scenario} has no Service {service}; it has {known}")
        return name

    def config_id(self) -> str:
        return self._config_id


class LocalContainer:
    """A container of the local engine."""

    def __init__(self, node: ScenarioNode, pod: str, name: str, image: str) -> None:
        self.name = name
        self.image = image
        self._node = node
        self._pod = pod

    def exec(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> ExecResult:
        """See `takeover.engines.contract.Container.exec`."""
        return self._node.run(Execute(self._pod, self.name, list(command)), stdin, timeout)

    def logs(self) -> str:
        """See `takeover.engines.contract.Container.logs`."""
        return self._node.read_log(self._pod, self.name)

    def followed_logs(self) -> str:
        """See `takeover.engines.contract.Container.followed_logs`: to read a file again costs nothing."""
        return self.logs()

    def ended(self) -> ContainerEnd | None:
        """See `takeover.engines.contract.Container.ended`."""
        while (status := self._status()).exit_code is not None:
            runs_again = status.state == "running"
            log = self._node.read_log(self._pod, self.name, previous=runs_again)
            if (now := self._status()).state == status.state and now.restarts == status.restarts:
                return ContainerEnd(status.exit_code, status.restarts + (status.state == "exited"), log)
        return None

    def _status(self) -> ContainerStatus:
        return self._node.status().pods[self._pod].containers[self.name]

    def connect(self, host: str, port: int, timeout: float = 10.0, *, source_address: str = "") -> ByteStream:
        """See `takeover.engines.contract.Container.connect`."""
        return SocketStream(self._node.connect(self._pod, self.name, host, port, timeout, source_address))


class LocalPod:
    """A Pod of the local engine."""

    def __init__(self, deployment: "LocalDeployment", node: ScenarioNode, spec: objects.Pod) -> None:
        self.name = spec.metadata.name
        self.namespace = spec.metadata.namespace
        self.full_name = objects.full_name(spec)
        self._grace = spec.spec.termination_grace_period_seconds
        self._deployment = deployment
        self._node = node
        self.init_containers = [each.name for each in spec.spec.init_containers]
        self._users = {each.name: each.security_context for each in spec.spec.containers}
        self.containers = {
            each.name: LocalContainer(node, self.full_name, each.name, each.image) for each in spec.spec.containers
        }

    @property
    def ip(self) -> str:
        """The Pod's address; another one after a restart."""
        return self._node.status().pods[self.full_name].ip

    def logs(self) -> dict[str, str]:
        """Container → its log, the init containers' first."""
        names = [*self.init_containers, *self.containers]
        return {name: self._node.read_log(self.full_name, name) for name in names}

    def container(self, name: str) -> LocalContainer:
        """See `takeover.engines.contract.Pod.container`."""
        if name not in self.containers:
            raise BadInputError(f"Pod {self.name} has no container {name}; it has {', '.join(self.containers)}")
        return self.containers[name]

    def forward(self, port: int) -> ByteStream:
        """See `takeover.engines.contract.Pod.forward`."""
        return SocketStream(self._node.connect(self.full_name, None, "127.0.0.1", port, 10.0))

    def nat_rules(self) -> str:
        """See `takeover.engines.contract.Pod.nat_rules`."""
        command = ["iptables", "-t", "nat", "-S", "-v"]
        result = self._node.run(ExecuteInNetwork(self.full_name, command), b"", 10.0)
        if result.exit_code == _NO_SUCH_PROGRAM:  # then no container had it either, to make any
            return ""
        if result.exit_code != 0:
            raise TakeoverError(f"{' '.join(command)} in Pod {self.name}: {result.stderr.decode().strip()}")
        return result.stdout.decode()

    def restart(self) -> None:
        """See `takeover.engines.contract.Pod.restart`."""
        self._deployment.restart(self.full_name, self._grace)

    def remove(self) -> None:
        """Ends it for good."""
        self._node.remove(self.full_name, self._grace)

    def how_to_enter(self, container: str) -> str:
        """See `takeover.engines.contract.Pod.how_to_enter`."""
        inode = self._node.pid_namespace(self.full_name, self.container(container).name)
        namespaces = "" if host.is_root() else "--user --preserve-credentials "
        namespaces += "--mount --net --pid --ipc --uts --root --wd"
        shell = f"/usr/bin/env PATH={PATH_IN_CONTAINERS} {_as_user(self._users[container])}sh"
        return f"nsenter --target {_first_process(inode)} {namespaces} {shell}"


class LocalDeployment:
    """A scenario's objects on a node of their own.

    Args:
        prepare: checks documents and says what provides their images.
        ready_timeout: seconds until every Pod must be Ready.
    """

    def __init__(self, scenario: Scenario, node: ScenarioNode, prepare: Prepare, ready_timeout: float) -> None:
        self.scenario = scenario
        self.pods: dict[str, LocalPod] = {}
        self._node = node
        self._prepare = prepare
        self._readiness = Readiness(node, ready_timeout)
        self._apply(scenario.unbound_services())
        self._services = node.status().services
        self._bindings = _NodeBindings(scenario.name, self._services)
        documents = scenario.bound(self._bindings)
        self._apply([each for each in documents if each["kind"] != "Service"])
        self.pods = self._pods_of(documents)
        self._readiness.wait(scenario.name, self.pods, self.pods)

    def _pods_of(self, documents: list[JsonObject]) -> dict[str, LocalPod]:
        """By the names by which they are addressed; those that there are already are the same objects."""
        parsed = {short_name(each): parsing.parse(each) for each in documents if each["kind"] == "Pod"}
        return {
            name: self.pods.get(name) or LocalPod(self, self._node, each)
            for name, each in parsed.items()
            if isinstance(each, objects.Pod)
        }

    @property
    def config_id(self) -> str:
        """See `takeover.engines.contract.Deployment.config_id`."""
        return self._bindings.config_id()

    def _apply(self, documents: list[JsonObject]) -> None:
        prepared, images = self._prepare(documents)
        self._node.apply(prepared, images)

    def pod(self, name: str) -> LocalPod:
        """See `takeover.engines.contract.Deployment.pod`."""
        if name not in self.pods:
            raise BadInputError(f"scenario {self.scenario.name} has no Pod {name}; it has {', '.join(self.pods)}")
        return self.pods[name]

    def service_ip(self, name: str) -> str:
        """See `takeover.engines.contract.Deployment.service_ip`."""
        return self._bindings.cluster_ip(name)

    def host_name(self, service: str) -> str:
        """See `takeover.engines.contract.Deployment.host_name`."""
        return self._bindings.host_name(service)

    def replace_config_map(self, scenario: Scenario) -> None:
        """See `takeover.engines.contract.Deployment.replace_config_map`."""
        self.scenario = scenario
        self._bindings = _NodeBindings(scenario.name, self._services)
        self._apply([each for each in scenario.bound(self._bindings) if each["kind"] == "ConfigMap"])

    def scale(self, deployment: str, replicas: int) -> None:
        """See `takeover.engines.contract.Deployment.scale`."""
        scenario = self.scenario.scaled(deployment, replicas)
        documents = [each for each in scenario.bound(self._bindings) if each["kind"] != "Service"]
        prepared, images = self._prepare(documents)  # of all: new Pods name the ConfigMaps that are there
        before, self.scenario, self.pods = self.pods, scenario, self._pods_of(documents)
        self._node.apply(
            [each for each in prepared if each["kind"] == "Pod" and short_name(each) not in before], images
        )
        for name, pod in before.items():
            if name not in self.pods:
                pod.remove()
        self._readiness.wait(scenario.name, self.pods, self.pods.keys() - before.keys())

    def restart(self, pod: str, grace: float) -> None:
        """Deletes a Pod, makes it again and waits until all is Ready."""
        self._node.restart(pod, grace)
        new = [name for name, each in self.pods.items() if each.full_name == pod]
        self._readiness.wait(self.scenario.name, self.pods, new)

    def delete(self) -> None:
        """See `takeover.engines.contract.Deployment.delete`."""
        self._node.close()


def _as_user(security: SecurityContext) -> str:
    """The beginning of a command that is to run as the container's user: rules of its Pod may depend on that."""
    uid, gid, groups = security.uid, security.gid, security.supplemental_groups
    theirs = f"--groups {','.join(map(str, groups))}" if groups else "--clear-groups"
    return f"setpriv --reuid {uid} --regid {gid} {theirs} " if (uid, gid) != (0, 0) or groups else ""


def _first_process(inode: int) -> int:
    """The host's number of the first process of a PID namespace."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if (folder / "ns/pid").stat().st_ino == inode:
                numbers = next(
                    line for line in (folder / "status").read_text().splitlines() if line.startswith("NSpid")
                )
                if numbers.split()[-1] == "1":
                    return int(folder.name)
        except OSError:
            continue
    raise ProcessLookupError(f"no process in PID namespace {inode}")
