"""The HTTP API: what people and tests ask of the control plane, and tell it."""

import json
from typing import Any

import grpc

from takeover.peers.control_plane import behaviour, resources
from takeover.peers.control_plane.discovery import url_of
from takeover.peers.control_plane.http_server import Asked, BadRequestError, Handler
from takeover.peers.control_plane.listening import Listening
from takeover.peers.control_plane.plane import ControlPlane
from takeover.peers.control_plane.resources import ResourceError
from takeover.peers.control_plane.snapshots import Snapshot
from takeover.peers.control_plane.streams import End

_LONGEST_WAIT = 300.0
"""Seconds of a long poll."""


class Api:
    """What there is to ask.

    Args:
        plane: whom it drives.
        listening: whether xDS is listened for.
    """

    def __init__(self, plane: ControlPlane, listening: Listening) -> None:
        self._plane = plane
        self._listening = listening

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """By method and path."""
        return {
            ("GET", "/ready"): self._ready,
            ("PUT", "/snapshot"): self._replace,
            ("PATCH", "/snapshot"): self._change,
            ("GET", "/snapshot"): self._snapshot,
            ("GET", "/resources"): self._resources,
            ("GET", "/record"): self._record,
            ("GET", "/clients"): self._clients,
            ("GET", "/acknowledged"): self._acknowledged,
            ("PUT", "/behaviour"): self._behave,
            ("POST", "/resend"): self._resend,
            ("POST", "/streams/end"): self._end_streams,
            ("PUT", "/listening"): self._listen,
        }

    async def _ready(self, _: Asked) -> bytes:
        return _json({"ready": True, "xds": self._listening.is_on})

    async def _replace(self, asked: Asked) -> bytes:
        body = _object(asked, "version", "node", "resources")
        try:
            made = self._plane.snapshots.replace(
                resources.parse_all(body.get("resources")), _text(body, "version"), _text(body, "node")
            )
        except ResourceError as error:
            raise BadRequestError(str(error)) from None
        return self._published(made, _text(body, "node"))

    async def _change(self, asked: Asked) -> bytes:
        body = _object(asked, "version", "node", "set", "remove")
        try:
            made = self._plane.snapshots.change(
                resources.parse_all(body.get("set", [])),
                [_type_and_name(each) for each in body.get("remove", [])],
                _text(body, "version"),
                _text(body, "node"),
            )
        except ResourceError as error:
            raise BadRequestError(str(error)) from None
        return self._published(made, _text(body, "node"))

    def _published(self, snapshot: Snapshot, node: str) -> bytes:
        self._plane.published(snapshot, node, "api")
        return _json({"version": snapshot.version})

    async def _snapshot(self, asked: Asked) -> bytes:
        found = self._plane.snapshots.of(asked.query.get("node", ""))
        types = {
            url: {"version": state.version, "resources": {name: each.version for name, each in state.resources.items()}}
            for url, state in found.types.items()
        }
        return _json({"version": found.version, "types": types})

    async def _resources(self, asked: Asked) -> bytes:
        found = self._plane.snapshots.of(asked.query.get("node", "")).resources()
        return _json({"resources": [resources.written(each) for each in found.values()]})

    async def _record(self, asked: Asked) -> bytes:
        record, after = self._plane.record, int(asked.number("after", 0))
        if record.count <= after and (seconds := min(asked.number("wait", 0), _LONGEST_WAIT)) > 0:
            await record.wait_for_more(seconds)
        return b'{"entries": [' + b", ".join(record.after(after)) + b"]}"

    async def _clients(self, _: Asked) -> bytes:
        return _json({"clients": self._plane.clients()})

    async def _acknowledged(self, asked: Asked) -> bytes:
        """Waits until it is so, or cannot become so by itself."""
        version, node = asked.query.get("version", ""), asked.query.get("node", "")
        wait = min(asked.number("wait", 0), _LONGEST_WAIT)
        is_so, why_not = await self._plane.wait_until_acknowledged(version, node, wait)
        answer: dict[str, object] = {"acknowledged": is_so, "error": why_not}
        return _json(answer if is_so else {**answer, "clients": self._plane.clients()})

    async def _behave(self, asked: Asked) -> bytes:
        try:
            self._plane.behave(behaviour.parse(asked.body))
        except ResourceError as error:
            raise BadRequestError(str(error)) from None
        return _json({})

    async def _resend(self, asked: Asked) -> bytes:
        body = _object(asked, "types", "node")
        self._plane.resend([url_of(each) for each in body.get("types", [])], _text(body, "node"))
        return _json({})

    async def _end_streams(self, asked: Asked) -> bytes:
        body = _object(asked, "status", "details")
        status = _text(body, "status") or "UNAVAILABLE"
        if status not in grpc.StatusCode.__members__:
            raise BadRequestError(f"no gRPC status {status}; there are {', '.join(grpc.StatusCode.__members__)}")
        return _json({"ended": self._plane.end_streams(End(status, _text(body, "details")))})

    async def _listen(self, asked: Asked) -> bytes:
        body = _object(asked, "xds")
        if not isinstance(body.get("xds"), bool):
            raise BadRequestError("xds is true or false")
        await self._listening.switch(on=body["xds"])
        return _json({"xds": self._listening.is_on})


def _json(answer: object) -> bytes:
    return json.dumps(answer).encode()


def _object(asked: Asked, *keys: str) -> dict[str, Any]:
    """The body. Raises: BadRequestError for one that is no object, or has other keys."""
    body = {} if asked.body is None else asked.body
    if not isinstance(body, dict):
        raise BadRequestError("the body is no object")
    if unknown := body.keys() - {*keys}:
        raise BadRequestError(f"no {', '.join(sorted(unknown))} here; there is {', '.join(keys)}")
    return body


def _text(body: dict[str, Any], key: str) -> str:
    """Raises: BadRequestError."""
    value = body.get(key) or ""
    if not isinstance(value, str):
        raise BadRequestError(f"{key} is no text: {value}")
    return value


def _type_and_name(written: Any) -> tuple[str, str]:
    if not isinstance(written, dict) or not isinstance(written.get("type"), str) or "name" not in written:
        raise BadRequestError(f'what is removed is {{"type": …, "name": …}}, not {written}')
    return url_of(written["type"]), str(written["name"])
