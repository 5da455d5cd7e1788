"""Watches a server that vanishes without a word, in a network of its own: prints how the watch ends.

Its one argument is the kubeconfig's place.
"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from pyroute2 import IPRoute

from takeover.engines.kubernetes import connections, kubeconfig
from takeover.engines.kubernetes.api import Api
from tests.engines.kubernetes.fake_server import kubeconfig as written
from tests.engines.kubernetes.fake_server import serving, welcome

connections._KEEP_ALIVE |= {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1}


def set_loopback(state: str) -> None:
    with IPRoute() as links:
        links.link("set", index=socket.if_nametoindex("lo"), state=state)


async def handler(request: web.Request) -> web.StreamResponse:
    if (answer := await welcome(request)) is not None:
        return answer
    watch = web.StreamResponse()
    await watch.prepare(request)
    await watch.write(b'{"type": "BOOKMARK"}\n')
    await asyncio.Event().wait()
    return watch


async def watched(place: str) -> str:
    api = Api(kubeconfig.find(place, None))
    await api.open()
    await api.get("/version")
    events: Any = api.watch("/api/v1/pods", [])
    try:
        await anext(events)
        await asyncio.to_thread(set_loopback, "down")
        async with asyncio.timeout(60):
            await anext(events)
    except (aiohttp.ClientError, TimeoutError) as error:
        return type(error).__name__
    finally:
        await api.close()
    return "an event"


set_loopback("up")
with serving(handler) as port:
    sys.stdout.write(asyncio.run(watched(written(Path(sys.argv[1]), f"http://127.0.0.1:{port}"))))
