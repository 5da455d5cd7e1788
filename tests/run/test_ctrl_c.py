"""Ctrl-C from outside, at every moment that was once a bad one; and --keep, which it ends."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.run.outside import CONFIG, ROOT, command, one_line, run


@pytest.mark.parametrize(
    "arguments", [["suites/inbound", "-k", "test_from_inside", "--keep"], ["suites", "-v"], ["suites", "-v", "-n", "2"]]
)
def test_ctrl_c(arguments: list[str], new_tag: Callable[[], Any]) -> None:
    keep = "--keep" in arguments
    tag = new_tag()
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, env=tag.environment, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if "envoy-traffic-mock/nginx: nsenter" in line or (not keep and "PASSED" in line):
                break
        if keep:
            enter = seen[-1].split(": ", 1)[1].split()[:-1]
            inside = subprocess.run([*enter, "sh", "-c", "hostname; id -u"], capture_output=True, text=True)
            assert inside.stdout.split() == ["envoy-traffic-mock", "0"]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=300)
    assert "Traceback" not in rest
    assert process.returncode == (0 if keep else 2)
    assert tag.processes() == []


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_ctrl_c_so_long_after_the_first_deployment_began(
    seconds: float, workers: str, new_tag: Callable[[], Any]
) -> None:
    tag = new_tag()
    with subprocess.Popen(
        command("suites", "-v", "-n", workers),
        cwd=ROOT,
        env=tag.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdout is not None
        seen = [next(line for line in process.stdout if re.search(r"\bcollected |^\d+ workers \[", line))]
        time.sleep(seconds)  # a moment, not a condition
        process.send_signal(signal.SIGINT)
        time.sleep(seconds)  # and an impatient one after it
        process.send_signal(signal.SIGINT)
        seen += process.communicate(timeout=300)
    assert "Traceback" not in "".join(filter(None, seen))
    assert process.returncode == 2, seen
    assert tag.processes() == []


def test_ctrl_c_where_python_has_no_line_number(suite: Path) -> None:
    (suite / "test_it.py").write_text(
        """
def interrupted():
    raise KeyboardInterrupt

def test_it():
    # Entries "no location" (Objects/locations.md in CPython), each for one instruction.
    nowhere = bytes([0xF8]) * (len(interrupted.__code__.co_code) // 2)
    interrupted.__code__ = interrupted.__code__.replace(co_linetable=nowhere)
    interrupted()
"""
    )
    result = run(str(suite))

    assert "KeyboardInterrupt" in one_line(result)
    assert result.returncode == 2


def test_ctrl_c_within_code_that_was_written_by_code(suite: Path) -> None:
    (suite / "test_it.py").write_text("def test_it():\n    exec('raise KeyboardInterrupt')\n")
    result = run(*CONFIG, str(suite))

    assert "KeyboardInterrupt" in one_line(result)
    assert result.returncode == 2


def test_ctrl_c_while_something_is_made(suite: Path) -> None:
    (suite / "test_it.py").write_text(
        """
import socket

def test_it():
    socket.socketpair()
    raise KeyboardInterrupt
"""
    )
    result = run(*CONFIG, str(suite))

    assert "KeyboardInterrupt" in one_line(result)
    assert result.returncode == 2


@pytest.mark.parametrize(
    ("event", "function"),
    [("c_return", "__enter__"), ("call", "__exit__"), ("c_return", "_release_save"), ("call", "_acquire_restore")],
)
def test_ctrl_c_while_a_lock_is_taken_or_left(suite: Path, event: str, function: str) -> None:
    (suite / "test_it.py").write_text(
        f"""
import queue
import signal
import sys
import threading
import time

def test_it():
    def look(frame, event, _):
        code = frame.f_code
        if (event, code.co_name, code.co_filename) == ({event!r}, {function!r}, threading.__file__):
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    tasks = queue.Queue()
    sys.setprofile(look)
    try:
        try:
            tasks.get(timeout=0.5)
        except queue.Empty:
            time.sleep(30)
    finally:
        print("taken:", tasks.mutex.locked())
"""
    )
    begun = time.monotonic()
    result = run(*CONFIG, "-s", str(suite))

    assert "KeyboardInterrupt" in one_line(result)
    assert "taken: False" in result.stdout
    assert result.returncode == 2
    assert time.monotonic() - begun < 30


def test_ctrl_c_while_something_is_removed_from_memory(suite: Path) -> None:
    (suite / "test_it.py").write_text(
        """
import time

class Removed:
    def __del__(self):
        raise KeyboardInterrupt

def test_it():
    Removed()
    time.sleep(30)
"""
    )
    result = run(*CONFIG, str(suite))

    assert "KeyboardInterrupt" in one_line(result)
    assert result.returncode == 2


def test_ctrl_c_while_something_is_removed_from_memory_before_the_run_has_begun(suite: Path) -> None:
    with (suite / "conftest.py").open("a") as conftest:
        conftest.write("""
import signal
import sys

class Removed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

class Finder:
    def find_spec(self, name, *_):
        if name == "takeover.run.wiring":
            Removed()

sys.meta_path.insert(0, Finder())
""")
    (suite / "test_it.py").write_text("import time\n\ndef test_it():\n    time.sleep(20)\n")
    result = run(*CONFIG, str(suite))

    one_line(result)
    assert result.returncode == 2


def test_ctrl_c_while_the_run_ends(suite: Path) -> None:
    with (suite / "conftest.py").open("a") as conftest:
        conftest.write("""
def pytest_sessionfinish():
    raise KeyboardInterrupt
""")
    result = run(str(suite), "-k", "nothing")

    assert "Exit: Ctrl-C came while the run ended" in one_line(result)
    assert result.returncode == 2


def test_a_worker_that_ends_is_not_said_to_be_interrupted(suite: Path) -> None:
    """Its controller sends it the signal at any moment until it hears that the worker has finished, and later."""
    with (suite / "conftest.py").open("a") as conftest:
        conftest.write("""
import os
import pathlib
import signal

from takeover.run import removal
from takeover.run.scene_pool import ScenePool

worker = os.environ.get("PYTEST_XDIST_WORKER")
close, told_where_long = ScenePool.close, removal.told_where_long

def closed(pool):
    pathlib.Path(__file__).with_name(f"removed by {worker}").touch()
    close(pool)

def interrupted(what):  # called while what was made is being removed
    signal.raise_signal(signal.SIGINT)
    return told_where_long(what)

if worker:
    ScenePool.close = closed
    removal.told_where_long = interrupted

def pytest_sessionfinish():
    if worker:
        signal.raise_signal(signal.SIGINT)
""")
    result = run(str(suite), "-n2", "no-such-file.py")

    assert "Ctrl-C" not in one_line(result)
    assert list(suite.glob("removed by gw*"))  # the other may have been ended before it began
    assert "file or directory not found: no-such-file.py" in result.stderr
    assert result.returncode == 4
