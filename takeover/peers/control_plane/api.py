"""The HTTP API: what people and tests ask of the control plane, and tell it."""

import json
from collections.abc import Callable
from typing import Any

from takeover.peers.control_plane import behaviour, resources
from takeover.peers.control_plane.http_server import Asked, Handler
from takeover.peers.control_plane.listening import Listening
from takeover.peers.control_plane.plane import ControlPlane
from takeover.peers.control_plane.reports import Reports
from takeover.peers.control_plane.resources import Resource
from takeover.peers.control_plane.snapshots import Snapshot
from takeover.peers.control_plane.streams import End
from takeover.peers.control_plane.telling import exchanged, without_chance
from takeover.peers.control_plane.written import WrittenError, kind, kinds, listed, mapping, seconds, text, texts

_LONGEST_WAIT = 300.0
"""Seconds of a long poll."""


class Api:
    """What there is to ask.

    Args:
        plane: whom it drives.
        listening: whether xDS is listened for.
        read: the resources of a file of the folder, which is served only when it is asked for.
        reports: who is asked for what Envoys report.
    """

    def __init__(
        self, plane: ControlPlane, listening: Listening, read: Callable[[str], list[Resource]], reports: Reports
    ) -> None:
        self._reports = reports
        self._plane = plane
        self._read = read
        self._listening = listening
        self._told = 0

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """By method and path."""
        return {
            ("GET", "/"): self._what_there_is,
            ("GET", "/ready"): self._ready,
            ("PUT", "/snapshot"): self._replace,
            ("PATCH", "/snapshot"): self._change,
            ("GET", "/snapshot"): self._snapshot,
            ("GET", "/resources"): self._resources,
            ("GET", "/record"): self._record,
            ("GET", "/told"): self._exchanged,
            ("GET", "/reporting"): self._reporting,
            ("GET", "/loads"): self._loads,
            ("POST", "/health"): self._health,
            ("GET", "/clients"): self._clients,
            ("GET", "/acknowledged"): self._acknowledged,
            ("PUT", "/behaviour"): self._behave,
            ("POST", "/resend"): self._resend,
            ("POST", "/heartbeat"): self._heartbeat,
            ("POST", "/streams/end"): self._end_streams,
            ("PUT", "/listening"): self._listen,
        }

    async def _what_there_is(self, _: Asked) -> bytes:
        return _json({"api": [f"{method} {path}" for method, path in self.handlers()]})

    async def _ready(self, _: Asked) -> bytes:
        return _json({"ready": True, "xds": self._listening.is_on})

    async def _replace(self, asked: Asked) -> bytes:
        body = mapping(asked.body, "the body", "version", "node", "resources", "wait")
        version, node, wait = text(body, "version"), text(body, "node"), seconds(body, "wait")
        made = self._plane.snapshots.replace(resources.parse_all(body.get("resources")), version, node)
        return await self._published(made, node, wait)

    async def _change(self, asked: Asked) -> bytes:
        body = mapping(asked.body, "the body", "version", "node", "set", "files", "remove", "wait")
        version, node, wait = text(body, "version"), text(body, "node"), seconds(body, "wait")
        found = [one for each in texts(body, "files") for one in self._read(each)]
        found += resources.parse_all(listed(body, "set"), "set")
        removed = [_type_and_name(each) for each in listed(body, "remove")]
        return await self._published(self._plane.snapshots.change(found, removed, version, node), node, wait)

    async def _published(self, snapshot: Snapshot, node: str, wait: float) -> bytes:
        self._plane.published(snapshot, node, "api")
        if not wait:
            return _json({"version": snapshot.version})
        is_so, why_not = await self._plane.wait_until_acknowledged(snapshot.version, node, min(wait, _LONGEST_WAIT))
        return _json({"version": snapshot.version, "acknowledged": is_so, "error": without_chance(why_not)})

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
        await record.wait_for_more(min(asked.number("wait", 0), _LONGEST_WAIT), after)
        return b'{"entries": [' + b", ".join(record.after(after)) + b"]}"

    async def _exchanged(self, asked: Asked) -> bytes:
        """What was said since it was asked last, once everybody has fallen silent."""
        await self._plane.wait_until_silent(min(asked.number("within", 1), _LONGEST_WAIT))
        since, self._told = self._told, self._plane.record.count
        said = exchanged(self._plane.record.after(since))
        return json.dumps({"said": said}, indent=1).encode()  # a line each, for who reads it

    async def _reporting(self, _: Asked) -> bytes:
        if not self._reports.is_complete:
            raise WrittenError("not both load and health have somebody yet who reports them")
        return _json({"reporting": True})

    async def _loads(self, asked: Asked) -> bytes:
        within = min(asked.number("within", 1), _LONGEST_WAIT)
        found = await self._reports.loads(within, asked.query.get("without", "").split(","))
        return json.dumps({"loads": found}, indent=1, sort_keys=True).encode()

    async def _health(self, asked: Asked) -> bytes:
        within = min(asked.number("within", 1), _LONGEST_WAIT)
        told = await self._reports.health(asked.body, within)
        return json.dumps({"health": told}, indent=1, sort_keys=True).encode()

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
        self._plane.behave(behaviour.parse(asked.body))
        return _json({})

    async def _resend(self, asked: Asked) -> bytes:
        body = mapping(asked.body or {}, "the body", "types", "node")
        self._plane.resend(kinds(body, "types"), text(body, "node"))
        return _json({})

    async def _heartbeat(self, asked: Asked) -> bytes:
        body = mapping(asked.body or {}, "the body", "node")
        return _json({"responses": self._plane.heartbeat(text(body, "node"))})

    async def _end_streams(self, asked: Asked) -> bytes:
        body = mapping(asked.body or {}, "the body", "status", "details", "wait")
        end = End(behaviour.status(text(body, "status", "UNAVAILABLE")), text(body, "details"))
        wait, count = min(seconds(body, "wait"), _LONGEST_WAIT), self._plane.end_streams(end)
        back = await self._plane.wait_until_back(count, wait) if wait else None
        return _json({"ended": count} if back is None else {"ended": count, "back": back})

    async def _listen(self, asked: Asked) -> bytes:
        body = mapping(asked.body, "the body", "xds")
        if not isinstance(body.get("xds"), bool):
            raise WrittenError(f"xds is true or false, not {body.get('xds')}")
        await self._listening.switch(on=body["xds"])
        return _json({"xds": self._listening.is_on})


def _json(answer: object) -> bytes:
    return json.dumps(answer).encode()


def _type_and_name(written: Any) -> tuple[str, str]:
    fields = mapping(written, "what is removed", "type", "name")
    return kind(fields.get("type")), text(fields, "name")
