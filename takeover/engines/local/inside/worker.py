"""The node's work: takes requests from the test process and keeps the Pods, the Services and the names going."""

import codecs
import os
import select
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from takeover.engines.local import objects, parsing
from takeover.engines.local.inside import dns, handlers
from takeover.engines.local.inside.attendants import Attendant
from takeover.engines.local.inside.kubelet import RunningPod
from takeover.engines.local.inside.network import Network
from takeover.engines.local.inside.published_services import PublishedServices
from takeover.engines.local.inside.runtime import Image, Runtime
from takeover.engines.local.inside.tree import Pieces, Tree
from takeover.engines.local.messages import (
    Apply,
    Execute,
    ExecuteInNetwork,
    Log,
    NodeStatus,
    Process,
    Remove,
    Resolve,
    Restart,
    Sockets,
    Status,
    request_of,
)
from takeover.engines.local.references import Sources
from takeover.node import kernel, wire

# How soon to look again while something is starting; what takes long on a busy machine is looked at less often.
_SOON, _LATEST = 0.015, 0.1
_SHARE_OF_WAIT = 0.1
# How soon to look again while others answer requests.
_OFTEN = 0.05
_STATE = Path("/run")


def prepare() -> None:
    """Does what need not be done in each node."""
    parsing.prepare()
    codecs.lookup("idna")  # for names: whoever resolves one in a container's root finds no module there


def main(requests: socket.socket, settings: dict[str, Any]) -> None:
    """Serves requests until the test process closes its end. Each carries the end to which the answer goes.

    Args:
        settings: `pieces`, of which containers' root file system is made where none is whole.
    """
    try:
        node = _Node(msgspec.convert(settings.get("pieces"), Pieces | None))
    except OSError as error:
        # Said as the answer to whatever is asked first; then there is nothing more to do here.
        wire.refuse_all(requests, f"the node could not be made: {error}")
        return
    wait = select.poll()
    wait.register(requests, select.POLLIN)
    while True:
        advanced = time.monotonic()
        due, has_more_to_do = advanced + node.advance(), False
        while not has_more_to_do and wait.poll(max(0.0, min(due - time.monotonic(), 3600.0)) * 1000):
            try:
                message, files = wire.receive(requests)
            except wire.Closed:
                return
            # What others answer changes nothing here, and there may be hundreds of such requests.
            has_more_to_do = node.answer(message, files) or time.monotonic() >= min(due, advanced + _OFTEN)


