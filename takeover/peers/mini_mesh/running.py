"""The mesh at work in a control plane: what it hears of Envoys, what it publishes, what people tell it by HTTP."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from takeover.peers.control_plane.discovery import LDS, SDS
from takeover.peers.control_plane.http_server import Asked, BadRequestError, Handler
from takeover.peers.control_plane.plane import ControlPlane
from takeover.peers.control_plane.resources import Resource, ResourceError, parse
from takeover.peers.mini_mesh.manifests import MeshError
from takeover.peers.mini_mesh.mesh import PATIENCE, Mesh
from takeover.peers.mini_mesh.proxies import FORM, Proxy

_NEEDED = {LDS.url, SDS.url}
"""What a sidecar must have taken before others are sent to its Pod."""
_BY_ITSELF = ("OK", "CANCELLED")
"""How a stream ends that its Envoy has ended, or that went with it."""


class RunningMesh:
    """The mesh of a folder, whose Envoys are served.

    Args:
        folder: with manifests and mesh.yaml.
        plane: who serves them.
        is_listening: whether it still does: streams that it ends itself come again.
    """

    def __init__(self, folder: Path, plane: ControlPlane, is_listening: Callable[[], bool]) -> None:
        self._folder = folder
        self._plane = plane
        self._is_listening = is_listening
        self._read: Mesh | None = None
        self._version = 0
        self._parsed: dict[str, Resource] = {}
        self._checked: dict[str, Resource] = {}
        self._streams: dict[str, set[object]] = {}
        """Node → the numbers of its streams."""
        self._taken: dict[str, set[object]] = {}
        """Node → the types of which it has ACKed something."""
        self._strangers: set[str] = set()
        """Nodes with a stream that are none of the mesh, so far."""
        self._is_due = False

    def read(self) -> None:
        """Takes what the folder says, now and whenever it has changed. Raises: ResourceError, in one line."""
        try:
            if self._read is None:
                self._read = Mesh.read(self._folder, self._check)
                self._plane.record.heard = self._heard
            else:
                self._read.read_again(self._folder)
                self._look_at_strangers()
        except (MeshError, OSError) as error:
            raise ResourceError(f"{self._folder}: {error}") from None
        self.publish("folder")

    @property
    def _mesh(self) -> Mesh:
        assert self._read is not None
        return self._read

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """What there is to ask by HTTP, by method and path."""
        return {
            ("GET", "/mesh"): self._get,
            ("PUT", "/mesh"): self._put,
            ("PATCH", "/mesh"): self._patch,
            ("POST", "/mesh/rotate"): self._rotate,
            ("POST", "/mesh/retire"): self._retire,
        }

    def publish(self, why: str) -> str:
        """Gives each Envoy what it is to be told now, all by one version, which is returned."""
        told = self._mesh.told()
        self._version += 1
        version = str(self._version)
        parsed: dict[str, Resource] = {}
        for node, written in told.items():
            made = [self._made(each, parsed) for each in written]
            self._plane.published(self._plane.snapshots.replace(made, version, node), node, why)
        self._parsed = parsed
        return version

    def _check(self, rehearsed: list[dict[str, Any]]) -> None:
        """Parses what any Envoy could be told: what cannot be sent is never in force, and nobody waits for imports.

        Raises: ResourceError.
        """
        checked: dict[str, Resource] = {}
        for each in rehearsed:
            self._made(each, checked)
        self._checked = checked

    def _made(self, written: dict[str, Any], parsed: dict[str, Resource]) -> Resource:
        """The resource as it is sent: most of them are as they were."""
        key = json.dumps(written)
        if key not in parsed:
            parsed[key] = self._parsed.get(key) or self._checked.get(key) or parse(written, "the mesh's")
        return parsed[key]

    def _came(self, node: str) -> None:
        """An Envoy is here: what it is to be told is there before it is answered, and changes nothing for others."""
        if not self._mesh.came(node):
            self._strangers.add(node)
            why = f"its id is not {FORM}" if Proxy.of(node) is None else "no manifest has its Pod"
            self._tell(node, f"{node} is told nothing of the mesh: {why}")
        else:
            version, parsed = str(self._version), dict(self._parsed)
            made = [self._made(each, parsed) for each in self._mesh.told()[node]]
            self._plane.snapshots.replace(made, version, node)
            self._plane.record.add("published", version=version, node=node, source="mesh")

    def _tell(self, node: str, line: str) -> None:
        self._plane.record.add("told", node=node, error=line)
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - a program of its own

    def _look_at_strangers(self) -> None:
        """A Pod may be there before its manifest is."""
        for node in sorted(self._strangers):
            if self._mesh.came(node):
                self._strangers.discard(node)
                self._taken.pop(node, None)  # what it has taken was nothing of the mesh

    def _heard(self, event: str, facts: dict[str, Any]) -> None:
        """What the control plane records is all that the mesh needs to know of its Envoys."""
        node, stream = facts.get("node"), facts.get("stream")
        if not node or stream is None:
            return
        if event == "closed":
            self._closed(node, stream, by_itself=facts.get("error") in _BY_ITSELF and self._is_listening())
            return
        if node not in self._streams:
            self._came(node)
        self._streams.setdefault(node, set()).add(stream)
        if event == "ack" and facts.get("type") in _NEEDED:
            taken = self._taken.setdefault(node, set())
            if not taken >= _NEEDED:
                taken.add(facts["type"])
                if taken >= _NEEDED:
                    self._mesh.can_be_asked(node)
                    self._publish_soon(f"{node} can be asked")

    def _closed(self, node: str, stream: object, by_itself: bool) -> None:
        streams = self._streams.get(node, set())
        streams.discard(stream)
        if streams:
            return
        self._streams.pop(node, None)
        self._strangers.discard(node)
        self._mesh.left(node, by_itself)
        if by_itself:
            self._taken.pop(node, None)
            self._publish_soon(f"{node} left")
        else:
            asyncio.get_running_loop().call_later(PATIENCE + 0.1, self._forget_the_lost)

    def _forget_the_lost(self) -> None:
        lost = self._mesh.forget_the_lost()
        for node in lost:
            self._taken.pop(node, None)
        if lost:
            self._publish_soon(f"{', '.join(lost)} did not come again")

    def _publish_soon(self, why: str) -> None:
        """Once for all that happens in this turn of the loop; and not in the midst of a message."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._publish_now, why)

    def _publish_now(self, why: str) -> None:
        self._is_due = False
        self.publish(why)

    async def _get(self, _: Asked) -> bytes:
        return json.dumps({"mesh": self._mesh.wished, "envoys": self._mesh.about()}).encode()

    async def _put(self, asked: Asked) -> bytes:
        return self._taken_over(lambda: self._mesh.wish(asked.body))

    async def _patch(self, asked: Asked) -> bytes:
        return self._taken_over(lambda: self._mesh.change(asked.body))

    def _taken_over(self, take: Callable[[], None]) -> bytes:
        try:
            take()
            return json.dumps({"version": self.publish("api")}).encode()
        except (MeshError, ResourceError) as error:
            raise BadRequestError(str(error)) from None

    async def _retire(self, asked: Asked) -> bytes:
        body = asked.body
        if not isinstance(body, dict) or body.keys() != {"pod"} or not isinstance(body["pod"], str):
            raise BadRequestError('the body is {"pod": NAME}')
        if not self._mesh.retire(body["pod"]):
            raise BadRequestError(f"no Pod {body['pod']} is here")
        return json.dumps({"version": self.publish("retirement")}).encode()

    async def _rotate(self, asked: Asked) -> bytes:
        body = {} if asked.body is None else asked.body
        if not isinstance(body, dict) or body.keys() - {"account"} or not isinstance(body.get("account", ""), str):
            raise BadRequestError('the body is {"account": NAME}, or none for everybody')
        nodes = self._mesh.rotate(body.get("account", ""))
        if not nodes:
            raise BadRequestError(f"nobody here has the service account {body.get('account')}")
        return json.dumps({"version": self.publish("rotation"), "nodes": nodes}).encode()
