"""How a run says that it is alive, so that whoever cleans up elsewhere does not take it for dead.

Each namespace of the run has an annotation that the run sets anew again and again. What counts is the time that the API
server noted when it took the change: clocks of machines differ.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from takeover.base.errors import TakeoverError
from takeover.engines.kubernetes import objects
from takeover.engines.kubernetes.api import FIELD_MANAGER, Api
from takeover.model.json import JsonObject

EVERY = timedelta(minutes=1)
LONGEST_SILENCE = timedelta(minutes=5)
"""What a run that lives may miss: one that has been silent for longer may be dead."""


class Life:
    """Speaks for the namespaces that it has been given; to be used from the event loop of `api`.

    Args:
        every: seconds between two signs.
    """

    def __init__(self, api: Api, every: float = EVERY.total_seconds()) -> None:
        self._api = api
        self._every = every
        self._due: dict[str, float] = {}

    def begin(self, namespace: str) -> None:
        """The namespace has just been made, which is a sign too."""
        self._due[namespace] = asyncio.get_running_loop().time() + self._every

    def end(self, namespace: str) -> None:
        """The namespace goes."""
        self._due.pop(namespace, None)

    async def speak(self) -> None:
        """Gives each namespace its signs, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._every / 4)
            for namespace in [name for name, due in self._due.items() if due <= loop.time()]:
                # It may be gone by now, and the server away for a while: the next sign is not far.
                with suppress(TakeoverError):
                    await self._api.merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"annotations": _sign()}})
                if namespace in self._due:
                    self.begin(namespace)


def _sign() -> dict[str, str]:
    return {objects.ALIVE: datetime.now(UTC).isoformat(timespec="milliseconds")}


def last_sign(namespace: JsonObject) -> datetime:
    """When its run last said that it is there, by the API server's clock."""
    metadata = namespace["metadata"]
    times = [each["time"] for each in metadata.get("managedFields") or [] if each.get("manager") == FIELD_MANAGER]
    return max(map(datetime.fromisoformat, [metadata["creationTimestamp"], *filter(None, times)]))
