"""However a run ends, nothing of it stays behind; and two runs do not meet."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.cache import cache_folder
from takeover.engines.local import host

ROOT = Path(__file__).parents[3]
WORKSHOP = ROOT / "tests/engines/scenarios/workshop"
PROGRAM = [sys.executable, str(Path(__file__).with_name("deploy_and_wait.py")), str(WORKSHOP)]


class WatchedRun:
    """A run in a process of its own; all of its processes but the containers' can be told by their environment.

    When a node's first process is gone, so is everything in it: the kernel waits for that.
    """

    def __init__(self, tmp_path: Path) -> None:
        self._tag = f"TAKEOVER_TEST_RUN={uuid.uuid4()}"
        name, _, value = self._tag.partition("=")
        environment = os.environ | {name: value, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
        self.process = subprocess.Popen(
            PROGRAM, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, text=True
        )

    def is_ready(self) -> dict[str, str]:
        assert self.process.stdout
        facts: dict[str, str] = json.loads(self.process.stdout.readline())
        return facts

    def end(self) -> int:
        self.process.communicate("\n", timeout=20)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)

    def left(self) -> list[str]:
        """The command lines of its processes."""
        return list(self._processes())

    def _processes(self) -> Iterator[str]:
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if self._tag in (folder / "environ").read_bytes().decode(errors="replace").split("\0"):
                        yield (folder / "cmdline").read_text().replace("\0", " ")
                except OSError:
                    continue  # gone meanwhile, or not ours to read

    def wait_until_gone(self) -> None:
        waiting = Retrying(retry=retry_if_result(bool), stop=stop_after_delay(10), wait=wait_fixed(0.05))
        waiting(self.left)


def test_an_ended_run_leaves_machine_and_folders_as_they_were(tmp_path: Path) -> None:
    def machine() -> dict[str, object]:
        iptables = shutil.which("iptables-save", path=host.path_of_root())
        rules = subprocess.run([iptables], capture_output=True, text=True).stdout if iptables else ""
        return {
            "links": sorted(each.name for each in Path("/sys/class/net").iterdir()),
            "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
            "rules": [line for line in rules.splitlines() if not line.startswith(("#", ":"))],
            "named networks": sorted(each.name for each in Path("/run/netns").glob("*")),
            "control groups": sorted(str(each) for each in Path("/sys/fs/cgroup").glob("*/*")),
            "cache": sorted(str(each) for each in cache_folder().glob("*/*")),
            "temporary files": list(tmp_path.iterdir()),
        }

    before = machine()
    run = WatchedRun(tmp_path)
    facts = run.is_ready()
    while_running = machine()
    processes = run.left()

    assert run.end() == 0
    assert run.left() == []
    assert machine() == while_running == before
    assert facts["seen"] == facts["mark"]
    assert len(processes) >= 4  # itself, the launcher, the node's first process and worker


@pytest.mark.parametrize("moment", [None, *(pytest.param(n, id=f"moment-{n}") for n in range(4))])
def test_a_killed_run_leaves_nothing(tmp_path: Path, moment: int | None) -> None:
    """Killed at a random moment of its first second, or when it is Ready."""
    run = WatchedRun(tmp_path)
    if moment is None:
        run.is_ready()
    else:
        time.sleep(random.uniform(0.25 * moment, 0.25 * (moment + 1)))  # noqa: S311 - no secret
    run.kill()

    run.wait_until_gone()
    assert list(tmp_path.iterdir()) == []


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    runs = [WatchedRun(tmp_path) for _ in range(2)]
    facts = [each.is_ready() for each in runs]

    assert [each["seen"] for each in facts] == [each["mark"] for each in facts]
    assert facts[0]["mark"] != facts[1]["mark"]
    assert [each.end() for each in runs] == [0, 0]
