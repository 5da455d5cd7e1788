"""exec and port-forward: the API's websockets with their channels."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp

from takeover.base.errors import LostError, TakeoverError
from takeover.engines.kubernetes.api import Api
from takeover.model.execution import ExecResult

STDIN, STDOUT, STDERR, STATUS = 0, 1, 2, 3
_CLOSE = 255
_EXEC_PROTOCOL = "v5.channel.k8s.io"
"""The first that can end stdin; Kubernetes 1.30 speaks it."""
_FORWARD_PROTOCOL = "v4.channel.k8s.io"
_CHUNK = 1 << 15
_END_TIMEOUT = 10.0
_END_SCRIPT = r"""
wanted=$(printf '%s\n' "$@")
for leader in /proc/[0-9]*; do
    [ "$(tr '\0' '\n' 2>/dev/null <"$leader/cmdline")" = "$wanted" ] || continue
    for each in /proc/[0-9]*; do
        read -r line 2>/dev/null <"$each/stat" || continue
        set -- ${line##*) }
        [ "/proc/$4" != "$leader" ] || kill -KILL "${each#/proc/}"
    done
done
"""
"""Each command of an exec has a session of its own, named by its first process (proc(5): the sixth field of stat)."""
_SCRIPT = r"""
end=$1; shift
exec 3>&2 2>/dev/null
(exec "$@" 2>&3 3>&-)
code=$?
case $code in 126|127) [ -x "$(command -v "$1")" ] || end=$end?;; esac
{read}printf %s "$end"; printf %s "$end" >&3
exit "$code"
"""
"""Runs a command, and says at the end of both outputs that they are whole: an exec that is cut off, as a kubelet dies,
ends with "Success" as one that went well, whatever has come by then.
"""
_READ_ALL = "cat >/dev/null; "
"""What a command leaves of its stdin has to be read: an API server may wait forever to pass it on, and never tell that
the command has ended (about one in seven `kubectl exec -i POD -- true <FILE` of 1 MiB, with Kubernetes 1.34)."""
_NO_SHELL = 'exec: "sh": executable file not found'


class NotRunningError(TakeoverError):
    """The container does not run (yet, or any more)."""


class NoShellError(TakeoverError):
    """The container has no shell."""


class ExecStream:
    """A command that runs in a container."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, where: str) -> None:
        self._socket = socket
        self._where = where
        self.exit_code: int | None = None

    async def send(self, data: bytes) -> None:
        """Hands bytes to stdin."""
        for start in range(0, len(data), _CHUNK):
            await self._socket.send_bytes(bytes([STDIN]) + data[start : start + _CHUNK])

    async def end_stdin(self) -> None:
        """Ends stdin; the outputs go on."""
        await self._socket.send_bytes(bytes([_CLOSE, STDIN]))

    async def outputs(self) -> AsyncIterator[tuple[int, bytes]]:
        """Yields (STDOUT or STDERR, bytes) until the command has ended; then `exit_code` is set.

        Raises: NotRunningError, TakeoverError when it could not be run or the connection was lost.
        """
        async for message in self._socket:
            if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                continue
            data = message.data if isinstance(message.data, bytes) else message.data.encode()
            if data[:1] == bytes([STATUS]):
                self.exit_code = self._exit_code(data[1:])
            elif data[:1] in (b"\x01", b"\x02") and len(data) > 1:
                yield data[0], data[1:]
        if self.exit_code is None:
            code = self._socket.close_code
            raise LostError(f"the connection to {self._where} was lost (websocket code {code})")

    def _exit_code(self, data: bytes) -> int:
        status = json.loads(data)
        if status.get("status") == "Success":
            return 0
        causes = status.get("details", {}).get("causes", [])
        for cause in causes:
            if cause.get("reason") == "ExitCode":
                return int(cause["message"])
        message = status.get("message", "")
        if "container not found" in message or "not running" in message or "is not created or running" in message:
            raise NotRunningError(f"{self._where} does not run: {message}")
        if _NO_SHELL in message:
            raise NoShellError(f"{self._where} has no shell")
        # Who passes the command on may be gone; who runs it says so.
        kind = TakeoverError if "error executing command" in message else LostError
        raise kind(f"cannot run a command in {self._where}: {message}")


