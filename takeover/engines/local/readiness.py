"""When a scenario is up on its node: containers ready, Services with endpoints; and what is told when it is not."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import tenacity

from takeover.base.errors import DeploymentError
from takeover.engines.local.messages import ContainerStatus
from takeover.engines.local.node_client import ScenarioNode
from takeover.scenario.documents import canonical

if TYPE_CHECKING:
    from takeover.engines.local.deployment import LocalPod

# How soon to look again whether all is ready; less often where it takes long: a tenth of that is lost at most.
_SOON, _SHARE_OF_WAIT = 0.015, 0.1


class Readiness:
    """Waits for the Pods and Services of one deployment.

    Args:
        timeout: seconds until every Pod must be Ready.
    """

    def __init__(self, node: ScenarioNode, timeout: float) -> None:
        self._node = node
        self._timeout = timeout

    def wait(self, scenario: str, pods: "Mapping[str, LocalPod]", new: Collection[str]) -> None:
        """Waits until all Pods are Ready.

        A container may end once meanwhile and be started again, as what it needs may come a moment later.

        Args:
            scenario: its name, for messages.
            new: those of the Pods that have just been made; what containers of others did before is forgiven.

        Raises: DeploymentError.
        """
        before = self._restarts({name: each for name, each in pods.items() if name not in new})
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_result(bool),
            stop=tenacity.stop_after_delay(self._timeout),
            wait=lambda state: max(_SOON, (state.seconds_since_start or 0.0) * _SHARE_OF_WAIT),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else "nothing",
        )
        if missing := waiting(self._what_is_missing, scenario, pods, before):
            raise DeploymentError(f"scenario {scenario}: after {self._timeout:g} s: {missing}", _logs(pods))

    def _restarts(self, pods: "Mapping[str, LocalPod]") -> dict[tuple[str, str], int]:
        """(Pod, container) → how often it was started again."""
        if not pods:
            return {}
        status = self._node.status()
        return {
            (pod, name): container.restarts
            for pod, its in pods.items()
            for name, container in status.pods[its.full_name].containers.items()
        }

    def _what_is_missing(
        self, scenario: str, pods: "Mapping[str, LocalPod]", before: Mapping[tuple[str, str], int]
    ) -> str:
        status = self._node.status()
        missing = []
        for pod, its in ((name, status.pods[each.full_name]) for name, each in pods.items()):
            for name, container in its.containers.items():
                restarts = container.restarts - before.get((pod, name), 0)
                if _has_failed(pods[pod], name, container, restarts):
                    raise _failure(scenario, pods, (pod, name), container)
                if container.state == "waiting" or (container.state == "running" and not container.ready):
                    saw = f"readiness probe last saw: {container.probe}" if container.probe else container.state
                    missing.append(f"{pod}/{name} is not ready ({saw})")
            if not its.ready and not missing:
                missing.append(f"{pod} is not ready")
        missing += [f"Service {canonical(each)} has no endpoint" for each in status.services_without_endpoints]
        return "; ".join(missing)


def _has_failed(pod: "LocalPod", name: str, container: ContainerStatus, restarts: int) -> bool:
    may_end = name in pod.init_containers and container.exit_code == 0
    return (container.state == "exited" and not may_end) or restarts > 1


def _failure(
    scenario: str, pods: "Mapping[str, LocalPod]", place: tuple[str, str], container: ContainerStatus
) -> DeploymentError:
    pod, name = place
    logs = _logs(pods)
    if container.restarts and (its := pods[pod].containers.get(name)) and (end := its.ended()):
        logs[f"log of {pod}/{name}"] = end.log
    last = logs[f"log of {pod}/{name}"].strip().splitlines()[-1:]
    how = "exited" if container.state == "exited" else "exits again and again"
    said = f"; it said: {last[0]}" if last else " without a word"
    message = f"scenario {scenario}: container {pod}/{name} {how} with code {container.exit_code}{said}"
    return DeploymentError(message, logs, f"{pod}/{name}", container.exit_code)


def _logs(pods: "Mapping[str, LocalPod]") -> dict[str, str]:
    return {f"log of {name}/{container}": log for name, pod in pods.items() for container, log in pod.logs().items()}
