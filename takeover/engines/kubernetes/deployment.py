"""A scenario on a cluster: applied, waited for, restarted, deleted."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError, LostError, TakeoverError
from takeover.engines.kubernetes import objects, readiness
from takeover.engines.kubernetes.ephemeral import RULES_CONTAINER
from takeover.engines.kubernetes.losses import Losses
from takeover.engines.kubernetes.objects import Naming
from takeover.engines.kubernetes.pod import Cluster, KubernetesPod
from takeover.engines.kubernetes.readiness import Readiness
from takeover.engines.kubernetes.refusals import ApiError
from takeover.engines.kubernetes.removal import remove_namespace
from takeover.engines.kubernetes.watching import Watch
from takeover.model.json import JsonObject
from takeover.scenario.documents import HEADLESS, canonical, short_name
from takeover.scenario.loader import Scenario

_LOOKED_UP = re.compile(r"error looking up service account [^/\s]+/([^:\s]+)")
"""What the admission of service accounts says; others, too, who forbid a Pod may name such an account."""
_SERVICE_ACCOUNT_TIMEOUT = 60.0
"""Seconds: controllers find an API server that was away again only after half a minute."""


class ClusterBindings:
    """What only a run knows, on a cluster: the addresses that it chose, and names with the run's namespaces.

    Args:
        scenario: its name, for messages.
        addresses: Service → ClusterIP.
    """

    def __init__(self, scenario: str, naming: Naming, addresses: Mapping[str, str], config_id: str) -> None:
        self._scenario = scenario
        self._naming = naming
        self._addresses = addresses
        self._config_id = config_id

    def cluster_ip(self, service: str) -> str:
        """The ClusterIP that the cluster chose."""
        address = self._addresses[self._known(service)]
        if address == "None":
            raise BadInputError(f"Service {service} {HEADLESS}")
        return address

    def host_name(self, service: str) -> str:
        """The Service's full DNS name."""
        namespace, _, name = self._known(service).rpartition("/")
        return f"{name}.{self._naming.actual(namespace or 'default')}.svc.cluster.local"

    def config_id(self) -> str:
        """Names this deployment and this state of its ConfigMaps."""
        return self._config_id

    def _known(self, service: str) -> str:
        """The name as the deployment has it. Raises: BadInputError."""
        name = canonical(service)
        if name not in self._addresses:
            known = ", ".join(self._addresses) or "none"
            raise BadInputError(f"scenario {self._scenario} has no Service {service}; it has {known}")
        return name