@asynccontextmanager
async def execution(
    api: Api, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bool
) -> AsyncIterator[ExecStream]:
    """Starts a command in a container."""
    params = [("container", container), ("stdout", "true"), ("stderr", "true"), ("stdin", str(stdin).lower())]
    params += [("command", word) for word in command]
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
    async with api.websocket("exec", path, params, _EXEC_PROTOCOL) as socket:
        yield ExecStream(socket, f"container {container} of Pod {pod} in {namespace}")


async def execute(
    api: Api, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes, timeout: float
) -> ExecResult:
    """Runs a command to its end, by the container's shell; without one, if it has none and there is no stdin.

    Raises: TimeoutError, NotRunningError, LostError for what may not be all of it, TakeoverError.
    """
    end = secrets.token_hex(16)
    script = _SCRIPT.replace("{read}", _READ_ALL if stdin else "")
    try:
        result = await _run(api, namespace, pod, container, ["sh", "-c", script, "run", end, *command], stdin, timeout)
    except NoShellError:
        if stdin:
            raise
        result = await _run(api, namespace, pod, container, command, stdin, timeout)
        # Who cut it off would not answer now.
        await api.log(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", container, last_lines=1)
        return result
    except TimeoutError:
        raise TimeoutError(f"{' '.join(command)!r} in {pod}/{container} did not end within {timeout:g} s") from None
    where = f"container {container} of Pod {pod} in {namespace}"
    if f"{end}?".encode() in result.stderr:
        raise TakeoverError(f"cannot run a command in {where}: {command[0]}: executable file not found in its PATH")
    outputs = [each.rpartition(end.encode()) for each in (result.stdout, result.stderr)]
    # Another code than 0 is the runtime's own: the container, for instance, has ended meanwhile.
    if result.exit_code == 0 and not all(found for _, found, _ in outputs):
        raise LostError(f"{' '.join(command)!r} in {where} was cut off: its outputs are not whole")
    # What it left running may have written after it.
    return ExecResult(result.exit_code, *(before + after for before, _, after in outputs))


async def _run(
    api: Api, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes, timeout: float
) -> ExecResult:
    collected = {STDOUT: bytearray(), STDERR: bytearray()}
    try:
        async with (
            asyncio.timeout(timeout),
            execution(api, namespace, pod, container, command, bool(stdin)) as running,
        ):
            feeding = asyncio.ensure_future(_feed(running, stdin))
            try:
                async for channel, data in running.outputs():
                    collected[channel] += data
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
    except TimeoutError:
        with suppress(TakeoverError, TimeoutError):  # the container may be gone, or have no shell
            await _end(api, namespace, pod, container, command)
        raise
    return ExecResult(running.exit_code or 0, bytes(collected[STDOUT]), bytes(collected[STDERR]))


async def _end(api: Api, namespace: str, pod: str, container: str, command: Sequence[str]) -> None:
    """Ends a command that goes on without us, as the API cannot, with all that it started."""
    async with (
        asyncio.timeout(_END_TIMEOUT),
        execution(api, namespace, pod, container, ["sh", "-c", _END_SCRIPT, "end", *command], False) as running,
    ):
        async for _ in running.outputs():
            pass


async def _feed(running: ExecStream, stdin: bytes) -> None:
    if stdin:
        await running.send(stdin)
        await running.end_stdin()


class Forwarding:
    """A port-forward's data as callbacks; `send` hands bytes to the port."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, data: bytes) -> None:
        """Sends to the port."""
        for start in range(0, len(data), _CHUNK):
            await self._socket.send_bytes(b"\x00" + data[start : start + _CHUNK])

    async def receive(self, data: Callable[[bytes], None]) -> str:
        """Calls `data` for all that comes, until the connection ends. Returns the kubelet's error text, "" if none."""
        # Each of both channels (data, error) begins with two bytes that repeat the port.
        headers_due = {0, 1}
        error = b""
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, payload = message.data[0], message.data[1:]
            if channel in headers_due:
                headers_due.discard(channel)
                payload = payload[2:]
            if channel == 0 and payload:
                data(payload)
            elif channel == 1:
                error += payload
        return error.decode(errors="replace")


@asynccontextmanager
async def forwarding(api: Api, namespace: str, pod: str, port: int) -> AsyncIterator[Forwarding]:
    """Opens a port of the Pod's loopback."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
    async with api.websocket("portforward", path, [("ports", str(port))], _FORWARD_PROTOCOL) as socket:
        yield Forwarding(socket)
