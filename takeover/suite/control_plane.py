"""The control plane of a scenario: what it is told to send, and what Envoy answered."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx
import msgspec

from takeover.base.errors import BadInputError
from takeover.evidence.control_plane_record import XdsEntry, read_record
from takeover.scene import Scene
from takeover.scene.control_planes import api_client, control_planes_of

Resource = Mapping[str, Any]
"""As in Envoy's own file subscription: {"@type": …, "name": …, …}."""

DEADLINE = 10.0
"""Seconds."""
_LAST = 20
"""Entries of the record that a failure tells."""


class Rule(msgspec.Struct, omit_defaults=True):
    """One thing to do wrong.

    Args:
        does: see `DOES` in takeover/peers/control_plane/behaviour.py.
        type: a short name ("cds"), a URL, or "*" for all.
        times: how often; None: always.
        node: whose streams; empty: all.
        status: with which a stream ends.
        version: of a response that is "as-given"; so are nonce, type_url, resources and removed.
    """

    does: str
    type: str = "*"
    times: int | None = None
    node: str = ""
    status: str = "UNAVAILABLE"
    version: str | None = None
    nonce: str | None = None
    type_url: str | None = None
    resources: list[Any] | None = None
    removed: list[str] | None = None


class TypeStatus(msgspec.Struct):
    """What a stream has of one type: names subscribed to, versions sent and accepted, the last NACK's error."""

    names: list[str]
    sent: str
    accepted: str
    error: str
    is_settled: bool


class StreamStatus(msgspec.Struct):
    """What an open stream has, by the types' short names."""

    node: str
    stream: int
    method: str
    types: dict[str, TypeStatus]


class _Clients(msgspec.Struct):
    clients: list[StreamStatus]


class _Acknowledged(msgspec.Struct):
    acknowledged: bool
    error: str = ""


class TypeVersions(msgspec.Struct):
    """The version of a type, and of each of its resources."""

    version: str
    resources: dict[str, str]


class SnapshotVersions(msgspec.Struct):
    """The version of a snapshot, and of each type (by URL)."""

    version: str
    types: dict[str, TypeVersions]


