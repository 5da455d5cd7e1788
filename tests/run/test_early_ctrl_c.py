"""Ctrl-C from the first moment that code of ours runs: exit code 2, never a traceback."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.interrupting import console_script, set_up_clone, until_it_blocks, what_is_wrong
from benchmarks.leftovers import Tag
from tests.run.outside import ROOT, command

# Program → how many moments, and the seconds in which they lie.
MOMENTS = {"script": (24, 0.8), "takeover": (16, 0.6), "pytest": (24, 0.8), "workers": (12, 1.6)}
# A suite that only Ctrl-C ends, and that says that it is reached. signal.pause() never hears of one that comes just
# before it, and who has said that it waits is soon sent one.
WAITS = "import time\n\n\ndef test_it():\n    print('waiting', flush=True)\n    while True:\n        time.sleep(0.1)\n"
# Python itself loses one that comes while it removes the lock of a module that was imported, says so, and goes on.
LOST = re.compile(r"Exception ignored in: <function _get_module_lock\.(?:.*\n){1,9}?KeyboardInterrupt: ?\n")
LOSES_ONE = """
import signal, weakref

def _get_module_lock():
    def removed(_): signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return removed

module = type("Module", (), {})()
watched = weakref.ref(module, _get_module_lock())
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
while signal.SIGINT not in signal.sigpending(): pass
del module
while True: pass  # signal.pause() would never hear of one that comes just before it
"""
DEADLINE = 120.0
"""Seconds after which a program that goes on is killed."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that is set up, with the environment of these tests."""
    folder = tmp_path_factory.mktemp("clone").resolve()
    (folder / "suites").mkdir()
    (folder / "suites/test_it.py").write_text(WAITS)
    return set_up_clone(folder)


def interrupted(arguments: list[str], folder: Path, seconds: float, wait: bool, **variables: str) -> tuple[int, str]:
    """The exit code and output of a program that gets SIGINT `seconds` after it began, and again where Python lost it.

    Args:
        wait: begin to count when it blocks the signal: before, it is not our program yet.
    """
    with subprocess.Popen(
        arguments,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        if wait:
            until_it_blocks(process.pid)
        time.sleep(seconds)  # a moment, not a condition
        os.killpg(process.pid, signal.SIGINT)
        output = _heard(process)
    return process.returncode, output


def _heard(process: subprocess.Popen[str]) -> str:
    """What the program says until it ends; one that does not is killed."""
    assert process.stdout is not None
    output = ""
    killing = threading.Timer(DEADLINE, os.killpg, (process.pid, signal.SIGKILL))
    killing.start()
    try:
        for line in process.stdout:
            output, lost = LOST.subn("", output + line)
            if lost:
                os.killpg(process.pid, signal.SIGINT)
        process.wait()
    finally:
        killing.cancel()
    return output


def moments(program: str) -> list[float]:
    number, seconds = MOMENTS[program]
    return [seconds * each / number for each in range(number)]


def test_one_that_python_lost_is_sent_again(clone: Path) -> None:
    code, output = interrupted([sys.executable, "-c", LOSES_ONE], clone, 0, wait=True)
    assert (code, "Exception ignored" in output) == (-signal.SIGINT, False)


@pytest.mark.parametrize("seconds", moments("script"))
def test_the_script(clone: Path, seconds: float) -> None:
    code, output = interrupted(["./run", "-s"], clone, seconds, wait=True)
    assert what_is_wrong(code, output, ours=True) == ""


def test_the_script_while_it_sets_up(clone: Path) -> None:
    """What takes long hears of it at once."""
    takes_long = 'set_up() { interruptible sleep 1000 || fail 3 "sleep could not sleep"; }'
    source = (ROOT / "run").read_text().replace("\nset_up ", f"\n{takes_long}\nset_up ")
    script = clone / "sets-up"
    script.write_text(source)
    script.chmod(0o755)
    assert interrupted(["./sets-up"], clone, 0.3, wait=True) == (2, "sets-up: interrupted\n")


@pytest.mark.parametrize(
    ("program", "seconds"), [(each, moment) for each in ("takeover", "pytest", "workers") for moment in moments(each)]
)
def test_a_program(clone: Path, program: str, seconds: float, new_tag: Callable[[], Tag]) -> None:
    tag = new_tag()
    arguments = {
        "takeover": [sys.executable, "-c", console_script("takeover"), "compare", "nothing", "here"],
        "pytest": command("-s", "-n0", "suites"),
        "workers": command("-n2", "suites"),
    }[program]
    code, output = interrupted(arguments, clone, seconds, wait=False, **tag.environment)
    assert what_is_wrong(code, output) == ""
    assert tag.processes() == []


@pytest.mark.parametrize("module", ["takeover.cli.start", "takeover.run.start", "takeover.run.plugin"])
def test_while_what_guards_is_imported(module: str) -> None:
    """The only moment that nothing guards yet."""
    program = f"""
import signal
import sys

class Finder:
    def find_spec(self, name, *_):
        if name == "takeover.base.ctrl_c":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Finder())
import {module}
print("it went on")
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "\ninterrupted\n")
