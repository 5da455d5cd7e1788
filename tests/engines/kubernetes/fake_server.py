"""An API server of which a test says each answer: what no cluster can be asked to do."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def status(code: int, message: str, reason: str = "") -> web.Response:
    """A refusal, as the API words it."""
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}
    return web.json_response(body, status=code)


async def welcome(request: web.Request) -> web.Response | None:
    """What a run asks before it deploys, answered as by a cluster that can be used; None for all else."""
    if request.path == "/version":
        return web.json_response({"major": "1", "minor": "34+", "gitVersion": "v1.34.4"})
    if request.path.endswith("/selfsubjectaccessreviews"):
        return web.json_response({"status": {"allowed": True}})
    return None


@contextmanager
def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Yields the port of 127.0.0.1 at which it answers meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve() -> web.AppRunner:
            application = web.Application()
            application.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=1.0)
            await runner.setup()
            await web.SockSite(runner, listener, ssl_context=tls).start()
            ready.set()
            return runner

        def run() -> None:
            runner = loop.run_until_complete(serve())
            loop.run_forever()
            loop.run_until_complete(runner.cleanup())
            loop.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            assert ready.wait(60)
            yield listener.getsockname()[1]
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(60)


def kubeconfig(
    path: Path, server: str, user: Mapping[str, Any] | None = None, cluster: Mapping[str, Any] | None = None
) -> str:
    """Writes the file, of one context c, for the server at that address; returns its name.

    Args:
        user: the user's fields, a token if None.
        cluster: more of the cluster's.
    """
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "u", "user": dict(user or {"token": "t"})}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


async def body_of(request: web.Request) -> dict[str, Any]:
    """What was sent with a request."""
    body: dict[str, Any] = json.loads(await request.text())
    return body
