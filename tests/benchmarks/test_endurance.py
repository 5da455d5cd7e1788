"""Suites again and again: each time is made, and nothing is left, also where it is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import descendants
from takeover.evidence.quiescence import waited_for
from tests.run.outside import ROOT


def endurance(folder: Path, times: int, *words: str) -> "subprocess.Popen[str]":
    chosen = ["-n0", "-k", "nginx_itself_answers", f"--reports={folder}"]
    command = [sys.executable, "-m", "benchmarks.endurance", str(times), *words, *chosen]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_each_time_is_made(tmp_path: Path) -> None:
    with endurance(tmp_path, 3) as process:
        told, _ = process.communicate(timeout=300)
    assert told.startswith("3 times all suites"), told
    assert "6 passed" in told
    assert process.returncode == 0


def test_nothing_is_left_of_one_that_is_killed(tmp_path: Path) -> None:
    process = endurance(tmp_path, 2, "--busy")
    assert process.stdout
    assert "each kept busy" in process.stdout.readline()
    process.stdout.read(1)  # pytest has begun
    below = [child for child, _ in descendants(process.pid)]
    assert len(below) >= (os.cpu_count() or 1)
    process.send_signal(signal.SIGKILL)
    process.wait()

    def left() -> str:
        return ", ".join(str(each) for each in below if Path(f"/proc/{each}/exe").exists())

    assert waited_for(left, 60) == ""
    process.stdout.close()
