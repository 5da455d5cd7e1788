"""What dead runs left on a cluster: found by label, deleted on demand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.kubernetes import objects, processes
from takeover.engines.kubernetes.api import Api, ApiError
from takeover.engines.kubernetes.watching import Watch
from takeover.model.json import JsonObject

_ALL = f"{objects.MANAGED_BY}={objects.MANAGER}"


@dataclass(frozen=True)
class Leftover:
    """A namespace whose run is dead.

    Args:
        age: since it was made.
        why: how it is known that the run is dead.
    """

    namespace: str
    scenario: str
    age: timedelta
    why: str


async def find(api: Api, older_than: timedelta) -> list[Leftover]:
    """Looks for namespaces of dead runs.

    A run of this host is dead when its process is gone. Of another host's run only the age can be told: it counts
    as dead when it is older than `older_than`.
    """
    try:
        found = await api.get("/api/v1/namespaces", [("labelSelector", _ALL)], verb="list")
    except ApiError as error:
        if error.status in (401, 403):
            raise BadInputError(f"context {api.target.context} lacks the right to list namespaces: {error}") from error
        raise
    now = datetime.now(UTC)
    judged = [_judge(entry, now, older_than) for entry in found["items"]]
    return sorted((each for each in judged if each), key=lambda each: each.namespace)


async def delete(api: Api, leftovers: Iterable[Leftover], timeout: float = 120.0) -> None:
    """Deletes them and waits until they are gone. Raises: TakeoverError that names what is left."""
    names = {each.namespace for each in leftovers}
    for name in names:
        await api.delete(f"/api/v1/namespaces/{name}/pods", grace=0, collection=True)
        await api.delete(f"/api/v1/namespaces/{name}")

    def left(seen: list[JsonObject]) -> list[str]:
        return sorted(names & {entry["metadata"]["name"] for entry in seen})

    async with Watch(api, "/api/v1/namespaces", _ALL) as namespaces:
        try:
            await namespaces.until(
                lambda seen: None if left(seen) else True, timeout, lambda seen: ", ".join(left(seen))
            )
        except TimeoutError as error:
            raise TakeoverError(f"namespaces still there after {timeout:g} s: {error}") from None


def _judge(namespace: JsonObject, now: datetime, older_than: timedelta) -> Leftover | None:
    metadata = namespace["metadata"]
    notes = metadata.get("annotations") or {}
    age = now - datetime.fromisoformat(metadata["creationTimestamp"])
    pid = notes.get(objects.PID, "")
    if "deletionTimestamp" in metadata:
        return None
    if notes.get(objects.HOST) == processes.host() and pid.isdigit():
        if processes.runs(int(pid), notes.get(objects.PROCESS_START, "")):
            return None
        why = f"process {pid} of this host is gone"
    elif age > older_than:
        why = f"made by {notes.get(objects.HOST, 'an unknown host').split()[0]}, too long ago"
    else:
        return None
    return Leftover(metadata["name"], notes.get(objects.SCENARIO, "?"), age, why)
