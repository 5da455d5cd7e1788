"""When a deployment is up: Pods Ready, endpoints complete, ClusterIPs answering; and what is told when it is not."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager

from takeover.base.errors import DeploymentError
from takeover.engines.images import IPTABLES, role_of
from takeover.engines.kubernetes import arrival, container_states, objects, pulling, watching
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.events import warnings_of
from takeover.engines.kubernetes.losses import Losses
from takeover.engines.kubernetes.objects import Naming
from takeover.engines.kubernetes.pod import KubernetesPod
from takeover.engines.kubernetes.refusals import ApiError
from takeover.engines.kubernetes.watching import Watch
from takeover.model.json import JsonObject

_GONE_TIMEOUT = 60.0


class _HopelessError(Exception):
    """A Pod will not become Ready.

    Args:
        message: why not.
        container: which of its containers ended, as POD/CONTAINER; empty if none did.
        exit_code: how it ended.
    """

    def __init__(self, message: str, container: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.container = container
        self.exit_code = exit_code


class Readiness:
    """Waits for the Pods and Services of one deployment.

    Args:
        scenario: its name, for messages.
        timeout: seconds until every Pod must be Ready.
        pods: follows the deployment's Pods.
    """

    def __init__(self, api: Api, naming: Naming, scenario: str, timeout: float, pods: Watch) -> None:
        self._api = api
        self._scenario = scenario
        self._timeout = timeout
        self._selector = naming.selector
        self._pods = pods
        self._losses = Losses(api, scenario, pods)
        self._awaited: set[str] = set()
        self._slices = self._new_slices()

    def _new_slices(self) -> Watch:
        # A Service's labels, ours among them, are on its EndpointSlices too.
        return Watch(self._api, "/apis/discovery.k8s.io/v1/endpointslices", self._selector)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Follows the deployment's EndpointSlices meanwhile."""
        self._slices = self._new_slices()
        async with self._slices:
            yield

    async def wait(
        self, pods: Collection[KubernetesPod], services: Mapping[str, JsonObject], addresses: Mapping[str, str]
    ) -> None:
        """Waits until all Pods are Ready and all `services` answer at their ClusterIP.

        Raises: DeploymentError with the logs of all Pods that are not Ready, LostError when somebody takes one away,
            BadInputError for an image that the cluster cannot get.
        """
        steps = asyncio.create_task(self._wait(pods, services, addresses))
        loss = asyncio.create_task(self._wait_for_a_loss(pods))
        try:
            await asyncio.wait({steps, loss}, return_when=asyncio.FIRST_COMPLETED)
            if steps.done():
                steps.result()
            else:
                raise await self._losses.told(loss.result(), pods)
        finally:
            for each in (steps, loss):
                each.cancel()
            await asyncio.gather(steps, loss, return_exceptions=True)

    async def _wait_for_a_loss(self, pods: Collection[KubernetesPod]) -> str:
        return await self._pods.until(lambda _: self._losses.noticed(pods) or None, None, lambda _: "")

    async def _wait(
        self, pods: Collection[KubernetesPod], services: Mapping[str, JsonObject], addresses: Mapping[str, str]
    ) -> None:
        try:
            await self._wait_for_pods(pods)
            await asyncio.gather(*(self._wait_for_endpoints(service, pods) for service in services.values()))
        except _HopelessError as error:
            details = await self._details(pods)
            raise DeploymentError(f"{self._scenario}: {error}", details, error.container, error.exit_code) from None
        except TimeoutError as error:
            if why := await self._losses.of_nodes(pods):
                raise await self._losses.told(why, pods) from None
            raise DeploymentError(f"{self._scenario}: {error}", await self._details(pods)) from None
        if not pods:
            return
        try:
            from_pod = scout(pods, services)
            await asyncio.gather(
                *(arrival.wait(from_pod, name, addresses[name], *_behind(services[name], pods)) for name in services)
            )
        except TimeoutError as error:
            raise DeploymentError(f"{self._scenario}: {error}", await self._details(pods)) from None

    async def wait_until_gone(self, pod: KubernetesPod) -> None:
        """Waits until a Pod that was deleted is no more. Raises: DeploymentError."""

        def gone(seen: list[JsonObject]) -> bool | None:
            return None if _find(seen, pod) else True

        grace = pod.manifest["spec"].get("terminationGracePeriodSeconds", 30)
        try:
            await self._pods.until(gone, grace + _GONE_TIMEOUT, lambda _: f"Pod {pod.key} does not end")
        except TimeoutError as error:
            raise DeploymentError(f"{self._scenario}: {error}") from None

    async def _wait_for_pods(self, pods: Collection[KubernetesPod]) -> None:
        known = [(pod, self._pods.find(pod.uid)) for pod in pods if pod.uid in self._awaited]
        before = {pod.uid: container_states.ends(found) for pod, found in known if found}

        def all_ready(seen: list[JsonObject]) -> bool | None:
            done = True
            for pod in pods:
                found = _find(seen, pod)
                if found and (error := pulling.why_not(found, f"{self._scenario}: Pod {pod.key}")):
                    raise error
                ends = before.get(pod.uid, {})
                if found and (reason := container_states.hopeless(found, before=ends)):
                    raise _HopelessError(f"Pod {pod.key}, {reason}", *_first_end(found, pod, ends))
                done = done and found is not None and watching.is_ready(found)
                if found:
                    pod.ip_now = found.get("status", {}).get("podIP", "")
            return True if done else None

        def missing(seen: list[JsonObject]) -> str:
            late = [(pod, _find(seen, pod)) for pod in pods]
            told = [
                f"Pod {pod.key}: {watching.account(found) if found else 'not there'}"
                for pod, found in late
                if not found or not watching.is_ready(found)
            ]
            return f"not Ready within {self._timeout:g} s: {'; '.join(told)}"

        try:
            await self._pods.until(all_ready, self._timeout, missing)
        except TimeoutError as error:
            warning = await self._last_warning(pods)
            raise TimeoutError(f"{error}{warning and '; last event: ' + warning}") from None
        self._awaited |= {pod.uid for pod in pods}

    async def _wait_for_endpoints(self, service: JsonObject, pods: Iterable[KubernetesPod]) -> None:
        metadata = service["metadata"]
        wanted = {pod.ip for pod in pods if objects.selects(service, pod.manifest)}

        def complete(seen: list[JsonObject]) -> bool | None:
            return wanted <= watching.ready_addresses(seen, metadata["namespace"], metadata["name"]) or None

        def missing(seen: list[JsonObject]) -> str:
            found = watching.ready_addresses(seen, metadata["namespace"], metadata["name"])
            return f"Service {metadata['name']}: endpoints {sorted(found)} are ready, not all of {sorted(wanted)}"

        await self._slices.until(complete, self._timeout, missing)

    async def _details(self, pods: Iterable[KubernetesPod]) -> dict[str, str]:
        details: dict[str, str] = {}
        for pod in pods:
            spec = pod.manifest["spec"]
            for entry in [*(spec.get("initContainers") or []), *spec["containers"]]:
                try:
                    text = await pod.container_logs(entry["name"])
                except ApiError:  # it has not begun
                    continue
                details[f"log of {pod.key}/{entry['name']}"] = text
            if warnings := await warnings_of(self._api, pod):
                details[f"events of {pod.key}"] = "\n".join(warnings)
        if slices := self._slices.known():
            details["endpoints of Services"] = "\n".join(sorted(map(watching.endpoints, slices)))
        return details

    async def _last_warning(self, pods: Iterable[KubernetesPod]) -> str:
        told = [(await warnings_of(self._api, pod))[-1:] for pod in pods]
        return "; ".join(text for each in told for text in each)


