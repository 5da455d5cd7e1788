"""Pods of a deployment and their containers."""

import asyncio
import shlex
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from takeover.base.errors import BadInputError, LostError, TakeoverError
from takeover.engines.images import IPTABLES, RELAY
from takeover.engines.kubernetes import container_states, ephemeral, objects, streams
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.background import Background
from takeover.engines.kubernetes.ephemeral import RelayProcess
from takeover.engines.kubernetes.followed_log import FollowedLog
from takeover.engines.kubernetes.forward import ForwardStream
from takeover.engines.kubernetes.images import Images
from takeover.engines.kubernetes.life import Life
from takeover.engines.kubernetes.refusals import ApiError, UnwellError
from takeover.engines.kubernetes.relay import Relay
from takeover.model.execution import ContainerEnd, ExecResult
from takeover.model.json import JsonObject
from takeover.net.stream import ByteStream
from takeover.scenario.documents import short_name


@dataclass(frozen=True)
class Cluster:
    """What all Pods of a run share."""

    api: Api
    background: Background
    images: Images
    life: Life
    tried: set[str]
    """Which containers were tried whether they may be added, by their names: once for a run."""


class KubernetesContainer:
    """A container of a Pod: see `takeover.engines.contract.Container`."""

    def __init__(self, pod: "KubernetesPod", name: str) -> None:
        self._pod = pod
        self._name = name
        self._log = FollowedLog(pod.cluster.api, pod.log_path, name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def image(self) -> str:
        """See `takeover.engines.contract.Container.image`."""
        containers = self._pod.manifest["spec"]["containers"]
        return next(str(each["image"]) for each in containers if each["name"] == self._name)

    def exec(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> ExecResult:
        """See `takeover.engines.contract.Container.exec`."""
        pod = self._pod
        try:
            return pod.cluster.background.run(
                streams.execute(pod.cluster.api, pod.actual_namespace, pod.name, self._name, command, stdin, timeout)
            )
        except UnwellError:
            raise
        except ApiError as error:
            if error.status == 403:
                raise LostError(f"container {self._name} of Pod {pod.key}: {error}") from error
            raise TakeoverError(f"container {self._name} of Pod {pod.key} does not run: {error}") from error

    def logs(self) -> str:
        """All that it wrote so far."""
        return self._pod.cluster.background.run(self._pod.container_logs(self._name))

    def followed_logs(self) -> str:
        """See `takeover.engines.contract.Container.followed_logs`."""
        return self._pod.cluster.background.run(self._log.text())

    def ended(self) -> ContainerEnd | None:
        """See `takeover.engines.contract.Container.ended`."""
        return self._pod.cluster.background.run(self._pod.container_end(self._name))

    def forget(self) -> None:
        """The Pod is about to go: from the event loop."""
        self._log.forget()

    def connect(self, host: str, port: int, timeout: float = 10.0, *, source_address: str = "") -> ByteStream:
        """Opens a connection by the Pod's relay, as the container's user."""
        user = objects.user(self._pod.manifest, self._name)
        relay = self._pod.cluster.background.run(self._pod.relay(user))
        return relay.connect(host, port, timeout, source_address)


class KubernetesPod:
    """A Pod: see `takeover.engines.contract.Pod`.

    Args:
        manifest: the Pod as it is applied.
        namespace: as the scenario has it.
        restart: deletes the Pod and makes it again (the deployment knows how).
    """

    def __init__(
        self,
        cluster: Cluster,
        manifest: JsonObject,
        namespace: str,
        restart: Callable[["KubernetesPod"], Coroutine[Any, Any, None]],
    ) -> None:
        self.cluster = cluster
        self.manifest = manifest
        self.ip_now = ""
        self.uid = ""
        """Of the Pod that was made last, in the cluster; empty while there is none."""
        self._namespace = namespace
        self._restart = restart
        self._relays: dict[tuple[int, int], RelayProcess] = {}
        self._ended_relays: list[RelayProcess] = []
        self._added: set[str] = set()
        self._lock = asyncio.Lock()
        names = [entry["name"] for entry in manifest["spec"]["containers"]]
        self._containers = MappingProxyType({name: KubernetesContainer(self, name) for name in names})

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return self._namespace

    @property
    def key(self) -> str:
        """How the deployment names it."""
        return short_name({**self.manifest, "metadata": {**self.manifest["metadata"], "namespace": self._namespace}})

    @property
    def actual_namespace(self) -> str:
        """The namespace in the cluster."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def log_path(self) -> str:
        """Where the API has the logs of its containers."""
        return f"/api/v1/namespaces/{self.actual_namespace}/pods/{self.name}/log"

    @property
    def ip(self) -> str:
        return self.ip_now

    @property
    def containers(self) -> Mapping[str, KubernetesContainer]:
        return self._containers

    def container(self, name: str) -> KubernetesContainer:
        if name not in self._containers:
            raise BadInputError(f"Pod {self.key} has no container {name!r}; it has {', '.join(self._containers)}")
        return self._containers[name]

    def forward(self, port: int) -> ByteStream:
        return ForwardStream(self.cluster.background, self.cluster.api, self.actual_namespace, self.name, port)

    def nat_rules(self) -> str:
        try:
            result = self.cluster.background.run(self._nat_rules())
        except ApiError as error:  # that it may be added was tried before
            raise LostError(f"the rules of Pod {self.key} cannot be read: {error}") from error
        if result.exit_code:
            raise TakeoverError(f"iptables in Pod {self.key} failed: {result.stderr.decode(errors='replace').strip()}")
        return result.stdout.decode()

    def restart(self) -> None:
        try:
            self.cluster.background.run(self._restart(self))
        except ApiError as error:  # what was allowed once
            raise LostError(f"Pod {self.key} cannot be made again: {error}") from error

    def how_to_enter(self, container: str) -> str:
        name = self.container(container).name
        place = ["-n", self.actual_namespace, "exec", "-it", self.name, "-c", name, "--", "sh"]
        return shlex.join([*self.cluster.api.target.kubectl(), *place])

    async def container_logs(self, container: str) -> str:
        """A container's log, also of an init container or of one that has ended."""
        return await self.cluster.api.log(self.log_path, container)

    async def container_end(self, container: str) -> ContainerEnd | None:
        """How a container ended the last time."""
        api, collection = self.cluster.api, objects.path(self.manifest).rpartition("/")[0]
        found = (await api.get(collection, [("fieldSelector", f"metadata.name={self.name}")], verb="list"))["items"]
        told = container_states.last_end(found[0], container) if found else None
        if told is None:
            return None
        exit_code, number, runs_again = told
        return ContainerEnd(exit_code, number, await api.log(self.log_path, container, previous=runs_again))

    async def relay(self, user: tuple[int, int]) -> Relay:
        """The relay of a user; made on first use."""
        await self.add_relay_container()
        process = self._relays.get(user)
        if process is None or not process.relay.alive:
            self._ended_relays += [process] if process is not None else []
            process = RelayProcess(self.cluster.api, self.actual_namespace, self.name, user)
            self._relays[user] = process
        return await process.wait_until_ready()

    def cut_off_since(self, moment: float) -> str:
        """Why a relay ended after that moment, by time.monotonic(), though the Pod was to stay; "" if none did."""
        every = [*self._ended_relays, *self._relays.values()]
        return next((each.why_ended for each in every if each.ended_at is not None and each.ended_at >= moment), "")

    async def add_relay_container(self) -> None:
        """Adds the container for relays, unless it is there."""
        await self._add(ephemeral.relay_container(self.cluster.images.of_role(RELAY)))

    async def forget_helpers(self) -> bool:
        """The Pod is about to go: ends its relays. Returns whether there had been a container for them."""
        for container in self._containers.values():
            container.forget()
        for process in self._relays.values():
            process.task.cancel()
        await asyncio.gather(*(process.task for process in self._relays.values()), return_exceptions=True)
        self._relays.clear()
        self._ended_relays.clear()
        had_relay = ephemeral.RELAY_CONTAINER in self._added
        self._added.clear()
        return had_relay

    async def try_rules_container(self) -> None:
        """Finds out whether a container that may look at the rules may be added. Raises: ApiError."""
        container = ephemeral.rules_container(self.cluster.images.of_role(IPTABLES))
        await ephemeral.add(self.cluster.api, self.actual_namespace, self.name, container, only_try=True)

    async def _nat_rules(self) -> ExecResult:
        await self._add(ephemeral.rules_container(self.cluster.images.of_role(IPTABLES)))
        return await ephemeral.run_rules_command(self.cluster.api, self.actual_namespace, self.name)

    async def _add(self, container: JsonObject) -> None:
        async with self._lock:
            if container["name"] not in self._added:
                await ephemeral.add(self.cluster.api, self.actual_namespace, self.name, container)
                self._added.add(container["name"])