class ControlPlane:
    """The control plane in a scene: use `with`, or `close`.

    Args:
        scene: a deployment of a scenario that has one.
        pod: whose, where there are several; the first one, if it is empty.

    Raises: BadInputError where there is none.
    """

    def __init__(self, scene: Scene, pod: str = "") -> None:
        found = [each for each in control_planes_of(scene.deployment) if pod in ("", each.pod)]
        if not found:
            name = scene.deployment.scenario.name
            raise BadInputError(
                f"scenario {name} has no Pod {pod} that runs `takeover control-plane`".replace("  ", " ")
            )
        self.place = found[0]
        self._client = api_client(scene.deployment, self.place)

    def __enter__(self) -> "ControlPlane":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection to its API; the control plane goes on."""
        self._client.close()

    def publish(self, resources: Iterable[Resource], version: str = "", node: str = "") -> str:
        """Publishes a snapshot of these resources and no others; returns its version.

        Args:
            resources: likewise.
            version: of the snapshot; counted, if it is empty.
            node: the id of the only Envoy that gets it; empty: all that have none of their own.
        """
        return self._published("PUT", resources=list(resources), version=version, node=node)

    def change(
        self,
        set: Iterable[Resource] = (),  # noqa: A002 - the API's word
        remove: Iterable[tuple[str, str]] = (),
        version: str = "",
        node: str = "",
    ) -> str:
        """Publishes a snapshot like the last one but for these; returns its version.

        Args:
            set: what takes the place of what has its type and name, or is added.
            remove: type (short name or URL) and name of what is to be there no more.
            version: see `publish`.
            node: likewise.
        """
        gone = [{"type": kind, "name": name} for kind, name in remove]
        return self._published("PATCH", set=list(set), remove=gone, version=version, node=node)

    def resources(self, node: str = "") -> dict[tuple[str, str], dict[str, Any]]:
        """What is in force, by type URL and name, as `publish` takes it: copies, to be changed at will."""
        listed = self._ask("GET", "/resources", params={"node": node})
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for each in msgspec.json.decode(listed)["resources"]:
            inner = each.get("resource", each)
            name = each.get("name") or inner.get("cluster_name") or inner["name"]
            found[inner["@type"], name] = each
        return found

    def snapshot(self, node: str = "") -> SnapshotVersions:
        """The versions of what is in force."""
        return msgspec.json.decode(self._ask("GET", "/snapshot", params={"node": node}), type=SnapshotVersions)

    def streams(self) -> list[StreamStatus]:
        """The streams that are open, and how far each is."""
        return msgspec.json.decode(self._ask("GET", "/clients"), type=_Clients).clients

    def record(self, after: int = 0, wait: float = 0.0) -> list[XdsEntry]:
        """What was recorded after an entry's number; where there is nothing, it waits so many seconds for it."""
        return read_record(self._ask("GET", "/record", params={"after": after, "wait": wait}, wait=wait))

    def last_number(self) -> int:
        """The number of the last entry: what comes after it is new."""
        entries = self.record()
        return entries[-1].number if entries else 0

    def wait_for(
        self, predicate: Callable[[XdsEntry], bool], after: int = 0, deadline: float = DEADLINE, what: str = ""
    ) -> XdsEntry:
        """The first entry that fits.

        Args:
            predicate: whether one does.
            after: only entries after this number.
            deadline: seconds.
            what: what is waited for, in the message.

        Raises: AssertionError, with what was recorded instead.
        """
        until, number = time.monotonic() + deadline, after
        while (left := until - time.monotonic()) > 0:
            for each in self.record(number, wait=left):
                if predicate(each):
                    return each
                number = each.number
        raise AssertionError(f"no {what or 'such entry'} within {deadline:g} s; {self._told(after)}")

    def acknowledged(self, version: str, node: str = "", deadline: float = DEADLINE) -> None:
        """Waits until Envoy (every one that is connected, or that of `node`) has ACKed all that the snapshot changed.

        Raises: AssertionError for a NACK, at once, and at the deadline (seconds), with what was recorded.
        """
        answer = self._ask(
            "GET", "/acknowledged", params={"version": version, "node": node, "wait": deadline}, wait=deadline
        )
        told = msgspec.json.decode(answer, type=_Acknowledged)
        if not told.acknowledged:
            why = told.error or f"version {version} is not acknowledged after {deadline:g} s"
            raise AssertionError(f"{why}; {self._told(0)}")

    def behave(
        self, *rules: Rule, order: Sequence[str] | None = None, wait: bool = True, hold: Iterable[str] = ()
    ) -> None:
        """Takes another behaviour in the place of the one it has; without arguments, the right one.

        Args:
            rules: the first one that fits is applied.
            order: the types in which an update is sent; None: make before break.
            wait: whether a type waits until those before it are ACKed.
            hold: types of which nothing is sent.
        """
        body = {"rules": rules, "order": order, "wait": wait, "hold": list(hold)}
        self._ask("PUT", "/behaviour", body=body)

    def resend(self, *types: str, node: str = "") -> None:
        """Sends what is subscribed to of these types (of all, if none is named) once more."""
        self._ask("POST", "/resend", body={"types": types, "node": node})

    def heartbeat(self, node: str = "") -> int:
        """Lets resources with a time to live go on to live; returns how many responses say so."""
        return int(msgspec.json.decode(self._ask("POST", "/heartbeat", body={"node": node}))["responses"])

    def end_streams(self, status: str = "UNAVAILABLE", details: str = "") -> int:
        """Ends all streams with that gRPC status; returns how many there were."""
        answer = self._ask("POST", "/streams/end", body={"status": status, "details": details})
        return int(msgspec.json.decode(answer)["ended"])

    def away(self) -> None:
        """Closes the port of xDS and all its connections: new ones are refused."""
        self._ask("PUT", "/listening", body={"xds": False})

    def back(self) -> None:
        """Opens the port again."""
        self._ask("PUT", "/listening", body={"xds": True})

    def _published(self, method: str, **body: object) -> str:
        return str(msgspec.json.decode(self._ask(method, "/snapshot", body=body))["version"])

    def _told(self, after: int) -> str:
        lines = [str(each) for each in self.record(after)[-_LAST:]]
        return "\n".join(["recorded last:", *lines]) if lines else "nothing was recorded"

    def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        wait: float = 0.0,
    ) -> bytes:
        """Raises: BadInputError for what the control plane refuses, httpx.HTTPError."""
        content = None if body is None else msgspec.json.encode(body)
        answer = self._client.request(method, path, params=params, content=content, timeout=DEADLINE + wait)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            raise BadInputError(f"the control plane {self.place.name} refuses {method} {path}: {_error(answer)}")
        return answer.raise_for_status().content


def _error(answer: httpx.Response) -> str:
    return str(msgspec.json.decode(answer.content)["error"])