class _Node:
    def __init__(self, pieces: Pieces | None) -> None:
        tree = Tree(_STATE / "tree", pieces)
        self._network = Network(_STATE)
        self._network.add_address(dns.ADDRESS)
        self._runtime = Runtime(_STATE, tree)
        self._system = self._system_root(tree)
        self._config_maps: dict[str, objects.ConfigMap] = {}
        self._secrets: dict[str, objects.Secret] = {}
        self._pods: dict[str, RunningPod] = {}
        self._services = PublishedServices(self._system, self._pods.values)
        self._images: dict[str, Image] = {}
        self._handlers: set[int] = set()
        self._attendants: dict[tuple[str, str | None], Attendant] = {}
        self._under_way_since = float("inf")

    @staticmethod
    def _system_root(tree: Tree) -> Path:
        """The root file system for the node's own programs: iptables."""
        root = tree.mount(_STATE / "system")
        for device in ("null", "urandom"):
            (root / "dev").mkdir(exist_ok=True)
            (root / "dev" / device).touch()
            kernel.bind(f"/dev/{device}", root / "dev" / device)
        kernel.mount("proc", root / "proc", "proc")
        return root

    def advance(self) -> float:
        """Does what is due. Returns in how many seconds to come back."""
        now = time.monotonic()
        under_way = [pod.advance(now) for pod in self._pods.values()]
        self._services.publish(now, more_to_come=any(under_way))
        if self._handlers:
            self._handlers = {pid for pid in self._handlers if os.waitpid(pid, os.WNOHANG)[0] == 0}
        if any(under_way) or self._handlers:
            self._under_way_since = min(self._under_way_since, now)
            return min(max(_SOON, (now - self._under_way_since) * _SHARE_OF_WAIT), _LATEST)
        self._under_way_since = float("inf")
        return min((pod.next_probe() for pod in self._pods.values()), default=float("inf")) - now

    def answer(self, message: Any, files: list[int]) -> bool:
        """Answers one request. What can take time is answered by a process of its own.

        Returns: whether there may be something to do now.
        """
        reply = socket.socket(fileno=files[0])
        try:
            request = request_of(message)
            if isinstance(request, Sockets | Resolve):
                self._attendant(request.pod, request.container, files).ask(request, reply, files[1:])
            elif isinstance(request, ExecuteInNetwork):
                self._attendant(request.pod, None, files).ask(request, reply, files[1:])
            elif isinstance(request, Execute):
                self._fork(request, reply, files[1:])
            else:
                self._answer(reply, lambda: self._do(request))
        finally:
            reply.close()
            for file in files[1:]:
                os.close(file)
        return not isinstance(request, Sockets | Resolve | ExecuteInNetwork | Log | Process)

    def _do(self, request: Apply | Status | Restart | Remove | Log | Process) -> Any:
        if isinstance(request, Apply | Restart):
            self._under_way_since = float("inf")
        match request:
            case Apply():
                return self._apply(request)
            case Status():
                return self._status()
            case Restart():
                return self._restart(request.pod)
            case Remove():
                return self._remove(request.pod)
            case Log():
                return self._log(request)
            case Process():
                return self._process(request)

    def _fork(self, request: Execute, reply: socket.socket, files: list[int]) -> None:
        """Has a process of its own execute that command and answer."""
        pid = os.fork()
        if pid == 0:
            try:
                container = self._pods[request.pod].containers[request.container]
                self._answer(reply, lambda: handlers.execute(request, container, handlers.Ends(reply, files)))
            finally:
                os._exit(0)
        self._handlers.add(pid)

    def _attendant(self, pod: str, container: str | None, files: list[int]) -> Attendant:
        """The attendant of the Pod, or of the container in it. `files` came with the message."""
        running = self._pods[pod]
        if (pod, container) not in self._attendants:
            entered = None if container is None else running.containers[container]
            self._attendants[pod, container] = Attendant(
                lambda: handlers.enter(running.network_path, entered, self._runtime),
                lambda message, reply, more: self._answer(reply, lambda: self._meet(message, reply, more)),
                files,
            )
        return self._attendants[pod, container]

    def _meet(self, message: Any, reply: socket.socket, files: list[int]) -> handlers.OpenFiles | str | int:
        """Does what an attendant is asked for."""
        request = request_of(message)
        if isinstance(request, Sockets):
            return handlers.sockets(request)
        if isinstance(request, Resolve):
            return handlers.resolve(request)
        assert isinstance(request, ExecuteInNetwork)
        return handlers.execute_in_network(request, self._system, handlers.Ends(reply, files))

    def _answer(self, reply: socket.socket, work: Callable[[], Any]) -> None:
        files: list[int] = []
        try:
            result = work()
            if isinstance(result, handlers.OpenFiles):
                files, result = result.descriptors, None
            answer: dict[str, Any] = {"result": result}
        except handlers.Refused as error:
            answer = {"error": error.kind, "message": str(error)}
        except Exception as error:  # noqa: BLE001 - the other side must hear of whatever went wrong here
            traceback.print_exc(file=sys.stderr)
            answer = {"error": "failed", "message": f"{type(error).__name__}: {error}"}
        try:
            wire.send(reply, answer, files)
        except BrokenPipeError:
            pass  # whoever asked has given up waiting
        finally:
            for file in files:
                os.close(file)

    def _apply(self, request: Apply) -> None:
        self._images |= request.images
        parsed = [parsing.parse(document) for document in request.documents]
        for each in parsed:
            if isinstance(each, objects.ConfigMap):
                self._config_maps[objects.full_name(each)] = each
            if isinstance(each, objects.Secret):
                self._secrets[objects.full_name(each)] = each
        if services := [each for each in parsed if isinstance(each, objects.Service)]:
            self._services.add(services)
        for each in parsed:
            if isinstance(each, objects.Pod):
                self._start(each)

    def _start(self, pod: objects.Pod) -> None:
        name = objects.full_name(pod)
        folder = _STATE / "pods" / name
        sources = Sources(pod.metadata.namespace, self._config_maps, self._secrets)
        self._pods[name] = RunningPod(pod, folder, self._network, self._runtime, self._images, sources)

    def _status(self) -> NodeStatus:
        return NodeStatus(
            {name: pod.status() for name, pod in self._pods.items()},
            self._services.addresses(),
            self._services.without_endpoints(),
        )

    def _restart(self, pod: str) -> None:
        spec = self._pods[pod].spec
        self._taken_out(pod).remove()
        self._start(spec)

    def _remove(self, pod: str) -> None:
        running = self._taken_out(pod)
        # Who ends must be asked nothing more: it may take its grace period to do so.
        self._services.publish(time.monotonic(), more_to_come=False)
        running.remove()

    def _taken_out(self, pod: str) -> RunningPod:
        for place in [each for each in self._attendants if each[0] == pod]:
            self._attendants.pop(place).end()
        return self._pods.pop(pod)

    def _log(self, request: Log) -> handlers.OpenFiles:
        container = self._pods[request.pod].containers[request.container]
        log = container.previous_log if request.previous else container.log
        return handlers.OpenFiles([os.open(log, os.O_RDONLY | os.O_CLOEXEC)])

    def _process(self, request: Process) -> int:
        pid = self._pods[request.pod].containers[request.container].pid()
        try:
            return Path(f"/proc/{pid}/ns/pid").stat().st_ino
        except FileNotFoundError:
            raise handlers.Refused("ended", f"container {request.container} of Pod {request.pod} has ended") from None