def _find(seen: Iterable[JsonObject], pod: KubernetesPod) -> JsonObject | None:
    for entry in seen:
        metadata = entry["metadata"]
        if (metadata["namespace"], metadata["name"]) == (pod.actual_namespace, pod.name):
            return entry
    return None


def _first_end(found: JsonObject, pod: KubernetesPod, before: Mapping[str, int]) -> tuple[str, int | None]:
    """The first container of a Pod that has ended and does not come back, and its exit code."""
    for entry in found.get("status", {}).get("containerStatuses") or []:
        ended = container_states.last_end(found, entry["name"])
        if ended and container_states.gave_up(found, entry, before):
            return f"{pod.key}/{entry['name']}", ended[0]
    return "", None


def _behind(service: JsonObject, pods: Iterable[KubernetesPod]) -> tuple[JsonObject, list[KubernetesPod]]:
    return service, [pod for pod in pods if objects.selects(service, pod.manifest)]


def clients(pods: Collection[KubernetesPod], services: Mapping[str, JsonObject]) -> list[KubernetesPod]:
    """The Pods in which connections will surely start: those that no Service leads to, and the scout."""
    free = [pod for pod in pods if not any(objects.selects(service, pod.manifest) for service in services.values())]
    first = [scout(pods, services)] if pods and services else []
    return free + [pod for pod in first if pod not in free]


def scout(pods: Collection[KubernetesPod], services: Mapping[str, JsonObject]) -> KubernetesPod:
    """The Pod from which Services are tried: best one whose traffic nothing intercepts, and no Service's own."""

    def rank(pod: KubernetesPod) -> tuple[bool, bool]:
        init = pod.manifest["spec"].get("initContainers") or []
        played = [role_of(each["image"]) for each in init]
        intercepted = any(role is not None and role.name == IPTABLES for role in played)
        return intercepted, any(objects.selects(service, pod.manifest) for service in services.values())

    return min(pods, key=rank)
