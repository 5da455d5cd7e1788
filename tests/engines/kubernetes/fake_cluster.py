"""A cluster that keeps what is applied, and in which a test says what becomes of Pods."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.engines.kubernetes.fake_server import body_of, status, welcome

Pod = dict[str, Any]


class FakeCluster:
    """Its `answer` is a handler of `serving`.

    Args:
        admit: the refusal of a Pod, as an answer; None for one that is taken.
        state: the status that a Pod has from its beginning.
    """

    def __init__(
        self,
        admit: Callable[[Pod], web.Response | None] = lambda _: None,
        state: Callable[[Pod], dict[str, Any]] = lambda _: {},
    ) -> None:
        self._admit = admit
        self._state = state
        self._pods: dict[str, Pod] = {}
        self._version = 1
        self._changed = asyncio.Condition()
        self.refused = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What its API server says."""
        if (welcoming := await welcome(request)) is not None:
            return welcoming
        if "watch" in request.query:
            watch = web.StreamResponse()
            await watch.prepare(request)
            # Its end is the news: who watches lists again.
            async with self._changed:
                await self._changed.wait_for(lambda: str(self._version) != request.query["resourceVersion"])
            return watch
        if request.method == "PATCH":
            return await self._apply(request)
        if request.method != "GET":
            return web.json_response({})
        if request.path.endswith("/log"):
            return status(400, "waiting to start")
        if "/pods/" in request.path:
            return web.json_response(self._pods.get(request.path)) if request.path in self._pods else status(404, "no")
        items = list(self._pods.values()) if request.path.endswith("/pods") else []
        return web.json_response({"items": items, "metadata": {"resourceVersion": str(self._version)}})

    async def _apply(self, request: web.Request) -> web.StreamResponse:
        entry = await body_of(request)
        if request.path.endswith("/ephemeralcontainers"):
            return web.json_response({})
        entry["metadata"]["uid"] = request.path
        if entry["kind"] == "Service":
            entry["spec"]["clusterIP"] = "10.96.0.9"
        if entry["kind"] == "Pod":
            if (refusal := self._admit(entry)) is not None:
                self.refused += 1
                return refusal
            entry["status"] = self._state(entry)
            self._pods[request.path] = entry
            self._version += 1
            async with self._changed:
                self._changed.notify_all()
        return web.json_response(entry)
