"""Containers that the engine adds to a running Pod: one that opens connections, one that reads the iptables rules."""

import asyncio
import time
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from takeover.base.errors import DeploymentError, TakeoverError
from takeover.engines.kubernetes import container_states, pulling, streams
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.refusals import ApiError
from takeover.engines.kubernetes.relay import Relay
from takeover.model.execution import ExecResult
from takeover.model.json import JsonObject
from takeover.peers import relay as relay_program

RELAY_CONTAINER = "takeover-relay"
RULES_CONTAINER = "takeover-rules"
START_TIMEOUT = 60.0
"""Seconds an added container may take until it runs; an image may have to be pulled."""

_SOURCE = Path(relay_program.__file__).read_text()
# Both wait without using a CPU and end at once at SIGTERM, so that no Pod waits for its grace period.
_IDLE_PYTHON = "import signal as s; s.pthread_sigmask(s.SIG_BLOCK, [s.SIGTERM]); s.sigwait([s.SIGTERM])"
_IDLE_SHELL = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"
# The program comes in the container's environment: in the request for an exec it would make too long an address.
_START = "import os; exec(compile(os.environ['TAKEOVER_RELAY'], 'relay', 'exec'))"


def relay_container(image: str) -> JsonObject:
    """The container in which the relays of a Pod run, one process for each user."""
    return {
        "name": RELAY_CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", _IDLE_PYTHON],
        "env": [{"name": "TAKEOVER_RELAY", "value": _SOURCE}],
        # Root takes on each user itself, so that one container serves them all.
        "securityContext": {"runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": False},
    }


def rules_container(image: str) -> JsonObject:
    """The container with the init container's iptables, and so the same backend."""
    return {
        "name": RULES_CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _IDLE_SHELL],
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "runAsNonRoot": False,
            "capabilities": {"add": ["NET_ADMIN"]},
        },
    }


async def add(api: Api, namespace: str, pod: str, container: JsonObject, *, only_try: bool = False) -> None:
    """Adds a container to a Pod, without waiting until it runs; or only tries whether that is allowed."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/ephemeralcontainers"
    await api.merge(path, {"spec": {"ephemeralContainers": [container]}}, only_try=only_try)


async def run_rules_command(api: Api, namespace: str, pod: str) -> ExecResult:
    """`iptables -t nat -S -v` in the rules container, as soon as that runs."""
    command = ["iptables", "-t", "nat", "-S", "-v"]
    async for attempt in _until_running():
        with attempt:
            await _raise_if_hopeless(api, namespace, pod, RULES_CONTAINER, attempt.retry_state.attempt_number)
            result = await streams.execute(api, namespace, pod, RULES_CONTAINER, command, b"", 30.0)
    return result


class RelayProcess:
    """One relay program in a Pod: an exec that lasts as long as the Pod."""

    def __init__(self, api: Api, namespace: str, pod: str, user: tuple[int, int]) -> None:
        self._api = api
        self._place = namespace, pod
        self._user = user
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._started = asyncio.Event()
        self._stderr = bytearray()
        self.ended_at: float | None = None
        """When it ended, by time.monotonic(), and why; None while it runs."""
        self.why_ended = ""
        self.relay = Relay(self._send, f"the relay of Pod {pod} as uid {user[0]}")
        self.task = asyncio.create_task(self._serve())
        self.task.add_done_callback(_take_failure)  # the connections that it had tell it, or nobody needs to know

    async def wait_until_ready(self) -> Relay:
        """Waits for the program's first word. Raises: TakeoverError with what was last seen."""
        starting = asyncio.create_task(self._started.wait())
        await asyncio.wait({starting, self.task}, timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        if self._started.is_set():
            return self.relay
        if self.task.done():
            self.task.result()
        self.task.cancel()
        said = self._stderr.decode(errors="replace").strip()
        raise TakeoverError(f"{self.relay.name} did not start in {START_TIMEOUT:g} s; it said: {said or 'nothing'}")

    def _send(self, data: bytes) -> None:
        self._loop.call_soon_threadsafe(self._outgoing.put_nowait, data)

    async def _serve(self) -> None:
        reason = "it was ended"
        try:
            async for attempt in _until_running():
                with attempt:
                    await _raise_if_hopeless(
                        self._api, *self._place, RELAY_CONTAINER, attempt.retry_state.attempt_number
                    )
                    await self._run()
            said = self._stderr.decode(errors="replace").strip()
            reason = f"its program ended: {said.splitlines()[-1] if said else 'without a word'}"
            if not self._started.is_set():
                raise TakeoverError(f"{self.relay.name}: {reason}")
        except TakeoverError as error:
            reason = str(error)
            raise
        finally:
            self.ended_at, self.why_ended = time.monotonic(), reason
            self.relay.lost(reason)

    async def _run(self) -> None:
        uid, gid = self._user
        command = ["python3", "-u", "-c", _START, str(uid), str(gid)]
        async with streams.execution(self._api, *self._place, RELAY_CONTAINER, command, True) as running:
            writing = asyncio.create_task(self._write(running))
            try:
                async for channel, data in running.outputs():
                    if channel == streams.STDOUT:
                        self.relay.feed(data)
                        self._started.set()
                    else:
                        self._stderr = (self._stderr + data)[-4000:]
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, running: streams.ExecStream) -> None:
        while True:
            data = [await self._outgoing.get()]
            while not self._outgoing.empty():
                data.append(self._outgoing.get_nowait())
            await running.send(b"".join(data))


def _take_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()


def _until_running() -> AsyncRetrying:
    """Tries again while the container does not run yet: asking the kubelet is faster than the Pod's status."""
    return AsyncRetrying(
        retry=retry_if_exception(_not_yet), stop=stop_after_delay(START_TIMEOUT), wait=wait_fixed(0.1), reraise=True
    )


async def _raise_if_hopeless(api: Api, namespace: str, pod: str, container: str, attempt: int) -> None:
    """Looks now and then whether the container can run at all: its image may be one that cannot be pulled.

    The Pod's others do not count: a test may have ended one.
    """
    if attempt % 10 == 0:
        found = await api.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")
        if error := pulling.why_not(found, f"Pod {pod} in {namespace}", container):
            raise error
        if reason := container_states.hopeless(found, container):
            raise DeploymentError(f"Pod {pod} in {namespace}, {reason}")


def _not_yet(error: BaseException) -> bool:
    # 400: the Pod has no node yet.
    return isinstance(error, streams.NotRunningError) or (isinstance(error, ApiError) and error.status == 400)
