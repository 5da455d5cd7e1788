"""HTTP/1.1 with JSON, for few clients: a function per method and path."""

import asyncio
import contextlib
import json
import math
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11

from takeover.peers.control_plane.written import WrittenError

_LARGEST = 64 << 20
"""Bytes of a request's body."""


class BadRequestError(WrittenError):
    """What was asked for cannot be: in one line, why."""


@dataclass(frozen=True)
class Asked:
    """A request.

    Args:
        query: of its URL.
        body: its JSON; None where there is none.
    """

    query: Mapping[str, str]
    body: Any

    def number(self, name: str, default: float) -> float:
        """A number of the query, from 0 on. Raises: WrittenError."""
        try:
            value = float(self.query.get(name, default))
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise BadRequestError(f"{name} is no number from 0 on: {self.query[name]}")
        return value


Handler = Callable[[Asked], Awaitable[bytes]]
"""Returns the answer's JSON. Raises: WrittenError, which is told."""


class HttpServer:
    """Serves connections.

    Args:
        handlers: by method and path.
    """

    def __init__(self, handlers: Mapping[tuple[str, str], Handler]) -> None:
        self._handlers = handlers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection until its end."""
        connection = h11.Connection(h11.SERVER)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled at the program's end alone
                while await self._exchange(connection, reader, writer):
                    connection.start_next_cycle()
        finally:
            writer.close()

    async def _exchange(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One request and its answer; returns whether another one may follow."""
        request, body = None, bytearray()
        try:
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    if connection.they_are_waiting_for_100_continue:
                        going_on = h11.InformationalResponse(status_code=100, headers=[])
                        writer.write(connection.send(going_on) or b"")
                    connection.receive_data(await reader.read(1 << 16))
                elif isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > _LARGEST:
                        raise h11.RemoteProtocolError("the body is too large", 413)
                else:
                    return False
        except h11.RemoteProtocolError as error:
            _write(connection, writer, error.error_status_hint, _told(str(error)))
            return False
        assert request is not None
        status, answer = await self._answer(request, bytes(body))
        _write(connection, writer, status, answer)
        await writer.drain()
        return connection.our_state is h11.DONE

    async def _answer(self, request: h11.Request, body: bytes) -> tuple[int, bytes]:
        method, target = request.method.decode(), urlsplit(request.target.decode())
        handler = self._handlers.get((method, target.path))
        if handler is None:
            there = ", ".join(f"{method} {path}" for method, path in self._handlers)
            return 404, _told(f"there is no {method} {target.path}; there is {there}")
        try:
            try:
                asked = Asked(dict(parse_qsl(target.query)), json.loads(body) if body else None)
            except (ValueError, RecursionError) as error:
                raise BadRequestError(f"the body is no JSON: {error}") from None
            return 200, await handler(asked)
        except WrittenError as error:
            return 400, _told(str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours: whoever asked is told, and all else goes on
            traceback.print_exc()
            return 500, _told(f"{type(error).__name__}: {error}")


def _told(error: str) -> bytes:
    return json.dumps({"error": error}).encode()


def _write(connection: h11.Connection, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    for event in (
        h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase),
        h11.Data(data=body),
        h11.EndOfMessage(),
    ):
        writer.write(connection.send(event) or b"")
