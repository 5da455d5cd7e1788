"""The Kubernetes API as plain JSON over the Python client's transport: every call counted, every failure one line.

The client's own models are not used: objects are the manifests' own mappings, and parsing into models costs more
than the calls.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from kubernetes.aio.config import kube_config
from kubernetes.aio.stream.ws_client import get_websocket_url
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError, LostError, TakeoverError
from takeover.engines.kubernetes import connections, credentials
from takeover.engines.kubernetes.kubeconfig import Target
from takeover.engines.kubernetes.refusals import ApiError, phrase, refusal
from takeover.model.json import JsonObject

FIELD_MANAGER = "envoy-takeover"
PATIENCE_WHEN_AWAY = 5.0
"""Seconds for which calls are repeated when an API server that was there does not answer."""
_MERGE = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_MOST_SHOWN = 200
"""Bytes of an answer that is none, in a message."""
_AWAY = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError)

Params = Sequence[tuple[str, str]]


class Api:
    """A connection to one cluster; to be used from one event loop.

    Attributes:
        calls: how often each verb was called ("apply", "list", "watch", "exec" …).
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.calls: Counter[str] = Counter()
        self._reached = False
        self._client: Any = None
        self._streams: Any = None
        self._refresh: asyncio.Future[Any] | None = None

    @property
    def server(self) -> str:
        """The API server's address and the context, for messages."""
        host = self._client.configuration.host if self._client else "?"
        return f"{host} (context {self.target.context})"

    async def open(self) -> None:
        """Reads the credentials; no call yet. Raises: BadInputError."""
        configuration, loader = await credentials.load(self.target)
        try:
            self._client = connections.new_client(configuration)
            # Streams have connections of their own: they last, and there may be no more than so many at once.
            self._streams = connections.new_client(configuration)
        except (OSError, ValueError) as error:  # such as certificates that are none
            text = " ".join(str(error).split())
            raise BadInputError(f"cannot use context {self.target.context} of {self.target.files}: {text}") from error
        refresh = kube_config.refresh_token(loader, configuration)  # type: ignore[no-untyped-call]
        self._refresh = asyncio.ensure_future(refresh)

    async def close(self) -> None:
        """Ends all connections."""
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.gather(self._refresh, return_exceptions=True)
        for each in (self._client, self._streams):
            if each is not None:
                await each.close()

    async def get(self, path: str, params: Params = (), verb: str = "get") -> JsonObject:
        """GET; `verb` is only what it counts as."""
        return await self._json(verb, "GET", path, params)

    async def time(self) -> datetime:
        """The API server's clock, which objects' own times are of."""
        answer = await self._answer("get", "GET", "/version", ())
        return parsedate_to_datetime(answer.response.headers["Date"])

    async def create(self, path: str, body: JsonObject) -> JsonObject:
        """POST."""
        return await self._json("create", "POST", path, (), body)

    async def apply(self, path: str, body: JsonObject) -> JsonObject:
        """Server-side apply of the object at `path`."""
        params = [("fieldManager", FIELD_MANAGER), ("force", "true")]
        return await self._json("apply", "PATCH", path, params, body, _APPLY)

    async def merge(self, path: str, body: JsonObject, *, only_try: bool = False) -> JsonObject:
        """Strategic merge patch; one that is only tried is judged by all that judges, and changes nothing."""
        params = [("fieldManager", FIELD_MANAGER), *([("dryRun", "All")] if only_try else [])]
        return await self._json("patch", "PATCH", path, params, body, _MERGE)

    async def delete(self, path: str, grace: int | None = None, collection: bool = False) -> JsonObject | None:
        """Deletes an object or all of a collection; None when it was not there."""
        params = [] if grace is None else [("gracePeriodSeconds", str(grace))]
        try:
            return await self._json("deletecollection" if collection else "delete", "DELETE", path, params)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def log(self, path: str, container: str, previous: bool = False, last_lines: int | None = None) -> str:
        """All of a container's log so far, or its end; undecodable bytes are replaced.

        Args:
            path: that of its Pod's logs.
            container: its name.
            previous: whether of the time before it was started again.
            last_lines: how many of the last lines; None for all.
        """
        params = [("container", container), *([("previous", "true")] if previous else [])]
        params += [] if last_lines is None else [("tailLines", str(last_lines))]
        answer = await self._answer("log", "GET", path, params)
        return str(answer.data, errors="replace")

    async def watch(self, path: str, params: Params) -> AsyncIterator[JsonObject]:
        """Yields watch events ({"type", "object"}) until the server ends the stream."""
        async with self._streamed("watch", path, [*params, ("watch", "true")]) as content:
            async for line in content:
                yield json.loads(line)

    async def follow(self, path: str, container: str) -> AsyncIterator[bytes]:
        """Yields what `log` tells, and what comes, as it comes, until the container ends. Raises: TakeoverError."""
        try:
            async with self._streamed("follow", path, [("container", container), ("follow", "true")]) as content:
                async for chunk in content.iter_any():
                    yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._gone(error) from error

    @asynccontextmanager
    async def _streamed(self, verb: str, path: str, params: Params) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer that ends when something happens, not by itself."""
        self.calls[verb] += 1
        whole = aiohttp.ClientTimeout(total=None, sock_connect=5.0)
        response = await self._send("GET", path, params, timeout=whole)
        try:
            await self._raise_for(response, "GET", path)
            yield response.response.content
        finally:
            # It ends in the middle of the answer. Without waiting for the server's goodbye, which could come after the
            # event loop has ended.
            connection = response.response.connection
            if connection is not None and connection.transport is not None:
                connection.transport.abort()
            response.response.close()

    @asynccontextmanager
    async def websocket(
        self, verb: str, path: str, params: Params, protocol: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A websocket of the API. Raises: ApiError when it is refused."""
        self.calls[verb] += 1
        headers = {"sec-websocket-protocol": protocol}
        _, url, headers, _, _ = await self._streams.param_serialize(
            "GET", path, query_params=list(params), header_params=headers, auth_settings=["BearerToken"]
        )
        what = f"{verb} {path}"
        try:
            socket = await self._connected_socket(url, headers)
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 401:
                raise self._not_accepted() from error
            raise refusal(what, error.status, "", phrase(error.status)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._gone(error) from error
        try:
            yield socket
        finally:
            await socket.close()

    async def _connected_socket(self, url: str, headers: dict[str, str]) -> aiohttp.ClientWebSocketResponse:
        """What the client's own websockets leave out: that a kubeconfig may name a proxy, and the server's name."""
        rest = self._streams.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()
        session: aiohttp.ClientSession = rest.pool_manager
        configuration = rest.configuration
        return await session.ws_connect(
            get_websocket_url(url),  # type: ignore[no-untyped-call]
            headers=headers,
            proxy=configuration.proxy,
            proxy_headers=configuration.proxy_headers,
            server_hostname=configuration.tls_server_name,
        )

    async def _json(
        self,
        verb: str,
        method: str,
        path: str,
        params: Params,
        body: JsonObject | None = None,
        content: str | None = None,
    ) -> JsonObject:
        data = (await self._answer(verb, method, path, params, body, content)).data
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._gone(f"{data[:_MOST_SHOWN].decode(errors='replace')!r} is no object of JSON")
        self._reached = True
        return answer

    async def _answer(
        self,
        verb: str,
        method: str,
        path: str,
        params: Params,
        body: JsonObject | None = None,
        content: str | None = None,
    ) -> Any:
        """The client's own response, with all of its `data`."""
        patience = PATIENCE_WHEN_AWAY if self._reached else 0.0
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_AWAY),
                stop=stop_after_delay(patience),
                wait=wait_fixed(0.2),
                reraise=True,
            ):
                with attempt:
                    self.calls[verb] += 1
                    response = await self._send(method, path, params, body, content)
                    await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._gone(error) from error
        await self._raise_for(response, method, path)
        return response

    async def _send(
        self,
        method: str,
        path: str,
        params: Params,
        body: JsonObject | None = None,
        content: str | None = None,
        timeout: aiohttp.ClientTimeout = aiohttp.ClientTimeout(total=30.0, sock_connect=5.0),  # noqa: B008 - immutable
    ) -> Any:
        headers = {"Content-Type": content} if content else {}
        method, url, headers, _, _ = await self._client.param_serialize(
            method, path, query_params=list(params), header_params=headers, auth_settings=["BearerToken"]
        )
        try:
            return await self._client.call_api(method, url, headers, body, _request_timeout=timeout)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise BadInputError(
                f"cannot talk to the API server {self.server}: that is no address such as https://HOST:6443; "
                "set `server` in the kubeconfig"
            ) from error
        except (aiohttp.ClientSSLError, ValueError) as error:  # of the values: a token that no header can hold
            raise BadInputError(f"cannot talk to the API server {self.server}: {error}") from error

    async def _raise_for(self, response: Any, method: str, path: str) -> None:
        if response.status < 400:
            return
        data = await response.read()
        try:
            status = json.loads(data)
        except ValueError:
            status = {"message": data.decode(errors="replace")[:_MOST_SHOWN]}
        if response.status == 401:
            raise self._not_accepted()
        raise refusal(f"{method} {path}", response.status, status.get("reason", ""), status.get("message", ""))

    def _not_accepted(self) -> TakeoverError:
        if self._reached:  # it did once: they have expired, or were withdrawn
            return LostError(f"the API server {self.server} does not accept the credentials any more: log in again")
        return BadInputError(
            f"the API server {self.server} does not accept the kubeconfig's credentials (401): {credentials.REMEDY}"
        )

    def _gone(self, why: Exception | str) -> TakeoverError:
        text = " ".join(str(why).split()) or type(why).__name__
        if isinstance(why, aiohttp.TooManyRedirects):
            text = f"it leads from one address to the next ({why.request_info.real_url}), as a login page may"
        does_not = "does not answer" if isinstance(why, _AWAY) else "does not answer as an API server does"
        if self._reached:
            return LostError(f"the API server {self.server} {does_not} any more: {text}")
        return BadInputError(f"the API server {self.server} {does_not}: {text}")
