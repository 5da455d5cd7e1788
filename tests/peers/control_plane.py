"""The control plane as a process of its own, and a client of xDS that does just what a test says."""

import contextlib
import queue
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import httpx
from envoy.service.discovery.v3 import discovery_pb2

from takeover.engines.images import PEERS_FOLDER
from takeover.evidence.quiescence import waited_for
from takeover.peers.control_plane.discovery import methods, short_name, url_of
from tests.peers.upstream import own_address

Json = dict[str, Any]
PATIENCE = 60.0
"""Seconds after which what is waited for does not come."""
LOOPBACK = own_address()
"""This process's alone: a port that is closed there for a while is taken by nobody else."""


class Plane:
    """One that runs."""

    def __init__(self, process: "subprocess.Popen[str]", xds: int, api: int) -> None:
        self.process = process
        self.xds = f"{LOOPBACK}:{xds}"
        self.api = httpx.Client(base_url=f"http://{LOOPBACK}:{api}", timeout=120, trust_env=False)

    def publish(self, *resources: Json, **also: object) -> str:
        answer = self.api.put("/snapshot", json={"resources": resources, **also})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["version"])

    def change(self, *resources: Json, **also: object) -> str:
        answer = self.api.patch("/snapshot", json={"set": resources, **also})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["version"])

    def behave(self, *rules: Json, **also: object) -> None:
        answer = self.api.put("/behaviour", json={"rules": rules, **also})
        assert answer.status_code == 200, answer.text

    def record(self, after: int = 0, wait: float = 0) -> list[Json]:
        entries: list[Json] = self.api.get("/record", params={"after": after, "wait": wait}).json()["entries"]
        return entries

    def left(self) -> None:
        """Waits until no client is there: what the record says of the end of one belongs to it, not to the next."""
        clients = "its clients"

        def there() -> str:
            nonlocal clients
            clients = self.api.get("/clients").json()["clients"]
            return str(clients or "")

        assert not waited_for(there, PATIENCE), clients

    def events(self, *, after: int = 0) -> list[str]:
        return [each["event"] for each in self.record(after)]

    def last(self) -> int:
        """The number of the last entry."""
        return int(self.record()[-1]["number"])

    def first(self, event: str, stream: int) -> Json:
        """The first entry of that event of a stream; it is waited for."""
        after = 0
        while entries := self.record(after, wait=PATIENCE):
            for each in entries:
                if (each["event"], each.get("stream")) == (event, stream):
                    return each
            after = entries[-1]["number"]
        raise AssertionError(f"no {event} of stream {stream} within {PATIENCE:g} s after entry {after}")

    def sent(self, after: int) -> list[tuple[str, str, list[str]]]:
        """The type, version and names of each response since."""
        return [
            (short_name(each["type"]), each["version"], each["names"])
            for each in self.record(after)
            if each["event"] == "response"
        ]

    def acknowledged(self, version: str, wait: float = PATIENCE) -> bool:
        answer = self.api.get("/acknowledged", params={"version": version, "wait": wait}).json()
        return bool(answer["acknowledged"])


