"""Readiness probes as a kubelet's: thresholds, periods, deadlines. Time is what the test says it is."""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.engines.local import objects, parsing
from takeover.engines.local.inside.probes import Readiness

SOON = 0.01


def readiness(probe: dict[str, Any], ports: list[dict[str, Any]] | None = None) -> Readiness:
    container = {"name": "main", "image": "nginx", "readinessProbe": probe, "ports": ports or []}
    pod = parsing.parse(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    )
    assert isinstance(pod, objects.Pod)
    [parsed] = pod.spec.containers
    assert parsed.readiness_probe

    def run(command: list[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    return Readiness(parsed, parsed.readiness_probe, "127.0.0.1", run)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


@contextlib.contextmanager
def answering(server: socket.socket, answer: bytes) -> Iterator[list[bytes]]:
    """Answers one request, and keeps it."""
    asked: list[bytes] = []

    def serve() -> None:
        with server.accept()[0] as connection:
            asked.append(connection.recv(4096))
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield asked
    thread.join(60)


class Scripted(Readiness):
    """One whose probes give what is said."""

    def __init__(self, probe: dict[str, Any], results: str) -> None:
        other = readiness({"tcpSocket": {"port": 1}} | probe)
        super().__init__(other._container, other._probe, "", other._run)
        self._results = iter(results)
        self.asked = 0

    def _ask(self) -> tuple[bool, str]:
        self.asked += 1
        return next(self._results) == "+", f"look {self.asked}"


def looks(probe: dict[str, Any], results: str) -> str:
    """Whether it is ready after each of these results."""
    scripted = Scripted(probe, results)
    scripted.container_started(0)
    told = ""
    for _ in results:
        scripted.advance(scripted.due)
        told += "+" if scripted.ready else "-"
    return told


@pytest.mark.parametrize(
    ("probe", "results", "ready"),
    [
        ({}, "-+", "-+"),
        ({}, "+--+", "++++"),
        ({}, "+---", "+++-"),
        ({}, "+----+", "+++--+"),
        ({"failureThreshold": 1}, "+-+", "+-+"),
        ({"successThreshold": 2}, "++", "-+"),
        ({"successThreshold": 2}, "+-++", "---+"),
        ({"failureThreshold": 2}, "+-+-+--", "++++++-"),
    ],
)
def test_thresholds_count_what_came_one_after_the_other(probe: dict[str, Any], results: str, ready: str) -> None:
    assert looks(probe, results) == ready


def test_a_container_that_is_started_again_begins_anew() -> None:
    scripted = Scripted({"successThreshold": 2, "failureThreshold": 2}, "++-+-+")
    scripted.container_started(0)
    for _ in range(3):
        scripted.advance(scripted.due)
    before = scripted.ready
    scripted.container_started(100)
    assert (before, scripted.ready, scripted.due) == (True, False, 100)
    scripted.advance(100)
    assert scripted.ready is False  # the successes of before do not count


def test_before_it_is_ready_it_is_asked_often_and_then_by_its_period() -> None:
    scripted = Scripted({"initialDelaySeconds": 5, "periodSeconds": 7}, "-+-")
    scripted.container_started(100)
    assert (scripted.last_seen, scripted.due, scripted.ready) == ("not probed yet", 105, False)

    scripted.advance(104.9)
    assert scripted.asked == 0
    scripted.advance(105)
    assert (scripted.asked, scripted.last_seen, scripted.due) == (1, "look 1", 105 + SOON)
    scripted.advance(106)
    assert (scripted.ready, scripted.due) == (True, 113)
    scripted.advance(113)
    assert (scripted.asked, scripted.ready, scripted.due) == (3, True, 120)


def test_a_port_is_open_or_not(listening: socket.socket) -> None:
    port = port_of(listening)
    named = readiness({"tcpSocket": {"port": "web"}}, [{"name": "web", "containerPort": port}])
    named.advance(0)
    assert (named.ready, named.last_seen) == (True, f"port {port} is open")
    listening.accept()[0].close()

    with socket.socket() as silent:  # it keeps the port, at which nobody listens
        silent.bind(("127.0.0.1", 0))
        port = port_of(silent)
        closed = readiness({"tcpSocket": {"port": port}})
        closed.advance(0)
    assert closed.ready is False
    assert closed.last_seen == f"port {port}: [Errno 111] Connection refused"


def test_a_port_without_that_name_is_told() -> None:
    probed = readiness({"httpGet": {"port": "web"}}, [{"name": "other", "containerPort": 80}])
    probed.advance(0)

    assert (probed.ready, probed.last_seen) == (False, "the container has no port named 'web'")


@pytest.mark.parametrize(
    ("status", "ready"), [(200, True), (204, True), (302, True), (399, True), (400, False), (503, False)]
)
def test_what_an_answer_says(status: int, ready: bool, listening: socket.socket) -> None:
    probed = readiness({"httpGet": {"port": port_of(listening), "path": "/healthy?a=b"}, "timeoutSeconds": 10})
    with answering(listening, b"HTTP/1.1 %d Any\r\nContent-Length: 0\r\n\r\n" % status) as asked:
        probed.advance(0)

    assert asked[0].startswith(b"GET /healthy?a=b HTTP/1.1\r\n")
    assert b"User-Agent: kube-probe/" in asked[0]
    assert probed.ready is ready
    assert probed.last_seen == f"GET :{port_of(listening)}/healthy?a=b answered {status}"


@pytest.mark.parametrize("answer", [b"", b"no HTTP\r\n"])
def test_what_is_no_answer_is_a_failure(answer: bytes, listening: socket.socket) -> None:
    probed = readiness({"httpGet": {"port": port_of(listening)}, "timeoutSeconds": 10})
    with answering(listening, answer):
        probed.advance(0)

    assert (probed.ready, probed.last_seen) == (False, f"GET :{port_of(listening)}/ answered None")


def finished(probed: Readiness, now: float) -> None:
    """Looks again until its command has been taken in."""
    before = probed.last_seen

    def look() -> bool:
        probed.advance(now)
        return probed.last_seen != before

    Retrying(retry=retry_if_result(lambda seen: not seen), stop=stop_after_delay(60), wait=wait_fixed(0.01))(look)


@pytest.mark.parametrize(
    ("script", "ready", "told"),
    [
        ("exit 0", True, "exec exited with 0"),
        ("echo why; echo else >&2; exit 3", False, "exec exited with 3: why\nelse"),
        ("kill -9 $$", False, "exec exited with -9"),
    ],
)
def test_how_a_command_ends(script: str, ready: bool, told: str) -> None:
    probed = readiness({"exec": {"command": ["sh", "-c", script]}, "timeoutSeconds": 5})
    probed.advance(0)
    assert probed.last_seen == "not probed yet"
    finished(probed, 1)

    assert (probed.ready, probed.last_seen) == (ready, told)
    assert probed.due == 1 + (10 if ready else SOON)


def test_a_command_has_until_its_deadline() -> None:
    probed = readiness({"exec": {"command": ["sh", "-c", "echo begun; exec sleep 1000"]}, "timeoutSeconds": 2})
    probed.advance(10)
    command = probed._command
    assert isinstance(command, subprocess.Popen)
    Retrying(retry=retry_if_result(lambda there: not there), stop=stop_after_delay(60), wait=wait_fixed(0.01))(
        lambda: "sleep" in Path(f"/proc/{command.pid}/comm").read_text()
    )
    probed.advance(11.9)
    assert command.poll() is None
    assert probed.last_seen == "not probed yet"
    probed.advance(12)

    assert command.returncode == -9
    assert (probed.ready, probed.last_seen) == (False, "exec took over 2 s: begun")
    assert command.stdout
    assert command.stdout.closed
    assert probed.due == 12 + SOON
