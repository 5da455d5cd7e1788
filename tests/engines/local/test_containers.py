"""A container's life: started, noticed when it ends, started again as its Pod says, and after how long."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from takeover.engines.local import objects, parsing
from takeover.engines.local.inside.containers import RunningContainer


class Process:
    """A process that ends when the test says so."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.waited: list[float | None] = []

    def poll(self) -> int | None:
        return self.code

    def wait(self, timeout: float | None = None) -> int:
        self.waited.append(timeout)
        if self.code is None:
            if timeout is not None:
                raise subprocess.TimeoutExpired("x", timeout)
            self.code = -9
        return self.code


class Runtime:
    """One that starts such processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Process] = []
        self.forgotten: list[str] = []
        self.pids: dict[str, int] = {}

    def prepare(self, identity: str, *_: object) -> Path:
        return self.folder / identity

    def start(self, identity: str, log: Path) -> Process:
        assert log.exists()
        self.started.append(Process())
        self.pids[identity] = 1 << 22  # more than any process of this machine has
        return self.started[-1]

    def forget(self, identity: str) -> None:
        self.forgotten.append(identity)

    def pid(self, identity: str) -> int | None:
        return self.pids.get(identity)


class Life:
    """A container and its runtime."""

    def __init__(self, folder: Path, restart: str, probe: dict[str, Any] | None = None) -> None:
        spec = {"name": "main", "image": "nginx"} | ({"readinessProbe": probe} if probe else {})
        pod = parsing.parse(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [spec]}}
        )
        assert isinstance(pod, objects.Pod)
        self.runtime = Runtime(folder)
        image: Any = None
        runtime: Any = self.runtime
        self.container = RunningContainer(
            pod.spec.containers[0], "1-main", runtime, image, restart, folder / "logs" / "main.log", "127.0.0.1"
        )

    def end(self, code: int, now: float) -> bool:
        """Ends its process, and looks."""
        self.runtime.started[-1].code = code
        return self.container.advance(now)


@pytest.mark.parametrize(
    ("restart", "code", "again"),
    [
        ("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 0, False),
        ("Never", 1, False),
    ],
)  # fmt: skip
def test_whether_it_is_started_again(restart: str, code: int, again: bool, tmp_path: Path) -> None:
    life = Life(tmp_path, restart)
    assert (life.container.status().state, life.container.ready) == ("waiting", False)
    assert life.container.advance(1) is True
    assert (life.container.status().state, life.container.ready) == ("running", True)

    assert life.end(code, 2) is again

    status = life.container.status()
    assert (status.state, status.exit_code, status.restarts) == ("waiting" if again else "exited", code, int(again))
    assert life.container.exit_code == (None if again else code)
    assert life.runtime.forgotten == ["1-main"] * again
    life.container.advance(2)
    assert len(life.runtime.started) == 1 + again
    assert life.container.running is again


def test_how_long_it_waits_before_it_is_started_again(tmp_path: Path) -> None:
    """At once, then 10 s, twice as long each time, 5 minutes at most."""
    life, now, waited = Life(tmp_path, "Always"), 1000.0, []
    life.container.advance(now)
    for _ in range(8):
        life.end(1, now)
        began = now
        while not life.container.advance(now):
            now += 0.5
        waited.append(now - began)

    assert waited == [0, 10, 20, 40, 80, 160, 300, 300]
    assert life.container.status().restarts == 8


def test_a_signal_is_told_as_a_shell_does(tmp_path: Path) -> None:
    life = Life(tmp_path, "Never")
    life.container.advance(0)
    life.end(-15, 1)

    assert life.container.exit_code == 143
    assert life.container.advance(2) is False
    assert life.container.exit_code == 143


def test_something_is_under_way_until_it_has_a_process_and_its_probe_succeeds(tmp_path: Path) -> None:
    life = Life(tmp_path, "Always")
    life.container.advance(0)
    assert life.container.advance(1) is False
    del life.runtime.pids["1-main"]
    assert life.container.advance(1) is True

    probed = Life(tmp_path, "Always", {"tcpSocket": {"port": "nobody"}, "periodSeconds": 5})
    assert probed.container.next_probe == float("inf")
    assert probed.container.status().probe == "not probed yet"
    probed.container.advance(1)
    assert probed.container.next_probe == 1
    assert probed.container.advance(1) is True
    assert probed.container.status().ready is False
    assert "no port named 'nobody'" in probed.container.status().probe
    assert probed.container._probe
    probed.container._probe.ready = True
    assert probed.container.status().ready is True
    assert probed.container.advance(1) is False
    probed.end(0, 2)
    assert probed.container.status().ready is False
    assert probed.container.next_probe == float("inf")


def test_what_does_not_end_in_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life, signals = Life(tmp_path, "Never"), list[tuple[int, int]]()
    monkeypatch.setattr("os.kill", lambda pid, number: signals.append((pid, number)))
    life.container.wait_or_kill(0)  # it was never started
    life.container.terminate()
    assert signals == []

    life.container.advance(0)
    life.container.terminate()
    life.container.wait_or_kill(0)
    assert signals == [(1 << 22, 15), (1 << 22, 9)]
    assert life.runtime.started[0].waited == [0.0, None]

    life.container.advance(1)
    life.container.terminate()
    life.container.wait_or_kill(0)
    assert len(signals) == 2  # it has ended


def test_files_of_its_pod_take_the_place_of_what_is_there(tmp_path: Path) -> None:
    life = Life(tmp_path, "Never")
    etc = tmp_path / "1-main" / "etc"
    etc.mkdir(parents=True)
    (tmp_path / "outside").write_text("outside")
    (etc / "resolv.conf").symlink_to(tmp_path / "outside")
    life.container.prepare(tmp_path, "pod", [], {"resolv.conf": "nameserver x", "hosts": "a b"})

    assert {each.name: each.read_text() for each in etc.iterdir()} == {"resolv.conf": "nameserver x", "hosts": "a b"}
    assert (tmp_path / "outside").read_text() == "outside"
    assert (life.container.log, life.container.log.read_text()) == (tmp_path / "logs" / "main.log", "")
