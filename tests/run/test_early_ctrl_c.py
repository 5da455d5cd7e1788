"""Ctrl-C from the first moment that code of ours runs: exit code 2, never a traceback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.interrupting import console_script, set_up_clone, until_it_blocks, what_is_wrong
from benchmarks.leftovers import Tag
from tests.run.outside import ROOT, command

# Program → how many moments, and the seconds in which they lie.
MOMENTS = {"script": (24, 0.8), "takeover": (16, 0.6), "pytest": (24, 0.8), "workers": (12, 1.6)}
# A suite that only Ctrl-C ends, and that says that it is reached.
WAITS = "import signal\n\n\ndef test_it():\n    print('waiting', flush=True)\n    signal.pause()\n"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that is set up, with the environment of these tests."""
    folder = tmp_path_factory.mktemp("clone").resolve()
    (folder / "suites").mkdir()
    (folder / "suites/test_it.py").write_text(WAITS)
    return set_up_clone(folder)


def interrupted(arguments: list[str], folder: Path, seconds: float, wait: bool, **variables: str) -> tuple[int, str]:
    """The exit code and the output of a program that gets SIGINT `seconds` after it began.

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
        output, _ = process.communicate(timeout=300)
    return process.returncode, output


def moments(program: str) -> list[float]:
    number, seconds = MOMENTS[program]
    return [seconds * each / number for each in range(number)]


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
