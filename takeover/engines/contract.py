"""What every engine offers: the only things that a test, a fixture or the rest of the library may ask of one.

Failures use Python's own exceptions where there is one: `ConnectionRefusedError`, `ConnectionResetError`,
`TimeoutError`, `socket.gaierror` (the name does not resolve in that Pod).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from takeover.base.errors import LostError
from takeover.model.execution import ContainerEnd, ExecResult
from takeover.model.release import Release
from takeover.net.stream import ByteStream
from takeover.scenario.loader import Scenario


class Container(Protocol):
    """A container of a Pod."""

    @property
    def name(self) -> str: ...

    @property
    def image(self) -> str:
        """The reference of the image that it runs, in the manifest's place if the engine put another there."""
        ...

    def exec(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> ExecResult:
        """Runs `command` in the container, as its user. Output is bytes as they came, of any size.

        Raises: TimeoutError, and TakeoverError when the container does not run.
        """
        ...

    def logs(self) -> str:
        """All that the container wrote to stdout and stderr so far (undecodable bytes replaced).

        Of one that was started again: since then, as `kubectl logs` has it.
        """
        ...

    def followed_logs(self) -> str:
        """As `logs`, for whoever looks again and again: perhaps without what was written in the last moments."""
        ...

    def ended(self) -> ContainerEnd | None:
        """How it ended the last time, also where it was started again; None as long as it has not."""
        ...

    def connect(self, host: str, port: int, timeout: float = 10.0, *, source_address: str = "") -> ByteStream:
        """Opens a TCP connection in the Pod's network as the container's user; a name is resolved as the Pod would.

        Args:
            source_address: the address of the Pod's from which it comes; empty: the kernel chooses one.

        Raises: OSError that names it where the Pod does not have it.
        """
        ...


class Pod(Protocol):
    """A Pod that is Ready."""

    @property
    def name(self) -> str: ...

    @property
    def namespace(self) -> str:
        """As the manifest has it, whatever the engine calls it."""
        ...

    @property
    def ip(self) -> str: ...

    @property
    def containers(self) -> Mapping[str, Container]:
        """Those that run, in the manifest's order: what an init container said is told where a deployment fails."""
        ...

    def container(self, name: str) -> Container:
        """Raises: BadInputError that lists the containers there are."""
        ...

    def forward(self, port: int) -> ByteStream:
        """A connection to `port` on the Pod's loopback, past all iptables rules: for admin ports only."""
        ...

    def nat_rules(self) -> str:
        """`iptables -t nat -S -v` of the Pod: every rule with its packet and byte counters (`-c PACKETS BYTES`)."""
        ...

    def restart(self) -> None:
        """Deletes the Pod, makes it again as the manifest (and its ConfigMaps) say now, waits until it is Ready."""
        ...

    def how_to_enter(self, container: str) -> str:
        """The shell command with which a person enters that container as its user: it begins a `sh`.

        What follows goes to that one: `-c COMMAND` runs a single command there.
        """
        ...


class Deployment(Protocol):
    """A scenario's objects, all Ready. Names are `NAME` (namespace default) or `NAMESPACE/NAME`, as in the manifest.

    A Deployment's Pods are `NAME-0`, `NAME-1` and so on, whatever suffix their own names have (`Pod.name`).
    """

    @property
    def scenario(self) -> Scenario: ...

    @property
    def config_id(self) -> str:
        """What `ConfigId` in the scenario's edits stands for now; another one after `replace_config_map`."""
        ...

    @property
    def pods(self) -> Mapping[str, Pod]: ...

    def pod(self, name: str) -> Pod:
        """Raises: BadInputError that lists the Pods there are."""
        ...

    def service_ip(self, name: str) -> str:
        """The ClusterIP that the Service got.

        Raises: BadInputError that lists the Services there are, and for a headless one.
        """
        ...

    def host_name(self, service: str) -> str:
        """The Service's full DNS name in this run: `NAME.NAMESPACE.svc.cluster.local` with the run's namespace.

        Raises: BadInputError that lists the Services there are.
        """
        ...

    def replace_config_map(self, scenario: Scenario) -> None:
        """Replaces every ConfigMap whose content differs in `scenario`; Pods see it after their restart."""
        ...

    def scale(self, deployment: str, replicas: int) -> None:
        """Gives a Deployment of the manifests so many replicas; waits as `Engine.deploy` does for those that are new.

        Those with the highest numbers go, each as `Pod.restart` ends one; no Service leads there any more.

        Raises: BadInputError for a Deployment that there is not, or a number that none may have, DeploymentError.
        """
        ...

    def delete(self) -> None:
        """Removes everything of this deployment; a second call does nothing."""
        ...


@dataclass(frozen=True)
class Concurrency:
    """How deployments are made before a test needs them: `ahead` of them in all, `at_once` at the same time.

    Args:
        probed: how many may be probed at the same time, each by a thread of one process.
    """

    at_once: int
    ahead: int
    probed: int = 2


class Engine(Protocol):
    """A place where scenarios can be deployed."""

    @property
    def name(self) -> str: ...

    @property
    def concurrency(self) -> Concurrency: ...

    def deploy(self, scenario: Scenario, envoy: Release) -> Deployment:
        """Applies the scenario's objects, and waits until every Pod is Ready and every Service has its endpoints.

        Args:
            scenario: what to deploy.
            envoy: what stands behind the Envoy image.

        Raises: BadInputError for what this engine cannot take, DeploymentError for what did not come up.
        """
        ...

    def close(self) -> None:
        """Removes everything that this engine made."""
        ...


@runtime_checkable
class RemoteDeployment(Protocol):
    """A deployment that can be lost under a test: its Pods, their nodes and the way to them are in others' hands."""

    def loss(self, since: float | None = None) -> LostError | None:
        """Why it is no longer what was deployed; None if nothing is known of that.

        Args:
            since: asks everybody, and takes into account what was cut off since then, by time.monotonic(). Without it,
                only what is known already counts, which costs nothing.
        """
        ...


@runtime_checkable
class ClusterEngine(Protocol):
    """An engine whose objects outlive a process that dies."""

    def how_to_delete(self) -> str:
        """The shell command with which a person deletes everything of this run."""
        ...


@runtime_checkable
class CheckingEngine(Protocol):
    """An engine that can tell before anything is deployed what it would not take."""

    def check(self, scenario: Scenario) -> None:
        """Looks at what `deploy` would be given, and makes nothing.

        Raises: BadInputError for what this engine cannot take, with file and line.
        """
        ...


@runtime_checkable
class SharedEngine(Protocol):
    """An engine that a run with workers makes once, in its controller: what it makes there, the workers' engines use.

    It is registered so: see `takeover.engines.choose.register`.
    """

    def for_workers(self) -> Any:
        """What the workers' engines must know, of JSON's types: `from_controller` of their `EngineOptions`."""
        ...
