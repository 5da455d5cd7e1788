"""What a cluster noted of a Pod."""

from takeover.base.errors import TakeoverError
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.pod import KubernetesPod
from takeover.model.json import JsonObject

_OF_ITS_START = frozenset({"Scheduled", "Pulling", "Pulled", "Created", "Started"})


async def warnings_of(api: Api, pod: KubernetesPod) -> list[str]:
    """The messages of its warnings, in order; why there are none, where they cannot be had."""
    return [_message(each) for each in await _found(api, pod, ",type=Warning")]


async def events_of(api: Api, pod: KubernetesPod) -> list[str]:
    """When, what and why, in order, without what every Pod's start gives."""
    return [
        f"{_time(each)} {each.get('reason', '?')}: {_message(each)}".strip()
        for each in await _found(api, pod, "")
        if each.get("reason") not in _OF_ITS_START
    ]


async def _found(api: Api, pod: KubernetesPod, more: str) -> list[JsonObject]:
    selector = f"involvedObject.kind=Pod,involvedObject.name={pod.name}{more}"
    path = f"/api/v1/namespaces/{pod.actual_namespace}/events"
    try:
        found = await api.get(path, [("fieldSelector", selector)], verb="list")
    except TakeoverError as error:
        return [{"message": f"(no events: {error})"}]
    return sorted(found["items"], key=_time)


def _time(event: JsonObject) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _message(event: JsonObject) -> str:
    return " ".join(event.get("message", "").split())
