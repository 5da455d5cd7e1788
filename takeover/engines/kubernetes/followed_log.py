"""A container's log, followed: one call of the API, where asking again and again would take one for each look."""

import asyncio
import time

from takeover.base.errors import TakeoverError
from takeover.engines.kubernetes.api import Api

_ASK_AGAIN = 0.1
"""Seconds without a new byte after which the log is asked for as a whole: who follows may be cut off, unnoticed."""


class FollowedLog:
    """Follows the log from its first use on; to be used from the event loop of `api`.

    Args:
        path: the log's, in the API.
        container: whose.
    """

    def __init__(self, api: Api, path: str, container: str) -> None:
        self._api = api
        self._path = path
        self._container = container
        self._arrived = bytearray()
        self._told = ""
        self._new_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def text(self) -> str:
        """What has arrived so far; never less than it was before, as long as the container runs.

        Of one that was started again it is what it wrote since: the whole log tells when that is.
        """
        is_over = self._task is None or self._task.done()
        if is_over and (self._task is None or self._is_due()):
            self._arrived.clear()
            self._task = asyncio.create_task(self._follow())
            return await self._whole()
        arrived = self._arrived.decode(errors="replace")
        # Who follows may have the end of what ran before, and the whole log be already that of what runs now.
        is_more = len(arrived) > len(self._told) and arrived.startswith(self._told.rstrip("\ufffd"))
        if is_more and not is_over:
            self._told, self._new_at = arrived, time.monotonic()
        elif self._is_due():
            return await self._whole()
        return self._told

    def _is_due(self) -> bool:
        return time.monotonic() - self._new_at > _ASK_AGAIN

    def forget(self) -> None:
        """Ends it: the Pod goes. The next use follows the log of the one that comes."""
        if self._task is not None:
            self._task.cancel()
        self._task, self._told = None, ""
        self._arrived.clear()

    async def _whole(self) -> str:
        self._told = await self._api.log(self._path, self._container)
        self._new_at = time.monotonic()
        return self._told

    async def _follow(self) -> None:
        try:
            async for chunk in self._api.follow(self._path, self._container):
                self._arrived += chunk
        except TakeoverError:
            pass  # then the whole log tells, or why there is none