def start(folder: Path, *options: str, patience: float = 0) -> "tuple[subprocess.Popen[str], Plane]":
    """One that serves the folder on free ports, as soon as it is ready. Whoever starts it ends it.

    Args:
        folder: of resources, or of a mesh.
        options: of the program.
        patience: seconds in the place of its own ones, where a test's pause must not look like a client's.
    """
    program = [str(PEERS_FOLDER / "control_plane")]
    if patience:
        program = ["-m", "tests.peers.patient_control_plane", str(patience)]
    command = [sys.executable, "-B", *program, str(folder), "--address", LOOPBACK, *options]
    process = subprocess.Popen(
        [*command, "--xds-port", "0", "--api-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"xDS on \S+:(\d+), its API on (\d+)", line)
    if found is None:
        process.kill()
        raise AssertionError((line, process.communicate()[1]))
    return process, Plane(process, int(found[1]), int(found[2]))


@contextlib.contextmanager
def running(folder: Path, *options: str, patience: float = 0) -> Iterator[Plane]:
    """One that serves the folder, until the end of the block."""
    process, plane = start(folder, *options, patience=patience)
    try:
        with plane.api:
            yield plane
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate(timeout=60)


class Client:
    """A stream of xDS.

    Args:
        channel: over which it goes.
        label: its method, as the record has it.
        node: what its first request says.
    """

    def __init__(self, channel: grpc.Channel, label: str = "ads", node: str = "client") -> None:
        [(self._path, method)] = [
            (f"/{service}/{name}", each)
            for service, named in methods().items()
            for name, each in named.items()
            if each.label == label
        ]
        self.is_delta = method.is_delta
        self._node = node
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        self._responses: Any = channel.stream_stream(self._path)(iter(self._requests.get, None), timeout=120)

    def ask(self, kind: str, names: Sequence[str] = (), nonce: str = "", error: str = "", **also: Any) -> None:
        """Sends a request; the first one has the node."""
        made: Any
        if self.is_delta:
            made = discovery_pb2.DeltaDiscoveryRequest(resource_names_subscribe=names, **also)
        else:
            made = discovery_pb2.DiscoveryRequest(resource_names=names, **also)
        made.type_url, made.response_nonce = url_of(kind), nonce
        if self._node:
            made.node.id, self._node = self._node, ""
        if error:
            made.error_detail.message = error
        self._requests.put(made.SerializeToString())

    def next(self) -> Any:
        """The next response."""
        kind: Any = discovery_pb2.DeltaDiscoveryResponse if self.is_delta else discovery_pb2.DiscoveryResponse
        return kind.FromString(next(self._responses))

    def ack(self, kind: str, response: Any, names: Sequence[str] = ()) -> None:
        """ACKs a response. By state of the world it names what it wants, as always."""
        also = {} if self.is_delta else {"version_info": response.version_info}
        self.ask(kind, names, response.nonce, **also)

    def took(self, kind: str, names: Sequence[str] = ()) -> Any:
        """The next response, which it ACKs."""
        response = self.next()
        assert response.type_url == url_of(kind)
        self.ack(kind, response, () if self.is_delta else names)
        return response

    def subscribed(self, kind: str, names: Sequence[str] = ()) -> Any:
        """The answer to a first request, which it ACKs."""
        self.ask(kind, names)
        return self.took(kind, names)

    def send_raw(self, data: bytes) -> None:
        self._requests.put(data)

    def ended(self) -> tuple[str, str]:
        """The status at the end, after no response more."""
        try:
            assert list(self._responses) == []
        except grpc.RpcError as error:
            return error.code().name, error.details() or ""
        return "OK", ""

    def close(self) -> None:
        self._requests.put(None)
        self._responses.cancel()


@contextlib.contextmanager
def client(plane: Plane, label: str = "ads", node: str = "client") -> Iterator[Client]:
    """A stream over a connection of its own."""
    with grpc.insecure_channel(plane.xds, [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]) as made:
        opened = Client(made, label, node)
        try:
            yield opened
        finally:
            opened.close()


def names(response: Any) -> list[str]:
    """Of the resources that a response has."""
    found = []
    for each in response.resources:
        if hasattr(each, "resource"):
            found.append(each.name)
        else:
            found.append(named(each))
    return found


def named(resource: Any) -> str:
    """The name in an Any: the first field of each message that is sent here."""
    length = resource.value[1]
    return str(resource.value[2 : 2 + length].decode())


def cluster(name: str, **also: object) -> Json:
    return {"@type": url_of("cds"), "name": name, "connect_timeout": "1s", **also}


def eds_cluster(name: str, **also: object) -> Json:
    source = {"ads": {}, "resource_api_version": "V3"}
    return cluster(name, type="EDS", eds_cluster_config={"eds_config": source}, **also)


def endpoints(name: str, *ports: int) -> Json:
    found = [{"endpoint": {"address": {"socket_address": {"address": LOOPBACK, "port_value": each}}}} for each in ports]
    return {"@type": url_of("eds"), "cluster_name": name, "endpoints": [{"lb_endpoints": found}]}


def routes(name: str, cluster: str) -> Json:
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster}}
    return {
        "@type": url_of("rds"),
        "name": name,
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}],
    }


def listener(name: str, port: int, route_config: str = "routes") -> Json:
    source = {"ads": {}, "resource_api_version": "V3"}
    extensions = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{extensions}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"route_config_name": route_config, "config_source": source},
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{extensions}.http.router.v3.Router"}}
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "@type": url_of("lds"),
        "name": name,
        "address": {"socket_address": {"address": LOOPBACK, "port_value": port}},
        "filter_chains": [chain],
    }