class KubernetesDeployment:
    """See `takeover.engines.contract.Deployment`; made by `KubernetesEngine.deploy`."""

    def __init__(self, cluster: Cluster, naming: Naming, scenario: Scenario, timeout: float) -> None:
        self._cluster = cluster
        self._naming = naming
        self._scenario = scenario
        self._watched = Watch(cluster.api, "/api/v1/pods", naming.selector)
        self._readiness = Readiness(cluster.api, naming, scenario.name, timeout, self._watched)
        self._losses = Losses(cluster.api, scenario.name, self._watched)
        self._generation = 1
        self._config_maps: dict[str, JsonObject] = {}
        self._accounts: Collection[str] = ()
        self._services: dict[str, JsonObject] = {}
        self._addresses: dict[str, str] = {}
        self._pods: dict[str, KubernetesPod] = {}
        self._deleted = False

    @property
    def scenario(self) -> Scenario:
        return self._scenario

    @property
    def config_id(self) -> str:
        return self._bindings().config_id()

    @property
    def pods(self) -> Mapping[str, KubernetesPod]:
        return MappingProxyType(self._pods)

    def pod(self, name: str) -> KubernetesPod:
        if name not in self._pods:
            raise BadInputError(f"scenario {self._scenario.name} has no Pod {name}; it has {', '.join(self._pods)}")
        return self._pods[name]

    def service_ip(self, name: str) -> str:
        return self._bindings().cluster_ip(name)

    def host_name(self, service: str) -> str:
        return self._bindings().host_name(service)

    def replace_config_map(self, scenario: Scenario) -> None:
        self._cluster.background.run(self._replace(scenario))

    def scale(self, deployment: str, replicas: int) -> None:
        self._cluster.background.run(self._scale(self._scenario.scaled(deployment, replicas)))

    def loss(self, since: float | None = None) -> LostError | None:
        """See `takeover.engines.contract.RemoteDeployment.loss`."""
        if not self._cluster.background.runs:
            return None
        return self._cluster.background.run(self._loss(since))

    async def _loss(self, since: float | None) -> LostError | None:
        if since is not None:
            return await self._losses.asked(self._pods.values(), since)
        what = self._losses.noticed(self._pods.values())
        return LostError(f"{self._scenario.name}: {what}") if what else None

    def delete(self) -> None:
        if not self._deleted and self._cluster.background.runs:
            self._deleted = True
            self._cluster.background.run(self.remove())

    async def bring_up(self) -> None:
        """Applies everything and waits until it serves. Raises: BadInputError, DeploymentError."""
        api = self._cluster.api
        namespaces = self._scenario.namespaces()
        services = [self._naming.object(entry, self._cluster.images) for entry in self._scenario.unbound_services()]
        self._services = {self._key(entry, namespaces): entry for entry in services}
        namespace_objects = [self._naming.namespace_object(namespace) for namespace in namespaces]
        await asyncio.gather(
            *(api.apply(f"/api/v1/namespaces/{entry['metadata']['name']}", entry) for entry in namespace_objects)
        )
        for entry in namespace_objects:
            self._cluster.life.begin(entry["metadata"]["name"])
        await self._watched.open()
        async with self._making():
            applied = await asyncio.gather(*(self._apply(entry) for entry in services))
            for name, entry in zip(self._services, applied, strict=True):
                self._addresses[name] = entry["spec"].get("clusterIP", "None")
            bound = self._bound(self._scenario)
            self._config_maps, self._accounts = bound["ConfigMap"], bound["ServiceAccount"]
            stored = [*self._config_maps.values(), *bound["ServiceAccount"].values(), *bound["Secret"].values()]
            await asyncio.gather(*(self._apply(entry) for entry in stored))
            self._pods = {name: self._pod(name, entry) for name, entry in bound["Pod"].items()}
            clients = readiness.clients(self._pods.values(), self._services)
            await asyncio.gather(*(self._create(pod, pod in clients) for pod in self._pods.values()))
            await self._readiness.wait(self._pods.values(), self._services, self._addresses)

    @asynccontextmanager
    async def _making(self) -> AsyncIterator[None]:
        """While Pods are made. Whichever step meets first that somebody took one away: that is what is told."""
        try:
            async with self._readiness.watching():
                yield
        except BadInputError:
            raise
        except TakeoverError as error:
            if (told := await self._losses.behind(error, self._pods.values())) is not error:
                raise told from error
            raise

    def _pod(self, name: str, entry: JsonObject) -> KubernetesPod:
        return KubernetesPod(self._cluster, entry, name.rpartition("/")[0] or "default", self._restart)

    async def remove(self) -> None:
        """Deletes the namespaces with all that is in them, without waiting until they are gone."""
        await self._watched.close()
        for pod in self._pods.values():
            await pod.forget_helpers()
        await asyncio.gather(*(self._remove(self._naming.actual(name)) for name in self._scenario.namespaces()))

    async def _remove(self, namespace: str) -> None:
        self._cluster.life.end(namespace)
        await remove_namespace(self._cluster.api, namespace)

    async def _create(self, pod: KubernetesPod, with_relay: bool) -> None:
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(lambda error: bool(_account_not_found(error))),  # it comes after its namespace
                stop=stop_after_delay(_SERVICE_ACCOUNT_TIMEOUT),
                wait=wait_fixed(0.1),
                reraise=True,
            ):
                with attempt:
                    await self._make(pod)
        except ApiError as error:
            if _account_not_found(error):
                raise LostError(f"{self._scenario.name}: the cluster's controllers do not work: {error}") from error
            raise
        if with_relay:
            # An added container starts with the Pod's others, so it costs no time now.
            await pod.add_relay_container()
        if RULES_CONTAINER not in self._cluster.tried:
            self._cluster.tried.add(RULES_CONTAINER)
            await pod.try_rules_container()

    async def _make(self, pod: KubernetesPod) -> None:
        try:
            pod.uid = (await self._apply(pod.manifest))["metadata"]["uid"]
        except ApiError as error:
            name = _account_not_found(error)
            if name in ("", "default") or canonical(f"{pod.namespace}/{name}") in self._accounts:
                raise
            raise BadInputError(
                f"{self._scenario.name}: Pod {pod.key} names service account {name}, which the manifests do not have"
            ) from error

    async def _apply(self, entry: JsonObject) -> JsonObject:
        try:
            return await self._cluster.api.apply(objects.path(entry), entry)
        except ApiError as error:
            # A field that the API does not know is a 500 in server-side apply.
            if error.status in (400, 422) or "typed patch object" in error.message:
                where = f"{entry['kind']} {entry['metadata']['name']}"
                raise BadInputError(f"{self._scenario.name}: Kubernetes refuses {where}: {error.message}") from error
            raise

    async def _restart(self, pod: KubernetesPod) -> None:
        if what := self._losses.noticed(self._pods.values()):  # nobody would learn of it afterwards
            raise await self._losses.told(what, self._pods.values())
        async with self._making():
            with_relay = await self._end(pod)
            await self._create(pod, with_relay)
            await self._readiness.wait(self._pods.values(), self._concerned([pod]), self._addresses)

    def _concerned(self, pods: Collection[KubernetesPod]) -> dict[str, JsonObject]:
        """The Services that lead to any of them."""
        return {
            name: entry
            for name, entry in self._services.items()
            if any(objects.selects(entry, pod.manifest) for pod in pods)
        }

    async def _scale(self, scenario: Scenario) -> None:
        if what := self._losses.noticed(self._pods.values()):
            raise await self._losses.told(what, self._pods.values())
        async with self._making():
            before, bound = self._pods, self._bound(scenario)["Pod"]
            self._scenario = scenario
            self._pods = {name: before.get(name) or self._pod(name, entry) for name, entry in bound.items()}
            made = [pod for name, pod in self._pods.items() if name not in before]
            await asyncio.gather(*(self._create(pod, False) for pod in made))
            await asyncio.gather(*(self._end(pod) for name, pod in before.items() if name not in self._pods))
            await self._readiness.wait(self._pods.values(), self._concerned(made), self._addresses)

    async def _end(self, pod: KubernetesPod) -> bool:
        """Deletes a Pod, and waits until it is gone. Returns whether there was a container for relays."""
        had_relay = await pod.forget_helpers()
        pod.uid = ""
        await self._cluster.api.delete(objects.path(pod.manifest))
        await self._readiness.wait_until_gone(pod)
        return had_relay

    async def _replace(self, scenario: Scenario) -> None:
        before = self._config_maps
        if any(before.get(name) != entry for name, entry in self._bound(scenario)["ConfigMap"].items()):
            # Another state, so another config id, which the ConfigMaps that hold it get too.
            self._generation += 1
            bound = self._bound(scenario)
            changed = {name: entry for name, entry in bound["ConfigMap"].items() if before.get(name) != entry}
            await asyncio.gather(*map(self._apply, changed.values()))
            self._config_maps = before | changed
            for name, pod in self._pods.items():
                pod.manifest = bound["Pod"].get(name, pod.manifest)
        self._scenario = scenario

    def _bindings(self) -> ClusterBindings:
        config_id = f"{self._naming.labels[objects.DEPLOYMENT]}-{self._generation}"
        return ClusterBindings(self._scenario.name, self._naming, self._addresses, config_id)

    def _bound(self, scenario: Scenario) -> dict[str, dict[str, JsonObject]]:
        """Kind → name → object to apply, for ConfigMaps, ServiceAccounts, Secrets and Pods."""
        result: dict[str, dict[str, JsonObject]] = {
            each: {} for each in ("ConfigMap", "ServiceAccount", "Secret", "Pod")
        }
        for entry in scenario.bound(self._bindings()):
            if entry["kind"] not in ("Namespace", "Service"):
                result.setdefault(entry["kind"], {})[short_name(entry)] = self._naming.object(
                    entry, self._cluster.images
                )
        return result

    def _key(self, entry: JsonObject, namespaces: list[str]) -> str:
        actual = {self._naming.actual(name): name for name in namespaces}
        return objects.key(actual[entry["metadata"]["namespace"]], entry["metadata"]["name"])


def _account_not_found(error: BaseException) -> str:
    """The name of the service account because of which a Pod was not admitted; "" for any other reason."""
    if isinstance(error, ApiError) and error.status == 403 and (found := _LOOKED_UP.search(error.message)):
        return found[1]
    return ""
