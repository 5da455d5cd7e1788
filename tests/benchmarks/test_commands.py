"""Benchmarks as commands: each says what it is, and takes nothing that it does not know."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(
    ".".join(each.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for pattern in ("*.py", "*/__main__.py")
    for each in (ROOT / "benchmarks").glob(pattern)
    if 'if __name__ == "__main__"' in each.read_text()
)


def ran(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The benchmark with those arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-m", command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_each_says_what_it_is(command: str) -> None:
    asked = ran(command, "--help")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith("usage:")


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_not_known_is_refused_in_a_line(command: str) -> None:
    asked = ran(command, "--odd")
    told = asked.stdout + asked.stderr
    assert asked.returncode in (2, 4), told  # of a command, of pytest
    assert re.search(r"unrecognized arguments: --odd|arguments are required", told)
    assert "Traceback" not in told
