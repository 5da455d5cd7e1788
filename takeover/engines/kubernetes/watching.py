"""Waiting for Pods and Services by watching, never by asking again and again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from takeover.base.errors import LostError
from takeover.engines.kubernetes import container_states
from takeover.engines.kubernetes.api import PATIENCE_WHEN_AWAY, Api
from takeover.engines.kubernetes.refusals import ApiError
from takeover.model.json import JsonObject

Result = TypeVar("Result")
_CUT_OFF = (aiohttp.ClientError, TimeoutError)
_PAUSE = 0.2
"""Seconds between two tries."""


class Watch:
    """What a label selector selects, kept up to date while the `async with` lasts.

    Args:
        path: the collection, over all namespaces.
    """

    def __init__(self, api: Api, path: str, selector: str) -> None:
        self._api = api
        self._path = path
        self._params = [("labelSelector", selector)]
        self._changed = asyncio.Condition()
        self._objects: dict[str, JsonObject] = {}
        self._gone: set[str] = set()
        self._listed = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Begins to follow: from now on it must be closed."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Ends it; a second call does nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def find(self, uid: str) -> JsonObject | None:
        """What it knows of that object."""
        return self._objects.get(uid)

    def known(self) -> list[JsonObject]:
        """All that it knows of."""
        return list(self._objects.values())

    def is_gone(self, uid: str) -> bool:
        """Whether that object was there and is no more."""
        return uid in self._gone

    @property
    def why_ended(self) -> str:
        """Why it knows no more what happens; "" while it does."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return ""
        return str(self._task.exception())

    async def until(
        self,
        look: Callable[[list[JsonObject]], Result | None],
        timeout: float | None,
        missing: Callable[[list[JsonObject]], str],
    ) -> Result:
        """Waits until `look` finds something in the objects, for ever without a timeout (in seconds).

        Raises: TimeoutError with what `missing` says of the last state, and whatever `look` raises.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._changed:
                while True:
                    found = look(self.known()) if self._listed else None
                    if found is not None:
                        return found
                    if self._task is not None and self._task.done():
                        self._task.result()
                    await self._changed.wait()
        raise TimeoutError(missing(self.known()))

    async def _follow(self) -> None:
        try:
            while True:
                # A server that has just started may not know all yet.
                async for attempt in AsyncRetrying(
                    retry=retry_if_exception_type((*_CUT_OFF, LostError)),
                    stop=stop_after_delay(2 * PATIENCE_WHEN_AWAY),
                    wait=wait_fixed(_PAUSE),
                    reraise=True,
                ):
                    with attempt:
                        version = await self._list()
                with suppress(*_CUT_OFF, LostError):
                    await self._watch(version)
                await asyncio.sleep(_PAUSE)
        except _CUT_OFF as error:
            raise LostError(f"cannot watch {self._path} at {self._api.server}: {error}") from error
        finally:
            async with self._changed:
                self._changed.notify_all()

    async def _list(self) -> str:
        """Returns the version since which it can be watched."""
        there = await self._api.get(self._path, self._params, verb="list")
        async with self._changed:
            found = {entry["metadata"]["uid"]: entry for entry in there["items"]}
            self._gone |= self._objects.keys() - found.keys()
            self._objects = found
            self._listed = True
            self._changed.notify_all()
        return str(there["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> None:
        since = ("resourceVersion", version)
        async for event in self._api.watch(self._path, [*self._params, since]):
            entry = event["object"]
            if event["type"] == "ERROR":
                if entry.get("code") == 410:  # the version is too old: list again
                    return
                raise ApiError(f"watch {self._path}", entry.get("code", 0), "", entry.get("message", ""))
            async with self._changed:
                if event["type"] == "DELETED":
                    self._objects.pop(entry["metadata"]["uid"], None)
                    self._gone.add(entry["metadata"]["uid"])
                else:
                    self._objects[entry["metadata"]["uid"]] = entry
                self._changed.notify_all()


def is_ready(pod: JsonObject) -> bool:
    """Whether a Pod is Ready and not being deleted."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def lost(pod: JsonObject) -> str:
    """What others did to a Pod that was Ready, in words; "" if nothing."""
    status = pod.get("status", {})
    if since := pod["metadata"].get("deletionTimestamp"):
        return f"is being deleted by somebody (until {since})"
    if status.get("phase") == "Failed" and status.get("reason"):
        return f"failed: {status['reason']}: {_one_line(status.get('message', ''))}"
    for each in status.get("conditions") or []:
        if each["type"] == "DisruptionTarget" and each["status"] == "True":
            return f"has to go: {each.get('reason')}: {_one_line(each.get('message', ''))}"
        # A kubelet gives a reason; what judges in the place of one that does not answer gives none.
        if each["type"] == "Ready" and each["status"] != "True" and not each.get("reason"):
            return f"is on node {pod['spec'].get('nodeName')}, which does not answer"
    return ""


def not_ready(entry: JsonObject) -> str:
    """Why a node or Pod that was looked at is not Ready, in words; "" if it is, or says nothing of that."""
    for each in entry.get("status", {}).get("conditions") or []:
        if each["type"] == "Ready" and each["status"] != "True":
            return _one_line(f"{each.get('reason', '')}: {each.get('message', '')}").strip(": ") or "no reason given"
    return ""


def unscheduled(pod: JsonObject) -> str:
    """Why no node takes the Pod; "" if one does."""
    for each in pod.get("status", {}).get("conditions") or []:
        if each["type"] == "PodScheduled" and each["status"] != "True":
            return _one_line(each.get("message", "")) or "no reason given"
    return ""


def account(pod: JsonObject) -> str:
    """A Pod's state in a few words, for the message of a deadline."""
    status = pod.get("status", {})
    seen = [f"phase {status.get('phase', 'unknown')}"]
    if why := unscheduled(pod):
        seen.append(f"not scheduled: {why}")
    for entry, is_init in container_states.container_statuses(pod):
        state = entry.get("state") or {}
        if "waiting" in state:
            seen.append(f"{entry['name']} waits: {state['waiting'].get('reason')}")
        elif "running" in state and is_init:
            seen.append(f"{entry['name']} (init) still runs")
        elif "running" in state and not entry.get("ready") and not entry["name"].startswith("takeover-"):
            seen.append(f"{entry['name']} runs but is not ready")
    return ", ".join(seen)


def ready_addresses(slices: list[JsonObject], namespace: str, service: str) -> set[str]:
    """The ready endpoint addresses of a Service in EndpointSlices."""
    return {
        address
        for entry in slices
        if entry["metadata"]["namespace"] == namespace
        and (entry["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        for endpoint in entry.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready")
        for address in endpoint["addresses"]
    }


def endpoints(entry: JsonObject) -> str:
    """An EndpointSlice as a line: NAMESPACE/SERVICE, its ports, and each address with what it is fit for."""
    metadata = entry["metadata"]
    ports = [f"{each.get('name') or 'port'} {each.get('port')}" for each in entry.get("ports") or []]
    told = [
        f"{address} ({', '.join(name for name, fit in (each.get('conditions') or {}).items() if fit) or 'not ready'})"
        for each in entry.get("endpoints") or []
        for address in each["addresses"]
    ]
    service = (metadata.get("labels") or {}).get("kubernetes.io/service-name", "")
    return f"{metadata['namespace']}/{service}: {', '.join(ports) or 'no ports'}: {', '.join(told) or 'no endpoints'}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
