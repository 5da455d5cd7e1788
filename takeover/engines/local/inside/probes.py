"""Readiness probes: httpGet, tcpSocket and exec, with a kubelet's thresholds.

Until a container is ready for the first time it is probed every few milliseconds, not every `periodSeconds`: waiting
out a period would only cost time. From then on the period is the manifest's.
"""

import os
import socket
import time
from collections.abc import Callable
from typing import IO, Protocol

from takeover.engines.local.objects import Container, Probe
from takeover.net import http1
from takeover.net.bounds import EndlessError, receive
from takeover.node.stream import SocketStream

_FIRST_PERIOD = 0.01
_MOST_OUTPUT = 10 << 10
_MOST_HEAD = 64 << 10


class Command(Protocol):
    """A process of an exec probe, as `subprocess.Popen` is one."""

    stdout: IO[bytes] | None

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...
    def wait(self) -> int: ...


class Readiness:
    """The readiness of one container. Times are seconds on the monotonic clock."""

    def __init__(
        self,
        container: Container,
        probe: Probe,
        pod_ip: str,
        run: Callable[[list[str]], Command],
    ) -> None:
        self._container = container
        self._probe = probe
        self._ip = pod_ip
        self._run = run
        self._command: Command | None = None
        self._command_deadline = 0.0
        self._successes = self._failures = 0
        self.ready = False
        self.due = 0.0
        self.last_seen = "not probed yet"

    def container_started(self, now: float) -> None:
        """Begins anew: a container that was just started is not ready."""
        self.ready = False
        self._successes = self._failures = 0
        self.due = now + self._probe.initial_delay_seconds

    def advance(self, now: float) -> None:
        """Probes if that is due, and takes in the result."""
        if self._command is not None:
            self._finish(self._command, now)
        elif now >= self.due:
            if self._probe.exec is not None:
                self._begin(self._probe.exec.command, now)
            else:
                self._take(*self._ask(), now)

    def _begin(self, command: list[str], now: float) -> None:
        try:
            self._command = self._run(command)
        except OSError as error:  # the container runs no program yet, or none any more
            self._take(False, f"exec: {error.strerror or error}", now)
        else:
            self._command_deadline = now + self._probe.timeout_seconds

    def _ask(self) -> tuple[bool, str]:
        http_get, tcp = self._probe.http_get, self._probe.tcp_socket
        asked = http_get.port if http_get else tcp.port if tcp else ""
        port = self._container.port_number(asked)
        if port is None:
            return False, f"the container has no port named {asked!r}"
        try:
            if http_get is None:
                socket.create_connection((self._ip, port), self._probe.timeout_seconds).close()
                return True, f"port {port} is open"
            status = _status(self._ip, port, http_get.path, self._probe.timeout_seconds)
            return status is not None and 200 <= status < 400, f"GET :{port}{http_get.path} answered {status}"
        except (OSError, EndlessError) as error:
            return False, f"port {port}: {str(error) or type(error).__name__}"

    def _finish(self, command: Command, now: float) -> None:
        code = command.poll()
        if code is None:
            if now < self._command_deadline:
                return
            command.kill()
            command.wait()
        output = ""
        if command.stdout:
            # What it left behind may hold its output open, and write on.
            os.set_blocking(command.stdout.fileno(), False)
            output = (command.stdout.read(_MOST_OUTPUT) or b"").decode(errors="replace").strip()
            command.stdout.close()
        self._command = None
        seen = f"exec exited with {code}" if code is not None else f"exec took over {self._probe.timeout_seconds} s"
        self._take(code == 0, f"{seen}: {output}" if output else seen, now)

    def _take(self, success: bool, seen: str, now: float) -> None:
        self.last_seen = seen
        if success:
            self._successes, self._failures = self._successes + 1, 0
            self.ready = self.ready or self._successes >= self._probe.success_threshold
        else:
            self._successes, self._failures = 0, self._failures + 1
            self.ready = self.ready and self._failures < self._probe.failure_threshold
        # The manifest's period holds from the first success on.
        self.due = now + (self._probe.period_seconds if self.ready else _FIRST_PERIOD)


def _status(address: str, port: int, path: str, within: float) -> int | None:
    """What is answered to a GET: the whole exchange, connection included, takes no longer than that.

    Raises: OSError, EndlessError where only heads come.
    """
    deadline = time.monotonic() + within
    host = address if port == 80 else f"{address}:{port}"
    headers = f"Host: {host}\r\nAccept-Encoding: identity\r\nUser-Agent: kube-probe/local"
    with socket.create_connection((address, port), within) as connection:
        stream, received = SocketStream(connection), b""
        stream.send(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode(), max(0.001, deadline - time.monotonic()))
        while (answer := http1.read(received, "GET")).status is None:
            data = receive(stream, deadline, len(received), _MOST_HEAD, flowing=0)
            if not data:
                break
            received += data
        return answer.status
