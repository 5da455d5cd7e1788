"""What became of Pods by no doing of ours or of what runs in them: deleted, evicted, on a node that does not answer."""

from collections.abc import Collection

from takeover.base.errors import LostError, TakeoverError
from takeover.engines.kubernetes import watching
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.events import events_of
from takeover.engines.kubernetes.pod import KubernetesPod
from takeover.engines.kubernetes.refusals import ApiError
from takeover.engines.kubernetes.watching import Watch
from takeover.model.json import JsonObject


class Losses:
    """Looks after the Pods of one deployment.

    Args:
        scenario: its name, for messages.
        pods: follows them.
    """

    def __init__(self, api: Api, scenario: str, pods: Watch) -> None:
        self._api = api
        self._scenario = scenario
        self._pods = pods

    def noticed(self, pods: Collection[KubernetesPod]) -> str:
        """What the cluster has told of a Pod that is lost, without being asked; "" if nothing."""
        if self._pods.why_ended:
            return self._pods.why_ended
        for pod in pods:
            if pod.uid and (what := self._noticed(pod)):
                return f"Pod {pod.key} {what}"
        return ""

    def _noticed(self, pod: KubernetesPod) -> str:
        found = self._pods.find(pod.uid)
        if found is not None:
            return watching.lost(found)
        return "was deleted by somebody" if self._pods.is_gone(pod.uid) else ""

    async def asked(self, pods: Collection[KubernetesPod], since: float) -> LostError | None:
        """The same, asked of the API server and of each Pod's kubelet; a relay that was cut off since then counts.

        Args:
            since: by time.monotonic().
        """
        try:
            what = await self._found(pods) or self.noticed(pods)
            if not what:
                cuts = {pod.key: pod.cut_off_since(since) for pod in pods}
                what = next((f"connections with Pod {key} were cut: {why}" for key, why in cuts.items() if why), "")
        except LostError as error:
            return LostError(f"{self._scenario}: {error}", error.details)
        except TakeoverError as error:
            # Who could be asked before, and refuses now, is not as it was.
            return LostError(f"{self._scenario}: cannot be asked any more: {error}")
        return await self.told(what, pods) if what else None

    async def behind(self, error: TakeoverError, pods: Collection[KubernetesPod]) -> TakeoverError:
        """What to tell of a step that failed while Pods were made: that somebody took one away, or the error itself."""
        for pod in pods:
            if not pod.uid:
                continue
            try:
                _, what = await self._state(pod)
            except TakeoverError:  # the first failure is the one to tell
                return error
            if what:
                return await self.told(f"Pod {pod.key} {what}", pods)
        return error

    async def _found(self, pods: Collection[KubernetesPod]) -> str:
        asked: set[str] = set()
        for pod in pods:
            if not pod.uid:
                continue
            found, what = await self._state(pod)
            if what:
                return f"Pod {pod.key} {what}"
            node = str(found["spec"].get("nodeName", ""))
            if node not in asked:
                asked.add(node)
                await self._api.log(pod.log_path, next(iter(pod.containers)), last_lines=1)
        return ""

    async def _state(self, pod: KubernetesPod) -> tuple[JsonObject, str]:
        """A Pod as the API server has it, and what became of it by no doing of ours; "" if nothing."""
        try:
            found = await self._api.get(f"/api/v1/namespaces/{pod.actual_namespace}/pods/{pod.name}")
        except ApiError as error:
            if error.status != 404:
                raise
            return {}, "was deleted by somebody"
        return found, watching.lost(found) if found["metadata"]["uid"] == pod.uid else "was deleted, and made again"

    async def of_nodes(self, pods: Collection[KubernetesPod]) -> str:
        """Why Pods that are not Ready could not be: no node takes them, or theirs does not answer; "" for neither."""
        for pod in pods:
            found = self._pods.find(pod.uid)
            if found is None or watching.is_ready(found):
                continue
            if why := watching.unscheduled(found):
                return f"no node takes Pod {pod.key}: {why}"
            try:
                node = await self._api.get(f"/api/v1/nodes/{found['spec']['nodeName']}")
            except (ApiError, KeyError):  # not everybody may look at nodes
                continue
            if why := watching.not_ready(node):
                return f"node {node['metadata']['name']} of Pod {pod.key} is not Ready: {why}"
        return ""

    async def told(self, what: str, pods: Collection[KubernetesPod]) -> LostError:
        """The error that says so, with the events of the Pods."""
        details: dict[str, str] = {}
        for pod in pods:
            if lines := await events_of(self._api, pod):
                details[f"events of {pod.key}"] = "\n".join(lines)
        return LostError(f"{self._scenario}: {what}", details)
