"""What dead runs left on a cluster: found by label, deleted on demand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from takeover.base.errors import BadInputError
from takeover.engines.kubernetes import life, objects, processes
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.refusals import ApiError
from takeover.engines.kubernetes.removal import held_by, remove_and_wait
from takeover.model.json import JsonObject

_ALL = f"{objects.MANAGED_BY}={objects.MANAGER}"


@dataclass(frozen=True)
class Leftover:
    """A namespace whose run is dead.

    Args:
        age: since it was made.
        why: how it is known that the run is dead.
        held_by: of one that is being deleted already what keeps it, in words; "" for any other.
    """

    namespace: str
    scenario: str
    age: timedelta
    why: str
    held_by: str = ""


async def find(api: Api, older_than: timedelta) -> list[Leftover]:
    """Looks for namespaces of dead runs.

    A run of this host is dead when its process is gone. Another host's run counts as dead when it has given no sign of
    life for `older_than`, which cannot be less than what a living run may miss.
    """
    try:
        found = await api.get("/api/v1/namespaces", [("labelSelector", _ALL)], verb="list")
    except ApiError as error:
        if error.status in (401, 403):
            raise BadInputError(f"context {api.target.context} lacks the right to list namespaces: {error}") from error
        raise
    now = await api.time()
    silence = max(older_than, life.LONGEST_SILENCE)
    judged = [_judge(entry, now, silence) for entry in found["items"] if _is_of_a_run(entry)]
    return sorted((each for each in judged if each), key=lambda each: each.namespace)


async def delete(api: Api, leftovers: Iterable[Leftover], timeout: float = 120.0) -> None:
    """Deletes them and waits until they are gone. Raises: NotRemovedError that names what is left."""
    found = list(leftovers)
    going = [each.namespace for each in found if each.held_by]
    await remove_and_wait(api, {each.namespace for each in found}, _ALL, timeout, going)


def _is_of_a_run(namespace: JsonObject) -> bool:
    """Whether a run made it: anybody may give a namespace the label by which they are listed."""
    metadata = namespace["metadata"]
    run = (metadata.get("labels") or {}).get(objects.RUN)
    return bool(run) and metadata["name"].startswith(f"{objects.PREFIX}{run}-") and objects.HOST in _notes(namespace)


def _notes(namespace: JsonObject) -> dict[str, str]:
    return namespace["metadata"].get("annotations") or {}


def _judge(namespace: JsonObject, now: datetime, silence: timedelta) -> Leftover | None:
    metadata = namespace["metadata"]
    notes = _notes(namespace)
    age = now - datetime.fromisoformat(metadata["creationTimestamp"])
    pid = notes.get(objects.PID, "")
    if processes.is_this_host(notes[objects.HOST]) and pid.isdigit():
        if processes.runs(int(pid), notes.get(objects.PROCESS_START, "")):
            return None
        why = f"process {pid} of this host is gone"
    elif (silent := now - life.last_sign(namespace)) > silence:
        host = notes[objects.HOST].split()[0]
        why = f"made by {host}, no sign of life for {timedelta(seconds=int(silent.total_seconds()))}"
    else:
        return None
    held = (held_by(namespace) or "it is being deleted") if "deletionTimestamp" in metadata else ""
    return Leftover(metadata["name"], notes.get(objects.SCENARIO, "?"), age, why, held)
