"""What a Pod's status says of its containers: how they ended, and whether they can still become ready."""

from collections.abc import Mapping
from types import MappingProxyType

from takeover.model.json import JsonObject

_HOPELESS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)

_MOST_SAID = 300
"""Characters of a container's last words in a message; all of them are in the log."""


def hopeless(pod: JsonObject, only: str | None = None, before: Mapping[str, int] = MappingProxyType({})) -> str | None:
    """Why a Pod, or `only` that container of it, will not become Ready, in words; None while it may.

    Args:
        before: container → how often it had ended when this began to be waited for.
    """
    status = pod.get("status", {})
    for entry, is_init in container_statuses(pod):
        if only not in (None, entry["name"]):
            continue
        waiting = (entry.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _HOPELESS:
            return f"container {entry['name']}: {waiting['reason']}: {_one_line(waiting.get('message', ''))}"
        ended = _ended(entry)
        if ended and (ended.get("exitCode") != 0 if is_init else gave_up(pod, entry, before)):
            said = _one_line(ended.get("message", ""))[-_MOST_SAID:]
            reason = ended.get("reason") or "ended"
            return f"container {entry['name']} exited with {ended.get('exitCode')} ({reason}){said and ': ' + said}"
    if status.get("phase") == "Failed":
        return f"{status.get('reason', 'failed')}: {_one_line(status.get('message', ''))}"
    return None


def gave_up(pod: JsonObject, entry: JsonObject, before: Mapping[str, int]) -> bool:
    """Whether a container, by its status, has ended for good, or more than once since: the first time may be too early.

    Args:
        before: how often each had ended then.
    """
    ended = _ended(entry)
    if ended is None:
        return False
    policy = pod.get("spec", {}).get("restartPolicy", "Always")
    is_added = entry in (pod["status"].get("ephemeralContainerStatuses") or [])
    is_last = is_added or policy == "Never" or (policy == "OnFailure" and ended.get("exitCode") == 0)
    return is_last or _number(entry) - before.get(entry["name"], 0) > 1


def ends(pod: JsonObject) -> dict[str, int]:
    """Container → how often it has ended."""
    return {entry["name"]: _number(entry) for entry in pod.get("status", {}).get("containerStatuses") or []}


def _ended(entry: JsonObject) -> JsonObject | None:
    """How a container ended the last time."""
    state, before = entry.get("state") or {}, entry.get("lastState") or {}
    return state.get("terminated") or before.get("terminated")


def _number(entry: JsonObject) -> int:
    # It may wait to be started again: the count is still the old one.
    is_over = _ended(entry) is not None and "running" not in (entry.get("state") or {})
    return int(entry.get("restartCount", 0)) + is_over


def last_end(pod: JsonObject, container: str) -> tuple[int, int, bool] | None:
    """A container's last exit code, how often it has ended, whether it runs again; None if it never ended."""
    for entry in pod.get("status", {}).get("containerStatuses") or []:
        if entry["name"] == container and (ended := _ended(entry)):
            return ended["exitCode"], _number(entry), "running" in (entry.get("state") or {})
    return None


def container_statuses(pod: JsonObject) -> list[tuple[JsonObject, bool]]:
    """The status of each container, also of added ones, and whether it is an init container's."""
    status = pod.get("status", {})
    init = [(entry, True) for entry in status.get("initContainerStatuses") or []]
    added = [(entry, False) for entry in status.get("ephemeralContainerStatuses") or []]
    return init + [(entry, False) for entry in status.get("containerStatuses") or []] + added


def _one_line(text: str) -> str:
    return " ".join(text.split())
