"""Ctrl-C from the first moment that code of ours runs: exit code 2, never a traceback."""

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_none

from tests.run.outside import ROOT, command

# Program → how many moments, and the seconds in which they lie.
MOMENTS = {"script": (24, 0.8), "takeover": (16, 0.6), "pytest": (24, 0.8), "workers": (12, 1.6)}
# A suite that only Ctrl-C ends, and that says that it is reached.
WAITS = "import signal\n\n\ndef test_it():\n    print('waiting', flush=True)\n    signal.pause()\n"
# Python, and pytest before it has loaded the plugin, begin before anything of ours does: they know no better.
NOT_OURS = re.compile(r"^KeyboardInterrupt\b", re.MULTILINE)
PYTHON = f"""#!/bin/sh
exec {sys.executable} "$@"
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that is set up, with the environment of these tests."""
    folder = tmp_path_factory.mktemp("clone").resolve()
    for each in ("run", "test", "pyproject.toml", "locks", ".setup", "takeover", "manifests"):
        (folder / each).symlink_to(ROOT / each)
    (folder / "run").unlink()
    (folder / "run").write_bytes((ROOT / "run").read_bytes())
    (folder / "run").chmod(0o755)
    (folder / ".setup").unlink()
    (folder / ".setup").mkdir()
    (folder / ".setup/environment.sh").write_bytes((ROOT / ".setup/environment.sh").read_bytes())
    (folder / "suites").mkdir()
    (folder / "suites/test_it.py").write_text(WAITS)
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").write_text(PYTHON)
    (folder / ".venv/bin/python").chmod(0o755)
    look = 'source .setup/environment.sh; { foundation; requirements; } >"$venv/set-up"; touch "$venv/lab-$EUID"'
    subprocess.run(["bash", "-c", look], cwd=folder, check=True)
    return folder


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
        output, _ = process.communicate(timeout=60)
    return process.returncode, output


@retry(retry=retry_if_result(lambda blocks: not blocks), stop=stop_after_delay(10), wait=wait_none())
def until_it_blocks(process: int) -> bool:
    status = Path(f"/proc/{process}/status").read_text()
    return bool(int(re.findall(r"^SigBlk:\s*(\w+)", status, re.MULTILINE)[0], 16) & 1 << signal.SIGINT - 1)


def moments(program: str) -> list[float]:
    number, seconds = MOMENTS[program]
    return [seconds * each / number for each in range(number)]


@pytest.mark.parametrize("seconds", moments("script"))
def test_the_script(clone: Path, seconds: float) -> None:
    code, output = interrupted(["./run", "-s"], clone, seconds, wait=True)
    assert "Traceback" not in output
    assert code == 2, output


def test_the_script_while_it_sets_up(clone: Path) -> None:
    """What takes long hears of it at once."""
    takes_long = 'set_up() { interruptible sleep 60 || fail 3 "sleep could not sleep"; }'
    source = (ROOT / "run").read_text().replace("\nset_up ", f"\n{takes_long}\nset_up ")
    script = clone / "sets-up"
    script.write_text(source)
    script.chmod(0o755)
    began = time.monotonic()
    assert interrupted(["./sets-up"], clone, 0.3, wait=True) == (2, "sets-up: interrupted\n")
    assert time.monotonic() - began < 30


def console_script(name: str) -> str:
    """What an installation writes for a command of pyproject.toml."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"][name]
    module, _, function = entry.partition(":")
    return f"import sys; from {module} import {function}; sys.exit({function}())"


@pytest.mark.parametrize(
    ("program", "seconds"), [(each, moment) for each in ("takeover", "pytest", "workers") for moment in moments(each)]
)
def test_a_program(clone: Path, program: str, seconds: float, new_tag: Callable[[], Any]) -> None:
    tag = new_tag()
    arguments = {
        "takeover": [sys.executable, "-c", console_script("takeover"), "compare", "nothing", "here"],
        "pytest": command("-s", "-n0", "suites"),
        "workers": command("-n2", "suites"),
    }[program]
    code, output = interrupted(arguments, clone, seconds, wait=False, **tag.environment)
    if NOT_OURS.search(output) or (code == -signal.SIGINT and not output):
        assert f'File "{ROOT}/takeover/' not in output
        assert "wrap_session" not in output
    else:
        assert "Traceback" not in output
        assert code == 2, output
    assert tag.processes() == []
